-- What people are told of, as revision 0005 makes it.

ALTER TABLE subscription RENAME TO anchore_subscription;
ALTER TABLE anchore_subscription RENAME CONSTRAINT subscription_pkey TO anchore_subscription_pkey;

-- What is known besides the verdicts themselves
ALTER TABLE account_image ADD COLUMN certified_at timestamptz; -- since when a verdict in force lets it pass, or once did
ALTER TABLE verdict ADD COLUMN next_at timestamptz;            -- the first moment at which time alone may change it
ALTER TABLE verdict ADD COLUMN is_clouded boolean NOT NULL DEFAULT false; -- some rule could not be judged, whatever the others say
CREATE INDEX verdict_next ON verdict (next_at) WHERE next_at IS NOT NULL;
-- Nobody knows of those made before: they are made anew the next day, as every day until now.
UPDATE verdict SET next_at = (date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day') AT TIME ZONE 'UTC';
ALTER TABLE exception ADD COLUMN warned smallint;              -- so many days before its end people were told last
-- Findings that came and went since `document` was written; null where it says all.
ALTER TABLE verdict_history ADD COLUMN changes jsonb;
-- A snapshot writes a million rows of history. Each comes from a current verdict, so that its image and account are there: looking for
-- them, and locking them, is what costs most. Whoever removes an image or an account removes its history with it.
ALTER TABLE verdict_history DROP CONSTRAINT verdict_history_account_id_fkey, DROP CONSTRAINT verdict_history_image_id_fkey;

CREATE TABLE deployment (
    account_id bigint NOT NULL,
    image_id bigint NOT NULL,
    environment text NOT NULL DEFAULT '',
    place text NOT NULL DEFAULT '' CHECK (length(place) <= 1000),
    since timestamptz NOT NULL,
    seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, image_id, environment, place),
    FOREIGN KEY (account_id, image_id) REFERENCES account_image ON DELETE CASCADE
);

-- Which tags and repositories registries are asked about
CREATE TABLE watch (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    registry text NOT NULL,
    repository text NOT NULL,
    tag text NOT NULL DEFAULT '',                              -- '' is all tags of the repository
    pattern text NOT NULL DEFAULT '*',                         -- of a repository: which tags, with wildcards
    follows boolean NOT NULL DEFAULT true,                     -- of a repository: whether new tags are watched, too
    platform text NOT NULL DEFAULT '',                         -- which image of an index ('': the usual)
    every integer NOT NULL DEFAULT 300 CHECK (every BETWEEN 10 AND 604800),
    is_active boolean NOT NULL DEFAULT true,
    digest text NOT NULL DEFAULT '',
    etag text NOT NULL DEFAULT '',
    next_at timestamptz NOT NULL DEFAULT now(),
    checked_at timestamptz,
    noticed_at timestamptz,                                    -- when the registry said that something changed, until that was looked at
    failures integer NOT NULL DEFAULT 0,
    reason text NOT NULL DEFAULT '',
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, registry, repository, tag)
);
CREATE INDEX watch_due ON watch (next_at) WHERE is_active;
CREATE TABLE hook (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    kind text NOT NULL,
    registry text NOT NULL DEFAULT '',
    secret bytea NOT NULL,
    adds boolean NOT NULL DEFAULT false,                       -- also images that nobody added yet
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    last_used_at timestamptz,
    UNIQUE (account_id, name)
);

