"""What does not count in one image alone was never written down: its table goes."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLE = """
CREATE TABLE image_exempt (
    image_id bigint NOT NULL REFERENCES image ON DELETE CASCADE,
    package_id bigint NOT NULL REFERENCES package,
    advisory_id bigint NOT NULL REFERENCES advisory,
    suppressed_by text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (image_id, package_id, advisory_id)
);
CREATE INDEX image_exempt_package ON image_exempt (package_id);
GRANT SELECT ON image_exempt TO hullmark_tenant;
ALTER TABLE image_exempt ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON image_exempt TO hullmark_tenant USING (EXISTS (SELECT FROM account_image held
    WHERE held.image_id = image_exempt.image_id AND held.account_id = asking_account()));
"""


def upgrade() -> None:
    """Drop the table."""
    op.execute("DROP TABLE image_exempt")


def downgrade() -> None:
    """Make it again, empty as it was."""
    op.execute(_TABLE)
