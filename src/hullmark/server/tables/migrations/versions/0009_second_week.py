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
    for function in ("judging_queue(bigint)", "fetch_job_in_turn", "count_judging", "lately_judged"):
        op.execute(f"DROP FUNCTION {function}")
    op.execute("DROP INDEX procrastinate_jobs_turns")
    op.execute("UPDATE procrastinate_jobs SET queue_name = 'judging' WHERE queue_name IN ('costly', 'rejudging')")
    op.execute("ALTER TABLE policy_version DROP COLUMN is_costly")
    for table in ("judging_use", "policy_cost", "failed_sign_in"):
        op.execute(f"DROP TABLE {table}")
    op.execute("ALTER TABLE person ADD COLUMN failed integer NOT NULL DEFAULT 0, ADD COLUMN locked_until timestamptz")
