-- The first form of the database, as revision 0001 makes it.

-- Who there is
CREATE TABLE account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    email text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'disabled', 'deleting')),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE person (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    subject text UNIQUE,
    password_hash text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'enabled' CHECK (state IN ('enabled', 'disabled')),
    is_operator boolean NOT NULL DEFAULT false,
    failed integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE membership (
    person_id bigint NOT NULL REFERENCES person ON DELETE CASCADE,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    role text NOT NULL CHECK (role IN ('admin', 'editor', 'analyst', 'viewer', 'auditor', 'ci')),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (person_id, account_id)
);
CREATE INDEX membership_account ON membership (account_id);
CREATE TABLE api_key (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    person_id bigint REFERENCES person ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    prefix text NOT NULL,
    digest bytea NOT NULL UNIQUE,
    role text NOT NULL CHECK (role IN ('admin', 'editor', 'analyst', 'viewer', 'auditor', 'ci')),
    scopes text[] NOT NULL DEFAULT '{}',
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, name)
);
CREATE TABLE registry (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    pattern text NOT NULL CHECK (length(pattern) BETWEEN 1 AND 300),
    username text NOT NULL DEFAULT '',
    secret bytea NOT NULL,
    kind text NOT NULL DEFAULT 'docker_v2' CHECK (kind IN ('docker_v2', 'awsecr')),
    verify boolean NOT NULL DEFAULT true,
    parallel integer NOT NULL DEFAULT 3 CHECK (parallel BETWEEN 1 AND 64),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, pattern)
);

-- Images
CREATE TABLE image (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest text NOT NULL UNIQUE,
    config_digest text NOT NULL DEFAULT '',
    kind text NOT NULL DEFAULT 'registry' CHECK (kind IN ('registry', 'upload', 'sbom')),
    media_type text NOT NULL DEFAULT '',
    platform text NOT NULL DEFAULT '',
    size bigint NOT NULL DEFAULT 0,
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'analysing', 'analysed', 'failed')),
    reason text NOT NULL DEFAULT '',
    advice text NOT NULL DEFAULT '',
    attempts integer NOT NULL DEFAULT 0,
    lease_by text NOT NULL DEFAULT '',
    lease_until timestamptz,
    fingerprint text NOT NULL DEFAULT '',
    document text NOT NULL DEFAULT '',
    files text NOT NULL DEFAULT '',
    upload text NOT NULL DEFAULT '',
    distro text NOT NULL DEFAULT '',
    package_count integer NOT NULL DEFAULT 0,
    file_count integer NOT NULL DEFAULT 0,
    layer_count integer NOT NULL DEFAULT 0,
    created_at timestamptz,
    added_at timestamptz NOT NULL DEFAULT now(),
    analysed_at timestamptz
);
CREATE INDEX image_unfinished ON image (state, lease_until) WHERE state IN ('waiting', 'analysing');
CREATE INDEX image_upload ON image (upload) WHERE upload <> '';
CREATE INDEX image_document ON image (document);
CREATE INDEX image_files ON image (files);
CREATE INDEX image_outdated ON image (fingerprint, id) WHERE state = 'analysed';
CREATE TABLE image_alias (
    digest text NOT NULL,
    image_id bigint NOT NULL REFERENCES image ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN ('index', 'manifest', 'config')),
    PRIMARY KEY (digest, image_id)
);
CREATE INDEX image_alias_image ON image_alias (image_id);
CREATE TABLE image_layer (
    image_id bigint NOT NULL REFERENCES image ON DELETE CASCADE,
    position integer NOT NULL,
    digest text NOT NULL,
    diff_id text NOT NULL,
    size bigint NOT NULL,
    PRIMARY KEY (image_id, position)
);
CREATE INDEX image_layer_digest ON image_layer (digest);
CREATE TABLE account_image (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    image_id bigint NOT NULL REFERENCES image ON DELETE CASCADE,
    reference text NOT NULL DEFAULT '',
    annotations jsonb NOT NULL DEFAULT '{}',
    dockerfile text NOT NULL DEFAULT '',
    added_by text NOT NULL DEFAULT '',
    added_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, image_id)
);
CREATE INDEX account_image_newest ON account_image (account_id, added_at DESC, image_id DESC);
CREATE INDEX account_image_image ON account_image (image_id);
CREATE TABLE tag (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    registry text NOT NULL,
    repository text NOT NULL,
    tag text NOT NULL,
    image_id bigint NOT NULL REFERENCES image ON DELETE CASCADE,
    seen_at timestamptz NOT NULL DEFAULT now(),
    is_current boolean NOT NULL DEFAULT true,
    PRIMARY KEY (account_id, registry, repository, tag, image_id),
    FOREIGN KEY (account_id, image_id) REFERENCES account_image ON DELETE CASCADE
);
CREATE UNIQUE INDEX tag_current ON tag (account_id, registry, repository, tag) WHERE is_current;
CREATE INDEX tag_image ON tag (account_id, image_id);
CREATE TABLE tag_move (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    registry text NOT NULL,
    repository text NOT NULL,
    tag text NOT NULL,
    image_id bigint NOT NULL REFERENCES image ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX tag_move_tag ON tag_move (account_id, registry, repository, tag, at DESC, id DESC);
CREATE INDEX tag_move_image ON tag_move (image_id);
CREATE TABLE upload (
    id uuid PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    object text NOT NULL,
    size bigint NOT NULL DEFAULT 0,
    digest text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'receiving' CHECK (state IN ('receiving', 'received', 'used')),
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX upload_age ON upload (created_at);

-- Policies and what they say
CREATE TABLE policy (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, name)
);
CREATE TABLE policy_version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    policy_id bigint NOT NULL REFERENCES policy ON DELETE CASCADE,
    version integer NOT NULL,
    text text NOT NULL,
    digest text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('native', 'anchore')),
    note text NOT NULL DEFAULT '',
    is_draft boolean NOT NULL DEFAULT false,
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (policy_id, version)
);
CREATE TABLE activation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    environment text NOT NULL DEFAULT '',
    selector text NOT NULL DEFAULT '*',
    version_id bigint NOT NULL REFERENCES policy_version ON DELETE CASCADE,
    is_shadow boolean NOT NULL DEFAULT false,
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE UNIQUE INDEX activation_one ON activation (account_id, environment, selector)
    WHERE ended_at IS NULL AND NOT is_shadow;
