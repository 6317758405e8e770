"""A collector is the API key's that reported for it first: no other key may speak for it while that one is good."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Name it; null: nobody has reported since, or somebody who is not held to it."""
    op.execute("ALTER TABLE collector ADD COLUMN key_id bigint REFERENCES api_key ON DELETE SET NULL")
    op.execute("CREATE INDEX collector_key ON collector (key_id) WHERE key_id IS NOT NULL")


def downgrade() -> None:
    """Name it no longer."""
    op.execute("ALTER TABLE collector DROP COLUMN key_id")
