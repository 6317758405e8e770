"""Test cases beside policies, how often each rule fires in a trial, and losses of compliance in the order of time."""

from __future__ import annotations

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the columns and the indexes."""
    op.execute("ALTER TABLE policy ADD COLUMN tests text NOT NULL DEFAULT ''")
    op.execute("ALTER TABLE simulation ADD COLUMN hits jsonb NOT NULL DEFAULT '{}'")
    op.execute(
        "CREATE INDEX transition_compliance ON transition (account_id, at DESC, id DESC)"
        " WHERE kind IN ('compliance.lost', 'compliance.regained')"
    )
    op.execute("CREATE INDEX simulation_account ON simulation (account_id, created_at DESC, id DESC)")


def downgrade() -> None:
    """Forget them."""
    op.execute("DROP INDEX simulation_account")
    op.execute("DROP INDEX transition_compliance")
    op.execute("ALTER TABLE simulation DROP COLUMN hits")
    op.execute("ALTER TABLE policy DROP COLUMN tests")