CREATE INDEX activation_account ON activation (account_id) WHERE ended_at IS NULL;
CREATE TABLE exception (
    id uuid PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    body jsonb NOT NULL,
    owner text NOT NULL,
    reason text NOT NULL,
    expires_at timestamptz,
    expired_at timestamptz,
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX exception_account ON exception (account_id) WHERE ended_at IS NULL;
CREATE INDEX exception_expiry ON exception (expires_at) WHERE ended_at IS NULL AND expired_at IS NULL;
CREATE TABLE verdict (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    image_id bigint NOT NULL REFERENCES image ON DELETE CASCADE,
    policy_id bigint NOT NULL REFERENCES policy ON DELETE CASCADE,
    environment text NOT NULL DEFAULT '',
    reference text NOT NULL DEFAULT '',
    is_shadow boolean NOT NULL DEFAULT false,
    history_id bigint NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('go', 'warn', 'stop', 'unknown')),
    reason text NOT NULL,
    stops integer NOT NULL,
    warns integer NOT NULL,
    judged_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, image_id, policy_id, environment, is_shadow),
    FOREIGN KEY (account_id, image_id) REFERENCES account_image ON DELETE CASCADE
);
CREATE INDEX verdict_outcome ON verdict (account_id, verdict, image_id) WHERE NOT is_shadow;
CREATE INDEX verdict_image ON verdict (image_id);
CREATE TABLE verdict_history (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    image_id bigint NOT NULL REFERENCES image ON DELETE CASCADE,
    policy_id bigint NOT NULL,
    policy_version integer NOT NULL,
    environment text NOT NULL,
    reference text NOT NULL,
    is_shadow boolean NOT NULL DEFAULT false,
    verdict text NOT NULL CHECK (verdict IN ('go', 'warn', 'stop', 'unknown')),
    reason text NOT NULL,
    stops integer NOT NULL,
    warns integer NOT NULL,
    document text NOT NULL,
    image_digest text NOT NULL,
    policy_digest text NOT NULL,
    exceptions_digest text NOT NULL DEFAULT '',
    snapshot_digest text NOT NULL DEFAULT '',
    analyzer text NOT NULL,
    cause text NOT NULL DEFAULT '',
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX verdict_history_image ON verdict_history (account_id, image_id, policy_id, environment, at DESC, id DESC);
CREATE INDEX verdict_history_document ON verdict_history (document);
CREATE TABLE simulation (
    id uuid PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    draft text NOT NULL,
    policy_id bigint REFERENCES policy ON DELETE CASCADE,
    environment text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'running', 'done', 'failed', 'cancelled')),
    reason text NOT NULL DEFAULT '',
    done integer NOT NULL DEFAULT 0,
    total integer NOT NULL DEFAULT 0,
    last_image bigint NOT NULL DEFAULT 0,
    lease_until timestamptz,
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE TABLE simulation_flip (
    simulation_id uuid NOT NULL REFERENCES simulation ON DELETE CASCADE,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    image_id bigint NOT NULL REFERENCES image ON DELETE CASCADE,
    reference text NOT NULL,
    before text NOT NULL,
    after text NOT NULL,
    reasons jsonb NOT NULL,
    PRIMARY KEY (simulation_id, image_id, reference)
);

