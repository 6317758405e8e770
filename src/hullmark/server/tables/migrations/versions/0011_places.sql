-- What runs where: places of containers, as collectors and people tell them. Texts are compared byte by byte.

-- An agent may tell what runs, and nothing else
ALTER TABLE membership DROP CONSTRAINT membership_role_check;
ALTER TABLE membership ADD CONSTRAINT membership_role_check
    CHECK (role IN ('admin', 'editor', 'analyst', 'viewer', 'auditor', 'ci', 'agent'));
ALTER TABLE api_key DROP CONSTRAINT api_key_role_check;
ALTER TABLE api_key ADD CONSTRAINT api_key_role_check
    CHECK (role IN ('admin', 'editor', 'analyst', 'viewer', 'auditor', 'ci', 'agent'));

-- Who tells what runs: the agent of a cluster or a host. `list` is the whole list whose parts come now
CREATE TABLE collector (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    platform text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 300),
    sequence bigint NOT NULL DEFAULT 0,
    list text NOT NULL DEFAULT '',
    listed_at timestamptz,                                     -- as of when the last whole list was; null: there was none
    reported_at timestamptz NOT NULL,
    places bigint NOT NULL DEFAULT 0,                          -- how many placements of it there are now
    ended_at timestamptz,                                      -- somebody said that it is no more
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, name, platform)
);
-- The last reports of each, so that one that comes again is known
CREATE TABLE collector_report (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    collector_id bigint NOT NULL REFERENCES collector ON DELETE CASCADE,
    sequence bigint NOT NULL,
    digest bytea NOT NULL,
    PRIMARY KEY (collector_id, sequence)
);
CREATE INDEX collector_report_account ON collector_report (account_id);
-- The containers of a whole list that is not complete yet, part by part
CREATE TABLE listed_part (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    collector_id bigint NOT NULL REFERENCES collector ON DELETE CASCADE,
    sequence bigint NOT NULL,
    container_ids text[] NOT NULL,
    PRIMARY KEY (collector_id, sequence)
);
CREATE INDEX listed_part_account ON listed_part (account_id);

-- What many places share, each once: by the digest of its content
CREATE TABLE label_set (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    digest bytea NOT NULL,
    labels jsonb NOT NULL,
    UNIQUE (account_id, digest)
);
CREATE TABLE label (
    label_set_id bigint NOT NULL REFERENCES label_set ON DELETE CASCADE,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    key text COLLATE "C" NOT NULL,
    value text COLLATE "C" NOT NULL,
    PRIMARY KEY (label_set_id, key)
);
CREATE INDEX label_value ON label (account_id, key, value, label_set_id);
CREATE TABLE isolation (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    digest bytea NOT NULL,
    facts jsonb NOT NULL,
    grade smallint NOT NULL,                                   -- its place in GRADES
    reason text NOT NULL DEFAULT '',
    UNIQUE (account_id, digest)
);
-- An image as places name it. `image_id`: the image of the account that it is; null: nobody added it
CREATE TABLE running_image (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    image_id bigint,
    key bytea NOT NULL,                                        -- the digest of the five that follow
    reference text NOT NULL,
    digest text COLLATE "C" NOT NULL,
    config_digest text COLLATE "C" NOT NULL,
    architecture text NOT NULL,
    is_inferred boolean NOT NULL,
    wanted_at timestamptz,                                     -- when its analysis was asked for
    UNIQUE (account_id, key),
    FOREIGN KEY (account_id, image_id) REFERENCES account_image ON DELETE SET NULL (image_id)
);
CREATE INDEX running_image_image ON running_image (account_id, image_id) WHERE image_id IS NOT NULL;
CREATE INDEX running_image_held ON running_image (image_id) WHERE image_id IS NOT NULL;
CREATE INDEX running_image_strange ON running_image (account_id, id) WHERE image_id IS NULL;
CREATE INDEX running_image_digest ON running_image (account_id, digest);
CREATE INDEX running_image_config ON running_image (account_id, config_digest) WHERE config_digest <> '';
CREATE INDEX running_image_unknown ON running_image (digest) WHERE image_id IS NULL AND digest <> '';
CREATE INDEX running_image_unknown_config ON running_image (config_digest) WHERE image_id IS NULL AND config_digest <> '';

