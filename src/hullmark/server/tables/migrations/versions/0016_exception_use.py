"""When exceptions covered something last; and what was judged long ago is nothing, instead of too small a number to be one."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_USE = """
ALTER TABLE exception ADD COLUMN used_at timestamptz;
CREATE INDEX exception_end ON exception (account_id, expires_at, id) WHERE ended_at IS NULL;
"""
_LATELY = """
CREATE OR REPLACE FUNCTION lately_judged(account bigint) RETURNS double precision LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT seconds * 0.5 ^ {minutes} FROM judging_use WHERE account_id = account), 0)
$$;
"""
_SINCE = "(extract(epoch FROM now() - at) / 60)"


def upgrade() -> None:
    """Add the column. After 1,075 minutes without a verdict the half of a half … was no double any more, and judging failed."""
    op.execute(_USE)
    op.execute(_LATELY.format(minutes=f"least({_SINCE}, 1000)"))


def downgrade() -> None:
    """Forget when exceptions were used."""
    op.execute(_LATELY.format(minutes=_SINCE))
    op.execute("DROP INDEX exception_end; ALTER TABLE exception DROP COLUMN used_at")