-- What changed, and by what
CREATE TABLE cause (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    kind text NOT NULL,
    key text NOT NULL CHECK (length(key) <= 1000),
    subject text NOT NULL DEFAULT '',
    severity smallint NOT NULL DEFAULT 0,
    sentence text NOT NULL DEFAULT '',
    before text NOT NULL DEFAULT '',
    after text NOT NULL DEFAULT '',
    evidence jsonb NOT NULL DEFAULT '[]',
    is_complete boolean NOT NULL DEFAULT true,                 -- whether no more transitions are to come of it
    seen_at timestamptz NOT NULL,                              -- when what brought it about came to be known here
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, key)
);
CREATE INDEX cause_open ON cause (account_id) WHERE NOT is_complete;
-- Without foreign keys, as the history of verdicts is.
CREATE TABLE transition (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL,
    cause_id bigint NOT NULL,
    kind text NOT NULL,
    key text NOT NULL CHECK (length(key) <= 1000),
    image_id bigint,
    image_digest text NOT NULL DEFAULT '',
    reference text NOT NULL DEFAULT '',
    policy_id bigint,
    policy text NOT NULL DEFAULT '',
    environment text NOT NULL DEFAULT '',
    before text NOT NULL DEFAULT '',
    after text NOT NULL DEFAULT '',
    severity smallint NOT NULL DEFAULT 0,
    history_id bigint,
    is_certified boolean NOT NULL DEFAULT false,
    is_deployed boolean NOT NULL DEFAULT false,
    evidence jsonb NOT NULL DEFAULT '[]',
    at timestamptz NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    routed_at timestamptz,
    outcome text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'told', 'suppressed')),
    why text NOT NULL DEFAULT '',
    UNIQUE (account_id, key)
);
CREATE INDEX transition_unrouted ON transition (account_id, id) WHERE routed_at IS NULL;
CREATE INDEX transition_image ON transition (account_id, image_id, id DESC);
CREATE INDEX transition_cause ON transition (cause_id, id);
CREATE INDEX transition_time ON transition USING brin (at) WITH (autosummarize = on); -- they come in the order of time

-- Who wants to hear of it
CREATE TABLE channel (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    kind text NOT NULL,
    settings jsonb NOT NULL DEFAULT '{}',
    secrets bytea NOT NULL,
    templates jsonb NOT NULL DEFAULT '{}',
    is_active boolean NOT NULL DEFAULT true,
    failures integer NOT NULL DEFAULT 0,                       -- one after the other, until now
    failing_since timestamptz,
    failing_told_at timestamptz,                               -- that it fails was told of
    resume_at timestamptz,                                     -- not tried before
    last_error text NOT NULL DEFAULT '',
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, name)
);
CREATE TABLE subscription (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    channels uuid[] NOT NULL DEFAULT '{}',                     -- empty: all of the account
    kinds text[] NOT NULL DEFAULT '{}',                        -- empty: all
    selector text NOT NULL DEFAULT '*',                        -- wildcards on HOST/REPOSITORY:TAG
    environments text[] NOT NULL DEFAULT '{}',                 -- empty: all
    severity smallint NOT NULL DEFAULT 0,                      -- at least
    scope text NOT NULL DEFAULT 'watched' CHECK (scope IN ('watched', 'deployed', 'all')),
    mode text NOT NULL DEFAULT 'at-once' CHECK (mode IN ('at-once', 'digest')),
    digest_at text NOT NULL DEFAULT '09:00',
    digest_days smallint[] NOT NULL DEFAULT '{1,2,3,4,5,6,7}', -- 1 is Monday
    timezone text NOT NULL DEFAULT 'UTC',
    quiet jsonb,                                               -- {from, until, days, unless_severity}
    is_active boolean NOT NULL DEFAULT true,
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (account_id, name)
);
CREATE TABLE silence (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    selector text NOT NULL DEFAULT '*',
    kinds text[] NOT NULL DEFAULT '{}',
    subject text NOT NULL DEFAULT '*',                         -- wildcards on a cause's subject, as CVE-2024-*
    owner text NOT NULL,
    reason text NOT NULL,
    starts_at timestamptz NOT NULL DEFAULT now(),
    ends_at timestamptz NOT NULL,
    created_by text NOT NULL DEFAULT '',
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz                                       -- by hand
);
CREATE INDEX silence_account ON silence (account_id, ends_at);

