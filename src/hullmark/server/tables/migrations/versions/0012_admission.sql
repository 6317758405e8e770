-- What gates go by: grace beside verdicts, and which images have changed since a gate asked. Only accounts with gates write changes down.

ALTER TABLE membership DROP CONSTRAINT membership_role_check;
ALTER TABLE membership ADD CONSTRAINT membership_role_check
    CHECK (role IN ('admin', 'editor', 'analyst', 'viewer', 'auditor', 'ci', 'agent', 'gate'));
ALTER TABLE api_key DROP CONSTRAINT api_key_role_check;
ALTER TABLE api_key ADD CONSTRAINT api_key_role_check
    CHECK (role IN ('admin', 'editor', 'analyst', 'viewer', 'auditor', 'ci', 'agent', 'gate'));

-- Until when the image may start again in spite of findings that would stop it where it did not run, and what they are
ALTER TABLE verdict ADD COLUMN grace_until timestamptz, ADD COLUMN grace_reason text NOT NULL DEFAULT '';

-- An account with gates, since a transaction: whatever ended before it saw none
CREATE TABLE admission_gate (
    account_id bigint PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    id uuid NOT NULL DEFAULT gen_random_uuid(),
    since xid8 NOT NULL DEFAULT pg_current_xact_id(),
    asked_at timestamptz NOT NULL
);
-- The images of it whose verdicts, names or digests have changed since, and by which transaction they did last
CREATE TABLE admission_change (
    account_id bigint NOT NULL REFERENCES admission_gate ON DELETE CASCADE,
    image_id bigint NOT NULL,
    digest text NOT NULL,
    changed_by xid8 NOT NULL,
    PRIMARY KEY (account_id, image_id)
);
CREATE INDEX admission_change_order ON admission_change (account_id, changed_by, image_id);

CREATE FUNCTION note_admission_changes(accounts bigint[], images bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    INSERT INTO admission_change (account_id, image_id, digest, changed_by)
        SELECT DISTINCT gate.account_id, image.id, image.digest, pg_current_xact_id()
        FROM unnest(accounts, images) AS changed (account_id, image_id)
        JOIN admission_gate gate ON gate.account_id = changed.account_id JOIN image ON image.id = changed.image_id
        ORDER BY 1, 2
        ON CONFLICT (account_id, image_id) DO UPDATE SET changed_by = EXCLUDED.changed_by
$$;
-- Of verdicts: the word, grace, and the reason where it is shown
CREATE FUNCTION note_admission_of_verdicts() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM admission_gate) THEN
        RETURN NULL;
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM note_admission_changes(array_agg(fresh.account_id), array_agg(fresh.image_id))
            FROM fresh JOIN stale USING (account_id, image_id, policy_id, environment, is_shadow)
            WHERE NOT fresh.is_shadow AND (fresh.verdict <> stale.verdict
                OR (fresh.grace_until, fresh.grace_reason) IS DISTINCT FROM (stale.grace_until, stale.grace_reason)
                OR fresh.verdict <> 'go' AND fresh.reason <> stale.reason);
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM note_admission_changes(array_agg(account_id), array_agg(image_id)) FROM fresh WHERE NOT is_shadow;
    ELSE
        PERFORM note_admission_changes(array_agg(account_id), array_agg(image_id)) FROM stale WHERE NOT is_shadow;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER notes_admission_insert AFTER INSERT ON verdict REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_admission_of_verdicts();
CREATE TRIGGER notes_admission_update AFTER UPDATE ON verdict REFERENCING OLD TABLE AS stale NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_admission_of_verdicts();
CREATE TRIGGER notes_admission_delete AFTER DELETE ON verdict REFERENCING OLD TABLE AS stale
    FOR EACH STATEMENT EXECUTE FUNCTION note_admission_of_verdicts();
-- Of tags: which image they point to
CREATE FUNCTION note_admission_of_tags() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM admission_gate) THEN
        RETURN NULL;
    ELSIF TG_OP = 'UPDATE' THEN
        PERFORM note_admission_changes(array_agg(fresh.account_id), array_agg(fresh.image_id))
            FROM fresh JOIN stale USING (account_id, registry, repository, tag, image_id) WHERE fresh.is_current <> stale.is_current;
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM note_admission_changes(array_agg(account_id), array_agg(image_id)) FROM fresh;
    ELSE
        PERFORM note_admission_changes(array_agg(account_id), array_agg(image_id)) FROM stale;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER notes_admission_insert AFTER INSERT ON tag REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_admission_of_tags();
CREATE TRIGGER notes_admission_update AFTER UPDATE ON tag REFERENCING OLD TABLE AS stale NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_admission_of_tags();
CREATE TRIGGER notes_admission_delete AFTER DELETE ON tag REFERENCING OLD TABLE AS stale
    FOR EACH STATEMENT EXECUTE FUNCTION note_admission_of_tags();
-- Of digests: what else the image is known by, in whichever account
CREATE FUNCTION note_admission_of_aliases() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
BEGIN
    PERFORM note_admission_changes(array_agg(held.account_id), array_agg(held.image_id))
        FROM fresh JOIN account_image held ON held.image_id = fresh.image_id JOIN admission_gate USING (account_id);
    RETURN NULL;
END $$;
CREATE TRIGGER notes_admission AFTER INSERT ON image_alias REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION note_admission_of_aliases();

GRANT SELECT, INSERT, UPDATE, DELETE ON admission_gate, admission_change TO hullmark_tenant;