-- That an image ran at a place, so isolated, for a time; `until` null: it runs. Without a collector: somebody told it of an image
CREATE TABLE placement (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    collector_id bigint REFERENCES collector ON DELETE CASCADE,
    platform text COLLATE "C" NOT NULL,
    cluster text COLLATE "C" NOT NULL DEFAULT '',
    namespace text COLLATE "C" NOT NULL DEFAULT '',
    workload text COLLATE "C" NOT NULL DEFAULT '',
    container text COLLATE "C" NOT NULL DEFAULT '',
    kind text NOT NULL DEFAULT 'regular',
    told text NOT NULL DEFAULT '' CHECK (length(told) <= 1000), -- the place as somebody called it
    environment text COLLATE "C" NOT NULL DEFAULT '',
    running_image_id bigint NOT NULL REFERENCES running_image,
    isolation_id bigint REFERENCES isolation,
    label_set_id bigint REFERENCES label_set,
    containers integer NOT NULL DEFAULT 0,                     -- how many run now; when it ended, how many ran last
    since timestamptz NOT NULL,
    until timestamptz,
    seen_at timestamptz NOT NULL
);
CREATE INDEX placement_place ON placement (account_id, cluster, namespace, workload, container, id) WHERE until IS NULL;
CREATE INDEX placement_namespace ON placement (account_id, namespace, cluster, workload, container, id) WHERE until IS NULL;
CREATE INDEX placement_history ON placement (account_id, cluster, namespace, workload, container, id);
CREATE INDEX placement_image ON placement (running_image_id, cluster, namespace, workload, container, id) WHERE until IS NULL;
CREATE INDEX placement_image_ended ON placement (running_image_id, until);
CREATE INDEX placement_isolation ON placement (isolation_id, until);
CREATE INDEX placement_labels ON placement (label_set_id, until);
CREATE INDEX placement_collector ON placement (collector_id, until);
CREATE INDEX placement_ended ON placement (until) WHERE until IS NOT NULL;
CREATE UNIQUE INDEX placement_told ON placement (account_id, running_image_id, environment, md5(told))
    WHERE until IS NULL AND collector_id IS NULL;
-- The containers that run at it now
CREATE TABLE running_container (
    collector_id bigint NOT NULL REFERENCES collector ON DELETE CASCADE,
    id text COLLATE "C" NOT NULL CHECK (octet_length(id) BETWEEN 1 AND 1000),
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    placement_id bigint NOT NULL REFERENCES placement ON DELETE CASCADE,
    node text NOT NULL,
    since timestamptz NOT NULL,
    PRIMARY KEY (collector_id, id)
);
CREATE INDEX running_container_placement ON running_container (placement_id);
CREATE INDEX running_container_account ON running_container (account_id);

-- What an account says of its places: [{selector, environment}], the first that fits counts
CREATE TABLE place_setting (
    account_id bigint PRIMARY KEY REFERENCES account ON DELETE CASCADE,
    environments jsonb NOT NULL DEFAULT '[]',
    analyses_unknown boolean NOT NULL DEFAULT false
);

-- Applications: what belongs together, whatever runs it
CREATE TABLE application (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 300),
    description text NOT NULL DEFAULT '',
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, name)
);
CREATE TABLE application_version (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    application_id bigint NOT NULL REFERENCES application ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 300),
    state text NOT NULL DEFAULT 'in-progress' CHECK (state IN ('in-progress', 'released', 'end-of-life')),
    selector text NOT NULL DEFAULT '',                         -- the labels of its places; '': none by labels
    annotations text NOT NULL DEFAULT '',                      -- the annotations of its images; '': none by annotations
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (application_id, name)
);
CREATE INDEX application_version_account ON application_version (account_id);
CREATE TABLE application_image (
    version_id bigint NOT NULL REFERENCES application_version ON DELETE CASCADE,
    account_id bigint NOT NULL,
    image_id bigint NOT NULL,
    PRIMARY KEY (version_id, image_id),
    FOREIGN KEY (account_id, image_id) REFERENCES account_image ON DELETE CASCADE
);
CREATE INDEX application_image_image ON application_image (account_id, image_id);

-- What concerns images that ran and run no more waits for the day's digest, unless a subscription wants it at once
ALTER TABLE subscription ADD COLUMN stopped text NOT NULL DEFAULT 'digest' CHECK (stopped IN ('digest', 'at-once'));

