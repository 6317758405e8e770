"""Failed sign-ins count by person and network, so that a guesser elsewhere locks nobody out; what judging costs is counted, by policy and
by account; jobs of judging are taken in turns."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables. Locks of before end."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Count by person alone again."""
    op.execute("DROP TABLE failed_sign_in")
    op.execute("ALTER TABLE person ADD COLUMN failed integer NOT NULL DEFAULT 0, ADD COLUMN locked_until timestamptz;")
