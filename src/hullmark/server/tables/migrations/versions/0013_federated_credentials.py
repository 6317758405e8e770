"""Federated credentials: whose tokens of other issuers are exchanged for ours, and for which role."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE federated_credential (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    issuer text NOT NULL CHECK (length(issuer) <= 500),
    audience text NOT NULL CHECK (length(audience) BETWEEN 1 AND 500),
    -- Claims that a token must have, by name, each a pattern in which * stands for anything
    conditions jsonb NOT NULL,
    role text NOT NULL CHECK (role IN ('admin', 'editor', 'analyst', 'viewer', 'auditor', 'ci', 'agent', 'gate')),
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    UNIQUE (account_id, name)
);
ALTER TABLE federated_credential ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON federated_credential TO hullmark_tenant
    USING (account_id = asking_account()) WITH CHECK (account_id = asking_account());
GRANT SELECT, INSERT, UPDATE, DELETE ON federated_credential TO hullmark_tenant;
"""


def upgrade() -> None:
    """Make the table."""
    op.execute(_TABLE)


def downgrade() -> None:
    """Forget the credentials."""
    op.execute("DROP TABLE federated_credential")
