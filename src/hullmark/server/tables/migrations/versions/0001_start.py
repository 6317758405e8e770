"""Accounts and who belongs to them, images, tags, policies, exceptions, verdicts, and what is written down of all changes."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_BOUND_TO_ACCOUNT = (
    "membership",
    "api_key",
    "registry",
    "account_image",
    "tag",
    "tag_move",
    "upload",
    "policy",
    "policy_version",
    "activation",
    "exception",
    "verdict",
    "verdict_history",
    "simulation",
    "simulation_flip",
    "event",
    "idempotency",
)


def upgrade() -> None:
    """Make everything."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    for table in _BOUND_TO_ACCOUNT:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
            f"CREATE POLICY tenant ON {table} TO hullmark_tenant"
            " USING (account_id = asking_account()) WITH CHECK (account_id = asking_account());"
        )


def downgrade() -> None:
    """There is nothing before this."""
    tables = (
        *reversed(_BOUND_TO_ACCOUNT),
        "image_layer",
        "image_alias",
        "image",
        "person",
        "audit",
        "setting",
        "account",
    )
    for table in tables:
        op.execute(f"DROP TABLE IF EXISTS {table} CASCADE")
    op.execute("DROP FUNCTION asking_account()")
    op.execute("DROP FUNCTION defer_job")
