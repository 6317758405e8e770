"""Snapshots of advisories may return: feeds that say again what they said before make the same file, which counts once more."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Let a digest be there more than once."""
    op.execute("ALTER TABLE snapshot DROP CONSTRAINT snapshot_digest_key")
    op.execute("CREATE INDEX snapshot_digest ON snapshot (digest, id)")


def downgrade() -> None:
    """Keep the newest of each digest."""
    for name in ("snapshot_id", "previous_id", "carried_out_id"):
        op.execute(
            f"UPDATE matching SET {name} = (SELECT max(same.id) FROM snapshot JOIN snapshot same USING (digest)"
            f" WHERE snapshot.id = {name})"
        )
    op.execute(
        "DELETE FROM snapshot USING snapshot newer WHERE newer.digest = snapshot.digest AND newer.id > snapshot.id"
    )
    op.execute("DROP INDEX snapshot_digest")
    op.execute("ALTER TABLE snapshot ADD CONSTRAINT snapshot_digest_key UNIQUE (digest)")
