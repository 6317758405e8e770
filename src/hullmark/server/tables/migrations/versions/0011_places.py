"""What runs where: collectors tell places and images, kept as intervals; deployments become one source of them. Applications."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_BOUND_TO_ACCOUNT = (
    "collector",
    "collector_report",
    "listed_part",
    "label_set",
    "label",
    "isolation",
    "running_image",
    "placement",
    "running_container",
    "place_setting",
    "application",
    "application_version",
    "application_image",
)

_DEPLOYMENTS = """
CREATE TABLE deployment (
    account_id bigint NOT NULL,
    image_id bigint NOT NULL,
    environment text NOT NULL DEFAULT '',
    place text NOT NULL DEFAULT '' CHECK (length(place) <= 1000),
    since timestamptz NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, image_id, environment, place),
    FOREIGN KEY (account_id, image_id) REFERENCES account_image ON DELETE CASCADE
);
ALTER TABLE deployment ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON deployment TO hullmark_tenant USING (account_id = asking_account()) WITH CHECK (account_id = asking_account());
GRANT SELECT, INSERT, UPDATE, DELETE ON deployment TO hullmark_tenant;
INSERT INTO deployment (account_id, image_id, environment, place, since, seen_at)
    SELECT placed.account_id, ran.image_id, placed.environment, placed.told, placed.since, placed.seen_at
    FROM placement placed JOIN running_image ran ON ran.id = placed.running_image_id
    WHERE placed.collector_id IS NULL AND placed.until IS NULL AND ran.image_id IS NOT NULL ON CONFLICT DO NOTHING;
"""
_ROLES = """
ALTER TABLE subscription DROP COLUMN stopped;
DELETE FROM api_key WHERE role = 'agent';
DELETE FROM membership WHERE role = 'agent';
ALTER TABLE membership DROP CONSTRAINT membership_role_check;
ALTER TABLE membership ADD CONSTRAINT membership_role_check CHECK (role IN ('admin', 'editor', 'analyst', 'viewer', 'auditor', 'ci'));
ALTER TABLE api_key DROP CONSTRAINT api_key_role_check;
ALTER TABLE api_key ADD CONSTRAINT api_key_role_check CHECK (role IN ('admin', 'editor', 'analyst', 'viewer', 'auditor', 'ci'));
"""


def upgrade() -> None:
    """Make the tables, and take over what deployments told."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    for table in _BOUND_TO_ACCOUNT:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
            f"CREATE POLICY tenant ON {table} TO hullmark_tenant"
            " USING (account_id = asking_account()) WITH CHECK (account_id = asking_account());"
        )


def downgrade() -> None:
    """Keep what people told, and drop what collectors told."""
    op.execute(_DEPLOYMENTS)
    for function in ("join_running_images", "end_told_placements"):
        op.execute(f"DROP FUNCTION {function} CASCADE")
    op.execute("DROP FUNCTION image_that_runs(bigint, text, text, text)")
    for table in reversed(_BOUND_TO_ACCOUNT):
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute(_ROLES)
