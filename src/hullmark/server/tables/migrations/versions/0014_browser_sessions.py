"""Sessions of people who use the console in a browser."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE browser_session (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- SHA-256 of what the cookie holds
    digest bytea NOT NULL UNIQUE CHECK (length(digest) = 32),
    -- Who signed in, as the audit log's callers are named: person:7, oidc:ISSUER#SUBJECT
    owner text NOT NULL CHECK (length(owner) <= 1200),
    person_id bigint REFERENCES person ON DELETE CASCADE,
    -- What the identity provider said, where one did; else null, and `mark` is that of the password
    identity jsonb,
    mark text NOT NULL,
    created_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL,
    address text NOT NULL CHECK (length(address) <= 100),
    agent text NOT NULL CHECK (length(agent) <= 300)
);
CREATE INDEX browser_session_owner ON browser_session (owner, created_at);
CREATE INDEX browser_session_person ON browser_session (person_id);
CREATE INDEX browser_session_seen ON browser_session (seen_at);
CREATE INDEX browser_session_end ON browser_session (ends_at);
"""


def upgrade() -> None:
    """Make the table, which no tenant's role may look into."""
    op.execute(_TABLE)


def downgrade() -> None:
    """Sign everybody out."""
    op.execute("DROP TABLE browser_session")
