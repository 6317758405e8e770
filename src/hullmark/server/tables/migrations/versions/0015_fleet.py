"""Counts of places by where, grade of isolation and verdict, made now and then: counting takes longer than a page may."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE fleet_count (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    platform text COLLATE "C" NOT NULL,
    cluster text COLLATE "C" NOT NULL,
    namespace text COLLATE "C" NOT NULL,
    environment text COLLATE "C" NOT NULL,
    grade smallint NOT NULL,                                   -- its place in GRADES; -1: nobody told
    verdict text NOT NULL,                                     -- the worst in force; '': nobody judged
    places bigint NOT NULL,
    PRIMARY KEY (account_id, platform, cluster, namespace, environment, grade, verdict)
);
-- When it was counted last
CREATE TABLE fleet_counted (
    account_id bigint PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    at timestamptz NOT NULL
);
-- What is to be rebuilt first
CREATE TABLE rebuild_plan (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    scope text NOT NULL CHECK (scope IN ('running', 'tagged')),
    body jsonb NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (account_id, scope)
);
"""
_NAMES = ("fleet_count", "fleet_counted", "rebuild_plan")


def upgrade() -> None:
    """Make the tables."""
    op.execute(_TABLES)
    for table in _NAMES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} TO hullmark_tenant"
            " USING (account_id = asking_account()) WITH CHECK (account_id = asking_account())"
        )
        op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO hullmark_tenant")


def downgrade() -> None:
    """Forget the counts and plans."""
    for table in _NAMES:
        op.execute(f"DROP TABLE {table}")
