"""Every change of a verdict in the order of time, and which advisories count in an account's images."""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_CHANGES = """
-- A verdict in force that says another word than the one before. Without foreign keys, as the history of verdicts is.
CREATE TABLE verdict_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL,
    image_id bigint NOT NULL,
    policy_id bigint NOT NULL,
    environment text NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    at timestamptz NOT NULL,
    history_id bigint NOT NULL,
    known_since timestamptz NOT NULL,                          -- when the image was judged in the environment first
    kind text NOT NULL,                                        -- of the cause, as cause.kind
    sentence text NOT NULL DEFAULT ''                          -- '': the transition's cause, or the changes of the verdict, say it
);
"""
_OF_THE_PAST = """
INSERT INTO verdict_change (account_id, image_id, policy_id, environment, before, after, at, history_id, known_since, kind, sentence)
SELECT past.account_id, past.image_id, past.policy_id, past.environment, coalesce(past.before, told.before), past.verdict, past.at, past.id,
    past.known_since, coalesce(told.kind, CASE past.cause WHEN 'advisories' THEN 'advisory' ELSE '' END), coalesce(told.sentence, '')
FROM (
    SELECT id, account_id, image_id, policy_id, environment, verdict, at, cause, lag(verdict) OVER slot AS before,
        min(at) OVER (PARTITION BY account_id, image_id, environment) AS known_since
    FROM verdict_history WHERE NOT is_shadow
    WINDOW slot AS (PARTITION BY account_id, image_id, environment, policy_id ORDER BY id)
) past LEFT JOIN LATERAL (
    SELECT transition.before, cause.kind, cause.sentence FROM transition JOIN cause ON cause.id = transition.cause_id
    WHERE transition.account_id = past.account_id AND transition.image_id = past.image_id AND transition.history_id = past.id
        AND transition.kind IN ('compliance.lost', 'compliance.regained') LIMIT 1
) told ON past.before IS DISTINCT FROM past.verdict
WHERE coalesce(past.before, told.before) <> past.verdict ORDER BY past.at, past.id;
CREATE INDEX verdict_change_time ON verdict_change (account_id, at DESC, id DESC);
CREATE INDEX verdict_change_slot ON verdict_change (account_id, image_id, environment, policy_id, at, id);
"""
_ADVISORIES = """
-- What counts in the images of an account, made now and then: counting takes longer than a page may
CREATE TABLE advisory_count (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,                            -- its CVE, or its id where it has none
    severity smallint NOT NULL,
    risk double precision NOT NULL,
    score double precision,
    epss double precision,
    is_exploited boolean NOT NULL,
    is_fixable boolean NOT NULL,
    images bigint NOT NULL,
    live bigint NOT NULL,                                      -- those of them that run, or that a tag points to
    summary text NOT NULL,
    PRIMARY KEY (account_id, name)
);
CREATE INDEX advisory_count_order ON advisory_count (account_id, risk DESC, name);
-- When it was counted last, and how many seconds that took
CREATE TABLE advisory_counted (
    account_id bigint PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    at timestamptz NOT NULL,
    seconds double precision NOT NULL
);
"""
_TABLES = ("verdict_change", "advisory_count", "advisory_counted")


def upgrade() -> None:
    """Make the tables; the changes that there were are found in the history of verdicts."""
    for part in (_CHANGES, _OF_THE_PAST, _ADVISORIES):
        op.execute(part)
    for table in _TABLES:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY tenant ON {table} TO hullmark_tenant"
            " USING (account_id = asking_account()) WITH CHECK (account_id = asking_account())"
        )
        op.execute(f"GRANT SELECT ON {table} TO hullmark_tenant")


def downgrade() -> None:
    """Forget them."""
    for table in _TABLES:
        op.execute(f"DROP TABLE {table}")
