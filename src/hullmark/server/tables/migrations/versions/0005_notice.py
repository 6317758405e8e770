"""Notice: what changed and why (causes, transitions), who wants to hear of it (subscriptions, silences), and how it goes out (channels,
messages). Besides: what runs where, and which tags are watched."""

from __future__ import annotations

from pathlib import Path

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_BOUND_TO_ACCOUNT = (
    "deployment",
    "watch",
    "hook",
    "cause",
    "transition",
    "channel",
    "subscription",
    "silence",
    "message",
    "message_item",
    "delivery_attempt",
    "thread",
    "thread_image",
    "thread_change",
    "finding_change",
)

_COORDINATE_CHANGE = """
CREATE TABLE coordinate_change (
    snapshot_id bigint NOT NULL REFERENCES snapshot ON DELETE CASCADE,
    coordinate_id bigint NOT NULL REFERENCES coordinate ON DELETE CASCADE,
    PRIMARY KEY (snapshot_id, coordinate_id)
);
GRANT SELECT ON coordinate_change TO hullmark_tenant;
"""
"""What `match_change` took the place of."""
_REMOVAL = """
DROP INDEX image_exempt_package;
DROP INDEX simulation_flip_image;
DROP INDEX tag_image;
CREATE INDEX tag_image ON tag (account_id, image_id);
ALTER TABLE set_member ADD CONSTRAINT set_member_coordinate_id_fkey FOREIGN KEY (coordinate_id) REFERENCES coordinate;
ALTER TABLE verdict_history ADD CONSTRAINT verdict_history_account_id_fkey FOREIGN KEY (account_id) REFERENCES account ON DELETE CASCADE,
    ADD CONSTRAINT verdict_history_image_id_fkey FOREIGN KEY (image_id) REFERENCES image ON DELETE CASCADE;
"""
"""How things were found that were removed."""
_COUNTING = """
DROP TRIGGER uncount_inserted ON coordinate_state;
DROP TRIGGER uncount_updated ON coordinate_state;
DROP FUNCTION uncount_sets_of_changed_states;
DROP FUNCTION uncount_sets;
CREATE OR REPLACE FUNCTION uncount_sets_of_states() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE package_set SET counts = NULL WHERE counts IS NOT NULL AND id IN (
        SELECT member.set_id FROM changed JOIN package ON package.coordinate_id = changed.coordinate_id
        JOIN set_member member ON member.package_id = package.id);
    RETURN NULL;
END $$;
CREATE TRIGGER uncount_inserted AFTER INSERT ON coordinate_state REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION uncount_sets_of_states();
CREATE TRIGGER uncount_updated AFTER UPDATE ON coordinate_state REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION uncount_sets_of_states();
"""
"""How the counts of package sets came to be unknown before."""


def upgrade() -> None:
    """Make the tables."""
    op.execute(Path(__file__).with_suffix(".sql").read_text(encoding="utf-8"))
    for table in _BOUND_TO_ACCOUNT:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
            f"CREATE POLICY tenant ON {table} TO hullmark_tenant"
            " USING (account_id = asking_account()) WITH CHECK (account_id = asking_account());"
        )


def downgrade() -> None:
    """Drop them."""
    for part in (_COUNTING, _REMOVAL):
        op.execute(part)
    op.execute("DROP FUNCTION finding_changes")
    for table in ("wave_part", "wave", "match_change", "snapshot_news"):
        op.execute(f"DROP TABLE {table}")
    op.execute("ALTER TABLE rematch DROP COLUMN rank")
    op.execute(_COORDINATE_CHANGE)
    op.execute("ALTER TABLE matching DROP COLUMN carried_out_id")
    op.execute("ALTER TABLE verdict DROP COLUMN snapshot_id, DROP COLUMN finding_count, DROP COLUMN is_awaiting")
    op.execute("DROP INDEX verdict_history_changes")
    op.execute("DROP TRIGGER account_hears_by_default ON account")
    op.execute("DROP FUNCTION subscribe_by_default")
    for table in reversed(_BOUND_TO_ACCOUNT):
        op.execute(f"DROP TABLE {table} CASCADE")
    op.execute("DROP TABLE notice_latency")
    op.execute("ALTER TABLE verdict_history DROP COLUMN changes")
    op.execute("ALTER TABLE exception DROP COLUMN warned")
    op.execute("ALTER TABLE verdict DROP COLUMN next_at, DROP COLUMN is_clouded")
    op.execute("ALTER TABLE account_image DROP COLUMN certified_at")
    op.execute("ALTER TABLE anchore_subscription RENAME CONSTRAINT anchore_subscription_pkey TO subscription_pkey")
    op.execute("ALTER TABLE anchore_subscription RENAME TO subscription")
