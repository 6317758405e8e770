-- Failed sign-ins of a person from one network: the /64 of an IPv6 address, an IPv4 address, "" where no address is known
CREATE TABLE failed_sign_in (
    person_id bigint NOT NULL REFERENCES person ON DELETE CASCADE,
    network text NOT NULL,
    failed integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    last_at timestamptz NOT NULL,
    PRIMARY KEY (person_id, network)
);
CREATE INDEX failed_sign_in_age ON failed_sign_in (last_at);
ALTER TABLE person DROP COLUMN failed, DROP COLUMN locked_until;

-- What judging by a version of a policy took: images, processor seconds of all of them, and of the dearest
CREATE TABLE policy_cost (
    version_id bigint PRIMARY KEY REFERENCES policy_version ON DELETE CASCADE,
    images bigint NOT NULL,
    seconds double precision NOT NULL,
    most double precision NOT NULL
);
ALTER TABLE policy_cost ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON policy_cost FOR SELECT TO hullmark_tenant USING (EXISTS (SELECT FROM policy_version kept
    WHERE kept.id = policy_cost.version_id AND kept.account_id = asking_account()));
GRANT SELECT ON policy_cost TO hullmark_tenant;
-- How long an account was judged lately, in processor seconds that count half after each minute: who had least is next
CREATE TABLE judging_use (
    account_id bigint PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    seconds double precision NOT NULL,
    at timestamptz NOT NULL
);
-- Versions of policies that take long, as far as is known
ALTER TABLE policy_version ADD COLUMN is_costly boolean NOT NULL DEFAULT false;

CREATE INDEX procrastinate_jobs_turns ON procrastinate_jobs
    (queue_name, (coalesce((args ->> 'account_id')::bigint, 0)), priority DESC, id) WHERE status = 'todo';

CREATE FUNCTION lately_judged(account bigint) RETURNS double precision LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT seconds * 0.5 ^ (extract(epoch FROM now() - at) / 60) FROM judging_use WHERE account_id = account), 0)
$$;
CREATE FUNCTION count_judging(account bigint, taken double precision) RETURNS void LANGUAGE sql AS $$
    INSERT INTO judging_use SELECT id, taken, now() FROM account AS known WHERE known.id = count_judging.account
    ON CONFLICT (account_id) DO UPDATE SET seconds = lately_judged(EXCLUDED.account_id) + EXCLUDED.seconds, at = EXCLUDED.at
$$;

-- The next job of some queues: of the account that was judged least lately, but what nobody waits for (a priority below zero) last
CREATE FUNCTION fetch_job_in_turn(queues text[], worker bigint) RETURNS procrastinate_jobs LANGUAGE plpgsql AS $$
DECLARE
    waiting record;
    found_job procrastinate_jobs;
BEGIN
    FOR waiting IN
        WITH RECURSIVE asking AS (
            SELECT queue, (SELECT coalesce((args ->> 'account_id')::bigint, 0) FROM procrastinate_jobs
                WHERE status = 'todo' AND queue_name = queue ORDER BY coalesce((args ->> 'account_id')::bigint, 0) LIMIT 1) AS account
            FROM unnest(queues) AS queue
            UNION ALL
            SELECT queue, (SELECT coalesce((args ->> 'account_id')::bigint, 0) FROM procrastinate_jobs
                WHERE status = 'todo' AND queue_name = queue AND coalesce((args ->> 'account_id')::bigint, 0) > asking.account
                ORDER BY coalesce((args ->> 'account_id')::bigint, 0) LIMIT 1)
            FROM asking WHERE account IS NOT NULL
        )
        SELECT queue, account, is_urgent FROM asking CROSS JOIN (VALUES (true), (false)) AS urgency (is_urgent) WHERE account IS NOT NULL
        ORDER BY is_urgent DESC, lately_judged(account), account
    LOOP
        SELECT * INTO found_job FROM procrastinate_jobs job
            WHERE status = 'todo' AND queue_name = waiting.queue AND coalesce((args ->> 'account_id')::bigint, 0) = waiting.account
                AND (priority >= 0) = waiting.is_urgent AND (scheduled_at IS NULL OR scheduled_at <= now())
            ORDER BY priority DESC, id LIMIT 1 FOR UPDATE SKIP LOCKED;
        IF FOUND THEN
            -- Those who ask meanwhile take another's: what the job really takes is counted when it ends.
            PERFORM count_judging(waiting.account, 0.01);
            UPDATE procrastinate_jobs SET status = 'doing', worker_id = worker WHERE id = found_job.id RETURNING * INTO found_job;
            RETURN found_job;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- Accounts whose policies take long wait in a queue of their own: nobody else waits for them
CREATE FUNCTION judging_queue(account bigint) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT CASE WHEN EXISTS (SELECT FROM activation JOIN policy_version ON policy_version.id = activation.version_id
        WHERE activation.account_id = account AND policy_version.is_costly AND activation.ended_at IS NULL)
        THEN 'costly' ELSE 'judging' END
$$;
