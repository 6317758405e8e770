"""Places of images are found from an index alone; silent collectors are known; gates are told what policies ask of places."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_NOTES = """
CREATE OR REPLACE FUNCTION note_admission_of_verdicts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM admission_gate) THEN
        RETURN NULL;
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM note_admission_changes(array_agg(fresh.account_id), array_agg(fresh.image_id))
            FROM fresh JOIN stale USING (account_id, image_id, policy_id, environment, is_shadow)
            WHERE NOT fresh.is_shadow AND (fresh.verdict <> stale.verdict
                OR (fresh.grace_until, fresh.grace_reason) IS DISTINCT FROM (stale.grace_until, stale.grace_reason)
                OR {more}fresh.verdict <> 'go' AND fresh.reason <> stale.reason);
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM note_admission_changes(array_agg(account_id), array_agg(image_id)) FROM fresh WHERE NOT is_shadow;
    ELSE
        PERFORM note_admission_changes(array_agg(account_id), array_agg(image_id)) FROM stale WHERE NOT is_shadow;
    END IF;
    RETURN NULL;
END $$"""
_DEMANDS = """fresh.demands IS DISTINCT FROM stale.demands OR fresh.demands IS NOT NULL AND fresh.stops <> stale.stops
                OR """
_STATEMENTS = """
CREATE TABLE published_statement (
    account_id bigint NOT NULL,
    image_id bigint NOT NULL,
    policy_id bigint NOT NULL REFERENCES policy ON DELETE CASCADE,
    environment text NOT NULL,
    repository text NOT NULL,
    history_id bigint,
    verdict text NOT NULL,
    expires_at timestamptz,
    retry_at timestamptz,
    failures integer NOT NULL,
    PRIMARY KEY (account_id, image_id, policy_id, environment, repository),
    FOREIGN KEY (account_id, image_id) REFERENCES account_image ON DELETE CASCADE
);
CREATE INDEX published_statement_policy ON published_statement (policy_id);
CREATE INDEX published_statement_due ON published_statement (account_id, expires_at);
CREATE INDEX published_statement_retry ON published_statement (account_id, retry_at) WHERE retry_at IS NOT NULL;
ALTER TABLE published_statement ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON published_statement TO hullmark_tenant
    USING (account_id = asking_account()) WITH CHECK (account_id = asking_account());
GRANT SELECT, INSERT, UPDATE, DELETE ON published_statement TO hullmark_tenant;
"""
_INDEX = "CREATE INDEX placement_image ON placement (running_image_id, cluster, namespace, workload, container, id)"


def upgrade() -> None:
    """Change indexes and columns."""
    op.execute("DROP INDEX placement_image")
    # With the account, which every query asks for.
    op.execute(f"{_INDEX} INCLUDE (account_id) WHERE until IS NULL")
    # Since when it has been known that a collector is silent; null: it is not
    op.execute("ALTER TABLE collector ADD COLUMN silent_since timestamptz")
    op.execute("ALTER TABLE place_setting ADD COLUMN silent_after integer NOT NULL DEFAULT 3600")
    op.execute("ALTER TABLE registry ADD COLUMN publishes boolean NOT NULL DEFAULT false")
    # What lies signed beside images in registries
    op.execute(_STATEMENTS)
    # What a policy asks of places (model.admission.PlaceDemands); null: nothing
    op.execute("ALTER TABLE verdict ADD COLUMN demands jsonb")
    op.execute(_NOTES.format(more=_DEMANDS))
    op.execute("""
        UPDATE verdict SET next_at = now() FROM verdict_history history
        JOIN policy_version version ON version.policy_id = history.policy_id AND version.version = history.policy_version
        WHERE history.id = verdict.history_id AND position('isolation' IN version.text) > 0""")
    op.execute("CREATE INDEX collector_reported ON collector (reported_at) WHERE ended_at IS NULL")


def downgrade() -> None:
    """As it was."""
    op.execute("DROP INDEX collector_reported")
    op.execute("DROP TABLE published_statement")
    op.execute("ALTER TABLE registry DROP COLUMN publishes")
    op.execute(_NOTES.format(more=""))
    op.execute("ALTER TABLE verdict DROP COLUMN demands")
    op.execute("ALTER TABLE place_setting DROP COLUMN silent_after")
    op.execute("ALTER TABLE collector DROP COLUMN silent_since")
    op.execute("DROP INDEX placement_image")
    op.execute(f"{_INDEX} WHERE until IS NULL")
