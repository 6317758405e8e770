"""Images: what is kept of what their start reaches."""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Name it; it is worked out when an image is read again."""
    op.execute("ALTER TABLE image ADD COLUMN reach text NOT NULL DEFAULT ''")
    op.execute("CREATE INDEX image_reach ON image (reach) WHERE reach <> ''")


def downgrade() -> None:
    """Name it no longer."""
    op.execute("ALTER TABLE image DROP COLUMN reach")
