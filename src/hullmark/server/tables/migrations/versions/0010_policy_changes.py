"""What another version of a policy changes of findings is written down by package set: a change names others, and the policy."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_FOLDER = Path(__file__).parent


def upgrade() -> None:
    """Let changes name others."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))


def downgrade() -> None:
    """Write down for each verdict what its changes name, and let them name nothing any more."""
    op.execute(
        "UPDATE verdict_history SET changes = finding_changes(changes) - 'policy' - 'rules' "
        "WHERE jsonb_typeof(changes) = 'array' AND EXISTS (SELECT FROM jsonb_array_elements_text(changes) AS each (number) "
        "JOIN finding_change ON id = number::bigint WHERE parts IS NOT NULL)"
    )
    op.execute("DELETE FROM procrastinate_jobs WHERE task_name = 'carry'")
    op.execute("DELETE FROM finding_change WHERE parts IS NOT NULL")
    op.execute("ALTER TABLE finding_change DROP COLUMN parts, DROP COLUMN policy_digest, DROP COLUMN rule_count")
    text = (_FOLDER / "0005_notice.sql").read_text(encoding="utf-8")
    before = text[text.index("CREATE FUNCTION finding_changes(") :]
    op.execute("CREATE OR REPLACE" + before[len("CREATE") : before.index("$$;") + 3])
