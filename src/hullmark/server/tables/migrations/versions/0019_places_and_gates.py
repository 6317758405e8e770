"""Places of images are found from an index alone; collectors that went silent are known."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_INDEX = "CREATE INDEX placement_image ON placement (running_image_id, cluster, namespace, workload, container, id)"


def upgrade() -> None:
    """Change indexes and columns."""
    op.execute("DROP INDEX placement_image")
    # With the account, which every query asks for.
    op.execute(f"{_INDEX} INCLUDE (account_id) WHERE until IS NULL")
    # Since when it has been known that a collector is silent; null: it is not
    op.execute("ALTER TABLE collector ADD COLUMN silent_since timestamptz")
    op.execute("ALTER TABLE place_setting ADD COLUMN silent_after integer NOT NULL DEFAULT 3600")
    op.execute("CREATE INDEX collector_reported ON collector (reported_at) WHERE ended_at IS NULL")


def downgrade() -> None:
    """As it was."""
    op.execute("DROP INDEX collector_reported")
    op.execute("ALTER TABLE place_setting DROP COLUMN silent_after")
    op.execute("ALTER TABLE collector DROP COLUMN silent_since")
    op.execute("DROP INDEX placement_image")
    op.execute(f"{_INDEX} WHERE until IS NULL")
