"""The column that says whether a verdict rests on what could not be told is called as it is everywhere else."""

from __future__ import annotations

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Give it its name."""
    op.execute("ALTER TABLE verdict RENAME COLUMN is_clouded TO has_unknowns")


def downgrade() -> None:
    """Give it its old name."""
    op.execute("ALTER TABLE verdict RENAME COLUMN has_unknowns TO is_clouded")
