"""Places of images are found from an index alone: it holds the account too, which every query asks for."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_INDEX = "CREATE INDEX placement_image ON placement (running_image_id, cluster, namespace, workload, container, id)"


def upgrade() -> None:
    """Make the index again."""
    op.execute("DROP INDEX placement_image")
    op.execute(f"{_INDEX} INCLUDE (account_id) WHERE until IS NULL")


def downgrade() -> None:
    """As it was."""
    op.execute("DROP INDEX placement_image")
    op.execute(f"{_INDEX} WHERE until IS NULL")
