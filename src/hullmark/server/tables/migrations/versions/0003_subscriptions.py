"""Subscriptions: what an account wants to hear of."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_SUBSCRIPTIONS = """
CREATE TABLE subscription (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    id text NOT NULL CHECK (length(id) BETWEEN 1 AND 100),
    type text NOT NULL CHECK (type IN ('policy_eval', 'tag_update', 'vuln_update', 'repo_update', 'analysis_update')),
    key text NOT NULL CHECK (length(key) BETWEEN 1 AND 1200),
    value text CHECK (length(value) <= 4000000),
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, id),
    UNIQUE (account_id, type, key)
);
CREATE INDEX subscription_watched ON subscription (type, account_id) WHERE is_active;
ALTER TABLE subscription ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON subscription TO hullmark_tenant
    USING (account_id = asking_account()) WITH CHECK (account_id = asking_account());
GRANT SELECT, INSERT, UPDATE, DELETE ON subscription TO hullmark_tenant;
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(_SUBSCRIPTIONS)


def downgrade() -> None:
    """Drop it."""
    op.execute("DROP TABLE subscription")