-- What is written down
CREATE TABLE event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT now(),
    kind text NOT NULL,
    level text NOT NULL DEFAULT 'info' CHECK (level IN ('info', 'error')),
    resource_type text NOT NULL DEFAULT '',
    resource text NOT NULL DEFAULT '',
    body jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX event_account ON event (account_id, id DESC);
CREATE TABLE audit (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL,
    at timestamptz NOT NULL DEFAULT now(),
    actor text NOT NULL,
    action text NOT NULL,
    resource_type text NOT NULL,
    resource text NOT NULL,
    before jsonb,
    after jsonb,
    request_id text NOT NULL DEFAULT '',
    address text NOT NULL DEFAULT ''
);
CREATE INDEX audit_account ON audit (account_id, id DESC);
CREATE TABLE idempotency (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    key text NOT NULL,
    request bytea NOT NULL,
    status integer NOT NULL,
    content_type text NOT NULL,
    answer bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);
CREATE TABLE setting (
    name text PRIMARY KEY,
    value jsonb NOT NULL,
    updated_at timestamptz NOT NULL DEFAULT now()
);

-- The second wall: tenants see what is theirs, even if a query forgets to ask
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'hullmark_tenant') THEN
        CREATE ROLE hullmark_tenant NOLOGIN NOSUPERUSER NOBYPASSRLS;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$ BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        EXECUTE format('GRANT hullmark_tenant TO %I', current_user);
    END IF;
END $$;
CREATE FUNCTION defer_job(queue text, task text, priority integer, once text, args jsonb, at timestamptz) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$
DECLARE
    added bigint;
    there procrastinate_jobs;
BEGIN
    LOOP
        INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args, scheduled_at)
            VALUES (queue, task, priority, NULL, once, args, at) ON CONFLICT DO NOTHING RETURNING id INTO added;
        IF added IS NOT NULL THEN
            RETURN added;
        END IF;
        -- Nobody may begin with the one that waits before this transaction has ended: it would not see what was changed.
        SELECT * INTO there FROM procrastinate_jobs job WHERE job.queueing_lock = once AND job.status = 'todo' FOR SHARE;
        IF FOUND THEN
            IF there.priority < defer_job.priority OR there.scheduled_at > coalesce(at, now()) THEN
                UPDATE procrastinate_jobs job SET priority = greatest(job.priority, defer_job.priority),
                    scheduled_at = CASE WHEN at IS NULL THEN NULL ELSE least(job.scheduled_at, at) END WHERE job.id = there.id;
            END IF;
            RETURN NULL;
        END IF;
    END LOOP;
END $$;
GRANT USAGE ON SCHEMA public TO hullmark_tenant;
CREATE FUNCTION asking_account() RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE AS
    $$ SELECT nullif(current_setting('hullmark.account', true), '')::bigint $$;
ALTER TABLE image ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON image TO hullmark_tenant
    USING (EXISTS (SELECT FROM account_image held WHERE held.image_id = image.id AND held.account_id = asking_account()))
    WITH CHECK (true);
ALTER TABLE image_alias ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON image_alias TO hullmark_tenant
    USING (EXISTS (SELECT FROM account_image held WHERE held.image_id = image_alias.image_id AND held.account_id = asking_account()));
ALTER TABLE image_layer ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON image_layer TO hullmark_tenant
    USING (EXISTS (SELECT FROM account_image held WHERE held.image_id = image_layer.image_id AND held.account_id = asking_account()));
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON account TO hullmark_tenant USING (id = asking_account());
ALTER TABLE audit ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant_reads ON audit FOR SELECT TO hullmark_tenant USING (account_id = asking_account());
CREATE POLICY tenant_writes ON audit FOR INSERT TO hullmark_tenant WITH CHECK (account_id = asking_account());
GRANT SELECT ON account, image, image_alias, image_layer, membership, audit TO hullmark_tenant;
GRANT INSERT ON audit, verdict_history, event TO hullmark_tenant;
GRANT SELECT ON verdict_history, event, tag_move TO hullmark_tenant;
GRANT SELECT, INSERT, UPDATE, DELETE ON api_key, registry, account_image, tag, upload, policy, policy_version, activation,
    exception, verdict, simulation, simulation_flip, idempotency TO hullmark_tenant;
