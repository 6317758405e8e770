"""What pages ask: when exceptions covered something, how weights of advisories changed; and what was judged long ago counts as nothing."""

from __future__ import annotations

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_USE = """
ALTER TABLE exception ADD COLUMN used_at timestamptz;
CREATE INDEX exception_end ON exception (account_id, expires_at, id) WHERE ended_at IS NULL;
CREATE INDEX verdict_grace ON verdict (account_id, grace_until, image_id) WHERE grace_until IS NOT NULL AND NOT is_shadow;
CREATE INDEX transition_compliance_order ON transition (account_id, id) WHERE kind IN ('compliance.lost', 'compliance.regained');
CREATE INDEX cause_subject ON cause (account_id, (left(subject, 200)), id);
"""
_WEIGHTS = """
-- How the weight of a CVE changed since it was met here first: rows where EPSS moved by a hundredth, or KEV came or went
CREATE TABLE advisory_weight (
    cve text COLLATE "C" NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    epss double precision,
    percentile double precision,
    kev_added text,
    PRIMARY KEY (cve, at)
);
CREATE INDEX advisory_weight_age ON advisory_weight USING brin (at);
GRANT SELECT ON advisory_weight TO hullmark_tenant;
CREATE FUNCTION note_weights() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO advisory_weight (cve, epss, percentile, kev_added)
    SELECT DISTINCT ON (written.cve) written.cve, written.epss, written.percentile, written.kev_added
    FROM written LEFT JOIN LATERAL (
        SELECT epss, kev_added FROM advisory_weight known WHERE known.cve = written.cve ORDER BY at DESC LIMIT 1
    ) last ON true
    WHERE written.cve <> '' AND (written.epss IS NOT NULL OR written.kev_added IS NOT NULL OR last IS NOT NULL)
        AND (last IS NULL OR written.kev_added IS DISTINCT FROM last.kev_added OR (written.epss IS NULL) <> (last.epss IS NULL)
            OR abs(written.epss - last.epss) >= 0.01)
    ORDER BY written.cve ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER advisory_weighed AFTER UPDATE ON advisory REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION note_weights();
CREATE TRIGGER advisory_met AFTER INSERT ON advisory REFERENCING NEW TABLE AS written
    FOR EACH STATEMENT EXECUTE FUNCTION note_weights();
INSERT INTO advisory_weight (cve, epss, percentile, kev_added)
    SELECT DISTINCT ON (cve) cve, epss, percentile, kev_added FROM advisory
    WHERE cve <> '' AND (epss IS NOT NULL OR kev_added IS NOT NULL) ORDER BY cve;
"""
_LATELY = """
CREATE OR REPLACE FUNCTION lately_judged(account bigint) RETURNS double precision LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT seconds * 0.5 ^ {minutes} FROM judging_use WHERE account_id = account), 0)
$$;
"""
_SINCE = "(extract(epoch FROM now() - at) / 60)"


def upgrade() -> None:
    """After 1,075 minutes without a verdict the half of a half … was no double any more, and judging failed."""
    op.execute(_USE)
    op.execute(_WEIGHTS)
    op.execute(_LATELY.format(minutes=f"least({_SINCE}, 1000)"))


def downgrade() -> None:
    """Forget when exceptions were used, and how weights changed."""
    op.execute(_LATELY.format(minutes=_SINCE))
    op.execute("DROP TRIGGER advisory_weighed ON advisory; DROP TRIGGER advisory_met ON advisory")
    op.execute("DROP FUNCTION note_weights; DROP TABLE advisory_weight")
    for index in ("verdict_grace", "transition_compliance_order", "cause_subject", "exception_end"):
        op.execute(f"DROP INDEX {index}")
    op.execute("ALTER TABLE exception DROP COLUMN used_at")