-- Which image of an account what places name is: by a manifest's digest, else an index's and the architecture, else a configuration's.
-- Of several images under an index whose architecture nobody told, none is.
CREATE FUNCTION image_that_runs(account bigint, digest text, config_digest text, architecture text) RETURNS bigint
LANGUAGE sql STABLE AS $$
    WITH named AS (
        SELECT image.id, held.added_at, alias.kind, split_part(image.platform, '/', 2) AS built_for,
            alias.digest = image_that_runs.digest AS by_digest
        FROM image_alias alias JOIN image ON image.id = alias.image_id
        JOIN account_image held ON held.image_id = image.id AND held.account_id = account
        WHERE alias.digest IN (image_that_runs.digest, image_that_runs.config_digest) AND alias.digest <> ''
    ), fitting AS (
        SELECT *, CASE WHEN by_digest AND kind = 'manifest' THEN 1 WHEN by_digest AND kind = 'index' THEN 2 ELSE 3 END AS rank
        FROM named WHERE kind <> 'index'
            OR by_digest AND (built_for = image_that_runs.architecture OR image_that_runs.architecture = '' OR built_for = '')
    ), best AS (SELECT * FROM fitting WHERE rank = (SELECT min(rank) FROM fitting))
    SELECT CASE WHEN (SELECT count(DISTINCT id) FROM best WHERE rank = 2) <= 1
        THEN (SELECT id FROM best ORDER BY added_at DESC, id DESC LIMIT 1) END
$$;
-- An image that was unknown while it ran is joined once an account has it
CREATE FUNCTION join_running_images() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN
    UPDATE running_image ran SET image_id = found.image_id FROM (
        SELECT waiting.id, image_that_runs(waiting.account_id, waiting.digest, waiting.config_digest, waiting.architecture) AS image_id
        FROM running_image waiting WHERE waiting.image_id IS NULL AND waiting.id IN (
            SELECT named.id FROM fresh JOIN image_alias alias ON alias.image_id = fresh.image_id
                JOIN running_image named ON named.digest = alias.digest AND named.image_id IS NULL AND named.digest <> ''
            UNION ALL
            SELECT named.id FROM fresh JOIN image_alias alias ON alias.image_id = fresh.image_id
                JOIN running_image named ON named.config_digest = alias.digest AND named.image_id IS NULL AND named.config_digest <> '')
        ORDER BY waiting.id FOR NO KEY UPDATE OF waiting
    ) found WHERE ran.id = found.id AND found.image_id IS NOT NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER joins_running_images AFTER INSERT ON account_image REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION join_running_images();
CREATE TRIGGER joins_running_images AFTER INSERT ON image_alias REFERENCING NEW TABLE AS fresh
    FOR EACH STATEMENT EXECUTE FUNCTION join_running_images();
-- What people told of an image ends with it: nobody could take it back
CREATE FUNCTION end_told_placements() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN
    UPDATE placement SET until = greatest(now(), since)
        WHERE running_image_id = NEW.id AND collector_id IS NULL AND until IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER ends_told_placements AFTER UPDATE OF image_id ON running_image
    FOR EACH ROW WHEN (OLD.image_id IS NOT NULL AND NEW.image_id IS NULL) EXECUTE FUNCTION end_told_placements();

GRANT SELECT, INSERT, UPDATE, DELETE ON collector, collector_report, listed_part, label_set, label, isolation, running_image, placement,
    running_container, place_setting, application, application_version, application_image TO hullmark_tenant;

-- What was told until now
INSERT INTO running_image (account_id, image_id, key, reference, digest, config_digest, architecture, is_inferred)
    SELECT DISTINCT runs.account_id, runs.image_id, sha256(convert_to('told ' || image.digest, 'UTF8')), held.reference, image.digest, '', '',
        false
    FROM deployment runs JOIN image ON image.id = runs.image_id
    JOIN account_image held ON held.account_id = runs.account_id AND held.image_id = runs.image_id;
INSERT INTO placement (account_id, platform, cluster, told, environment, running_image_id, containers, since, seen_at)
    SELECT runs.account_id, 'told', left(runs.place, 200), runs.place, runs.environment, ran.id, 1, runs.since, runs.seen_at
    FROM deployment runs JOIN running_image ran ON ran.account_id = runs.account_id AND ran.image_id = runs.image_id;
DROP TABLE deployment;
