"""Gates: what has changed of images since they asked, and the grace that verdicts grant."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_BOUND_TO_ACCOUNT = ("admission_gate", "admission_change")
_FUNCTIONS = (
    "note_admission_of_verdicts()",
    "note_admission_of_tags()",
    "note_admission_of_aliases()",
    "note_admission_changes(bigint[], bigint[])",
)
_ROLES = """
DELETE FROM api_key WHERE role = 'gate';
DELETE FROM membership WHERE role = 'gate';
ALTER TABLE membership DROP CONSTRAINT membership_role_check;
ALTER TABLE membership ADD CONSTRAINT membership_role_check
    CHECK (role IN ('admin', 'editor', 'analyst', 'viewer', 'auditor', 'ci', 'agent'));
ALTER TABLE api_key DROP CONSTRAINT api_key_role_check;
ALTER TABLE api_key ADD CONSTRAINT api_key_role_check CHECK (role IN ('admin', 'editor', 'analyst', 'viewer', 'auditor', 'ci', 'agent'));
"""


def upgrade() -> None:
    """Make the tables, and have changes noted."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    for table in _BOUND_TO_ACCOUNT:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
            f"CREATE POLICY tenant ON {table} TO hullmark_tenant"
            " USING (account_id = asking_account()) WITH CHECK (account_id = asking_account());"
        )


def downgrade() -> None:
    """Note nothing any more; gates lose their keys."""
    for function in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {function} CASCADE")
    for table in reversed(_BOUND_TO_ACCOUNT):
        op.execute(f"DROP TABLE {table}")
    op.execute("ALTER TABLE verdict DROP COLUMN grace_until, DROP COLUMN grace_reason")
    op.execute(_ROLES)
