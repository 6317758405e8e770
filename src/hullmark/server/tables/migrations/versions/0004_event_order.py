"""The order of events: tenants may read which numbers were given, to tell those that are on their way from those that are not."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let tenants read the last number."""
    op.execute("GRANT SELECT ON SEQUENCE event_id_seq TO hullmark_tenant")


def downgrade() -> None:
    """Take it back."""
    op.execute("REVOKE SELECT ON SEQUENCE event_id_seq FROM hullmark_tenant")