-- How it goes out
CREATE TABLE message (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    channel_id uuid NOT NULL REFERENCES channel ON DELETE CASCADE,
    subscription_id uuid REFERENCES subscription ON DELETE SET NULL,
    cause_id bigint REFERENCES cause ON DELETE CASCADE,        -- null: a digest, or a test
    part integer NOT NULL DEFAULT 1,
    form text NOT NULL DEFAULT 'group' CHECK (form IN ('group', 'digest', 'test')),
    key uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),        -- the receiver knows a repetition by it
    state text NOT NULL DEFAULT 'gathering' CHECK (state IN ('gathering', 'waiting', 'delivered', 'dead')),
    item_count integer NOT NULL DEFAULT 0,
    opened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    due_at timestamptz NOT NULL,                               -- gathers no longer than this
    is_held boolean NOT NULL DEFAULT false,                    -- by quiet hours: a later message does not take it along
    sealed_at timestamptz,
    resent_at timestamptz,                                     -- somebody had it sent again
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamptz,
    delivered_at timestamptz,
    last_status integer,
    last_error text NOT NULL DEFAULT '',
    remote text NOT NULL DEFAULT '',
    reached bigint NOT NULL DEFAULT 0                          -- the last transition that arrived, where each is sent by itself
);
CREATE UNIQUE INDEX message_group ON message (channel_id, cause_id, part) WHERE form = 'group';
CREATE INDEX message_open ON message (channel_id, id) WHERE state IN ('gathering', 'waiting');
CREATE INDEX message_due ON message (due_at) WHERE state = 'gathering';
CREATE INDEX message_ended ON message (sealed_at) WHERE state IN ('delivered', 'dead');
CREATE INDEX message_account ON message (account_id, id DESC);
CREATE INDEX message_cause ON message (cause_id);
CREATE TABLE message_item (
    account_id bigint NOT NULL,
    channel_id uuid NOT NULL,                                  -- the message's
    transition_id bigint NOT NULL,
    message_id bigint NOT NULL REFERENCES message ON DELETE CASCADE,
    PRIMARY KEY (channel_id, transition_id)                    -- once to each channel, whatever asks for it
);
CREATE INDEX message_item_message ON message_item (message_id, transition_id);
CREATE INDEX message_item_transition ON message_item (transition_id);
CREATE TABLE delivery_attempt (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    message_id bigint NOT NULL REFERENCES message ON DELETE CASCADE,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    milliseconds integer NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('delivered', 'again', 'refused')),
    status integer,
    error text NOT NULL DEFAULT ''
);
CREATE INDEX delivery_attempt_message ON delivery_attempt (message_id, id);
CREATE INDEX delivery_attempt_account ON delivery_attempt (account_id, id DESC);
-- What was opened elsewhere (an issue, an incident) and is closed when nothing of it is left
CREATE TABLE thread (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    channel_id uuid NOT NULL REFERENCES channel ON DELETE CASCADE,
    key text NOT NULL,
    title text NOT NULL DEFAULT '',
    remote text NOT NULL DEFAULT '',
    state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed')),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (channel_id, key)
);
CREATE TABLE thread_image (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    channel_id uuid NOT NULL,
    key text NOT NULL,
    image_id bigint NOT NULL,
    policy_id bigint NOT NULL DEFAULT 0,
    environment text NOT NULL DEFAULT '',
    transition_id bigint NOT NULL DEFAULT 0,                   -- the last one that said so
    PRIMARY KEY (channel_id, key, image_id, policy_id, environment),
    FOREIGN KEY (channel_id, key) REFERENCES thread ON DELETE CASCADE
);
CREATE INDEX thread_image_open ON thread_image (channel_id, image_id, policy_id, environment);
-- Which threads a message changed: each message counts once, however often it is sent. The row with key '' says that it was counted.
CREATE TABLE thread_change (
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    message_id bigint NOT NULL REFERENCES message ON DELETE CASCADE,
    key text NOT NULL,
    was_open boolean NOT NULL DEFAULT false,
    PRIMARY KEY (message_id, key)
);

-- How long it takes until people know, by stage: of each bound (seconds), how many took no longer, and how long all took together
CREATE TABLE notice_latency (
    stage text NOT NULL,
    at_most double precision NOT NULL,
    count bigint NOT NULL DEFAULT 0,
    seconds double precision NOT NULL DEFAULT 0,
    PRIMARY KEY (stage, at_most)
);

-- Every account hears of what becomes of its images, as soon as it has a channel
INSERT INTO subscription (account_id, name, created_by) SELECT id, 'default', 'hullmark' FROM account;
CREATE FUNCTION subscribe_by_default() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN
    INSERT INTO subscription (account_id, name, created_by) VALUES (NEW.id, 'default', 'hullmark');
    RETURN NULL;
END $$;
CREATE TRIGGER account_hears_by_default AFTER INSERT ON account FOR EACH ROW EXECUTE FUNCTION subscribe_by_default();
UPDATE account_image held SET certified_at = passed.at FROM (
    SELECT account_id, image_id, min(recorded_at) AS at FROM verdict_history WHERE verdict IN ('go', 'warn') AND NOT is_shadow GROUP BY 1, 2
) passed WHERE passed.account_id = held.account_id AND passed.image_id = held.image_id;

GRANT SELECT, INSERT, UPDATE, DELETE ON deployment, watch, hook, cause, transition, channel, subscription, silence, message, message_item,
    delivery_attempt, thread, thread_image, thread_change TO hullmark_tenant;

-- What a snapshot says differently of packages, until all that follows from it is written down
DROP TABLE coordinate_change;
ALTER TABLE matching ADD COLUMN carried_out_id bigint;         -- the snapshot whose news are in all verdicts
UPDATE matching SET carried_out_id = snapshot_id;
ALTER TABLE rematch ADD COLUMN rank smallint NOT NULL DEFAULT 3; -- the most urgent first
CREATE INDEX rematch_rank ON rematch (rank, coordinate_id);
CREATE TABLE snapshot_news (
    snapshot_id bigint NOT NULL REFERENCES snapshot ON DELETE CASCADE,
    name text COLLATE "C" NOT NULL,
    rank smallint NOT NULL,
    PRIMARY KEY (snapshot_id, name)
);
CREATE TABLE match_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    snapshot_id bigint NOT NULL REFERENCES snapshot ON DELETE CASCADE,
    coordinate_id bigint NOT NULL REFERENCES coordinate ON DELETE CASCADE,
    package_id bigint REFERENCES package ON DELETE CASCADE,    -- null: every package of the coordinate that no other owns
    name text NOT NULL,                                        -- the vulnerability; '': whether anything can be told of it
    rank smallint NOT NULL,
    before bytea NOT NULL,
    after bytea NOT NULL
);
CREATE INDEX match_change_rank ON match_change (snapshot_id, rank, id);
CREATE INDEX match_change_coordinate ON match_change (coordinate_id, name);
CREATE INDEX match_change_package ON match_change (package_id) WHERE package_id IS NOT NULL;
-- What that changes in what a policy finds in a package; verdicts refer to it for good
CREATE TABLE finding_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id bigint NOT NULL REFERENCES account ON DELETE CASCADE,
    policy_id bigint NOT NULL,
    policy_version integer NOT NULL,
    exceptions_digest text NOT NULL,
    snapshot_id bigint NOT NULL,
    package_id bigint NOT NULL,
    stage smallint NOT NULL,                                   -- 0 adds to what images are held against, 1 takes from it, 2 neither
    wave_id bigint,                                            -- null: not begun
    is_doubtful boolean NOT NULL DEFAULT false,                -- no sum: images that hold the package are judged one by one
    stops integer NOT NULL DEFAULT 0,
    warns integer NOT NULL DEFAULT 0,
    findings integer NOT NULL DEFAULT 0,
    next_at timestamptz,
    lost jsonb NOT NULL DEFAULT '[]',
    gained jsonb NOT NULL DEFAULT '[]',
    told jsonb NOT NULL DEFAULT '[]'                           -- [{cause, kind, severity, evidence}]
);
CREATE INDEX finding_change_wave ON finding_change (wave_id) WHERE wave_id IS NOT NULL;
CREATE INDEX finding_change_waiting ON finding_change (snapshot_id, stage, id) WHERE wave_id IS NULL;
-- What is written down together: some changes, for images by their numbers; a row of `wave_part` is work that is left
CREATE TABLE wave (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    snapshot_id bigint NOT NULL REFERENCES snapshot ON DELETE CASCADE
);
CREATE TABLE wave_part (
    wave_id bigint NOT NULL REFERENCES wave ON DELETE CASCADE,
    low bigint NOT NULL,
    high bigint NOT NULL,
    PRIMARY KEY (wave_id, low)
);
ALTER TABLE verdict ADD COLUMN snapshot_id bigint;             -- with which it was judged; sums may have been added since
ALTER TABLE verdict ADD COLUMN finding_count integer;          -- all its findings; null: not known
ALTER TABLE verdict ADD COLUMN is_awaiting boolean NOT NULL DEFAULT false; -- it is to be judged, and nothing is added to it until then
UPDATE verdict SET snapshot_id = snapshot.id FROM verdict_history history JOIN snapshot ON snapshot.digest = history.snapshot_digest
    WHERE history.id = verdict.history_id;
ALTER TABLE verdict SET (fillfactor = 85);
CREATE INDEX verdict_history_changes ON verdict_history (id) WHERE changes IS NOT NULL;

-- The findings that came and went by changes of these numbers (a JSON array), in their order: what the last one says of each counts.
-- An object says it itself.
CREATE FUNCTION finding_changes(numbers jsonb) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH meant AS (
        SELECT change.* FROM finding_change change
        WHERE change.id = ANY (ARRAY(SELECT each::bigint FROM jsonb_array_elements_text(
            CASE jsonb_typeof(numbers) WHEN 'array' THEN numbers ELSE '[]' END) each))
    ), said AS (
        SELECT id, each.value ->> 0 AS rule, each.value ->> 1 AS trigger, NULL::jsonb AS finding
        FROM meant, jsonb_array_elements(meant.lost) each
        UNION ALL
        SELECT id, each.value ->> 'rule_id', each.value ->> 'trigger_id', each.value FROM meant, jsonb_array_elements(meant.gained) each
    ), last AS (
        SELECT DISTINCT ON (rule, trigger) rule, trigger, finding FROM said ORDER BY rule, trigger, id DESC, finding IS NULL
    )
    SELECT CASE jsonb_typeof(numbers) WHEN 'object' THEN numbers ELSE jsonb_build_object(
        'lost', coalesce((SELECT jsonb_agg(jsonb_build_array(rule, trigger) ORDER BY rule, trigger) FROM last), '[]'),
        'gained', coalesce((SELECT jsonb_agg(finding ORDER BY rule, trigger) FROM last WHERE finding IS NOT NULL), '[]')) END
    WHERE numbers IS NOT NULL
$$;
GRANT SELECT ON finding_change TO hullmark_tenant;

-- What is removed is looked for where it is named: no table is gone through for it.
ALTER TABLE set_member DROP CONSTRAINT set_member_coordinate_id_fkey; -- the package says which coordinate it is, and keeps it
CREATE INDEX image_exempt_package ON image_exempt (package_id);
CREATE INDEX simulation_flip_image ON simulation_flip (image_id);
DROP INDEX tag_image;
CREATE INDEX tag_image ON tag (image_id, account_id);

-- A set's count is unknown where one of its members' counts is another one. Sets are locked in order: nobody waits in a circle.
DROP TRIGGER uncount_inserted ON coordinate_state;
DROP TRIGGER uncount_updated ON coordinate_state;
CREATE FUNCTION uncount_sets(coordinates bigint[]) RETURNS void LANGUAGE sql AS $$
    WITH uncounted AS MATERIALIZED (
        SELECT id FROM package_set WHERE counts IS NOT NULL AND id IN (
            SELECT member.set_id FROM package JOIN set_member member ON member.package_id = package.id
            WHERE package.coordinate_id = ANY (coordinates)) ORDER BY id FOR NO KEY UPDATE)
    UPDATE package_set SET counts = NULL FROM uncounted WHERE package_set.id = uncounted.id
$$;
CREATE OR REPLACE FUNCTION uncount_sets_of_states() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM uncount_sets(ARRAY(SELECT coordinate_id FROM changed WHERE counts IS NOT NULL));
    RETURN NULL;
END $$;
CREATE FUNCTION uncount_sets_of_changed_states() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM uncount_sets(ARRAY(SELECT coordinate_id FROM changed JOIN former USING (coordinate_id)
        WHERE changed.counts IS DISTINCT FROM former.counts));
    RETURN NULL;
END $$;
CREATE TRIGGER uncount_inserted AFTER INSERT ON coordinate_state REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION uncount_sets_of_states();
CREATE TRIGGER uncount_updated AFTER UPDATE ON coordinate_state REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION uncount_sets_of_changed_states();
