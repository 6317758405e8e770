"""Packages as matching sees them (coordinates), sets of packages, which images hold them, and what is known to be wrong with each."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Names from images may be of any length: what they are found by is a hash, never the text itself.
_PACKAGES = """
CREATE TABLE coordinate (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    body bytea NOT NULL
);
CREATE TABLE coordinate_key (
    key bytea NOT NULL,
    namespace text COLLATE "C" NOT NULL,
    coordinate_id bigint NOT NULL REFERENCES coordinate ON DELETE CASCADE,
    PRIMARY KEY (key, coordinate_id)
);
CREATE INDEX coordinate_key_namespace ON coordinate_key (namespace, coordinate_id);
CREATE INDEX coordinate_key_coordinate ON coordinate_key (coordinate_id);
CREATE TABLE package (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    coordinate_id bigint NOT NULL REFERENCES coordinate,
    type text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    arch text COLLATE "C" NOT NULL,
    purl text COLLATE "C" NOT NULL,
    is_system boolean NOT NULL,
    owned_by text NOT NULL,
    owner_coordinate_id bigint REFERENCES coordinate,
    situation bytea,
    is_settled boolean NOT NULL
);
CREATE INDEX package_coordinate ON package (coordinate_id);
CREATE INDEX package_owner ON package (owner_coordinate_id) WHERE owner_coordinate_id IS NOT NULL;
CREATE INDEX package_name ON package USING hash (name);
CREATE TABLE package_set (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    -- As coordinate_state.counts, over all members and without what is exempt; null where it has to be counted anew.
    counts integer[]
);
CREATE INDEX package_set_uncounted ON package_set (id) WHERE counts IS NULL;
CREATE TABLE set_member (
    set_id bigint NOT NULL REFERENCES package_set ON DELETE CASCADE,
    package_id bigint NOT NULL REFERENCES package,
    coordinate_id bigint NOT NULL REFERENCES coordinate,
    PRIMARY KEY (set_id, package_id) INCLUDE (coordinate_id)
);
CREATE INDEX set_member_package ON set_member (package_id, set_id);
CREATE TABLE image_set (
    image_id bigint NOT NULL REFERENCES image ON DELETE CASCADE,
    set_id bigint NOT NULL REFERENCES package_set,
    PRIMARY KEY (image_id, set_id)
);
CREATE INDEX image_set_set ON image_set (set_id, image_id);
"""

_MATCHES = """
CREATE TABLE snapshot (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest text NOT NULL UNIQUE,
    data_at text NOT NULL DEFAULT '',
    object text NOT NULL DEFAULT '',
    namespaces jsonb NOT NULL DEFAULT '{}',
    added_at timestamptz NOT NULL DEFAULT now(),
    adopted_at timestamptz
);
-- One row: the snapshot that all is matched with, the day that counts as today, and how far the weights of advisories are brought.
CREATE TABLE matching (
    is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
    snapshot_id bigint REFERENCES snapshot,
    previous_id bigint REFERENCES snapshot,
    at text NOT NULL DEFAULT '',
    weighed bigint NOT NULL DEFAULT 0,
    is_weighed boolean NOT NULL DEFAULT true
);
INSERT INTO matching DEFAULT VALUES;
CREATE TABLE rematch (
    coordinate_id bigint PRIMARY KEY REFERENCES coordinate ON DELETE CASCADE
);
CREATE TABLE coordinate_change (
    snapshot_id bigint NOT NULL REFERENCES snapshot ON DELETE CASCADE,
    coordinate_id bigint NOT NULL REFERENCES coordinate ON DELETE CASCADE,
    PRIMARY KEY (snapshot_id, coordinate_id)
);
CREATE TABLE coordinate_state (
    coordinate_id bigint PRIMARY KEY REFERENCES coordinate ON DELETE CASCADE,
    snapshot_id bigint NOT NULL REFERENCES snapshot,
    reasons text[] NOT NULL,
    -- How many matches count, by severity (six numbers), and how many of these can be fixed (six more); null for none.
    counts integer[]
);
CREATE TABLE advisory (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    digest bytea NOT NULL UNIQUE,
    name text COLLATE "C" NOT NULL,
    source text COLLATE "C" NOT NULL,
    namespace text COLLATE "C" NOT NULL,
    cve text COLLATE "C" NOT NULL,
    severity smallint NOT NULL,
    risk double precision NOT NULL,
    epss double precision,
    percentile double precision,
    kev_added text,
    kev_due text NOT NULL,
    is_ransomware boolean NOT NULL,
    body bytea NOT NULL
);
CREATE TABLE advisory_name (
    name text COLLATE "C" NOT NULL,
    advisory_id bigint NOT NULL REFERENCES advisory ON DELETE CASCADE,
    PRIMARY KEY (name, advisory_id)
);
CREATE TABLE coordinate_match (
    coordinate_id bigint NOT NULL REFERENCES coordinate ON DELETE CASCADE,
    advisory_id bigint NOT NULL REFERENCES advisory,
    kind text COLLATE "C" NOT NULL,
    name text NOT NULL,
    version text NOT NULL,
    fix_state text NOT NULL,
    fix_version text NOT NULL,
    fix_date text NOT NULL,
    confidence double precision NOT NULL,
    why text NOT NULL,
    suppressed_by text,
    suppressed_reason text NOT NULL,
    PRIMARY KEY (coordinate_id, advisory_id)
);
CREATE INDEX coordinate_match_advisory ON coordinate_match (advisory_id, coordinate_id);
CREATE TABLE package_exempt (
    package_id bigint NOT NULL REFERENCES package ON DELETE CASCADE,
    advisory_id bigint NOT NULL REFERENCES advisory,
    suppressed_by text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (package_id, advisory_id)
);
CREATE TABLE image_exempt (
    image_id bigint NOT NULL REFERENCES image ON DELETE CASCADE,
    package_id bigint NOT NULL REFERENCES package,
    advisory_id bigint NOT NULL REFERENCES advisory,
    suppressed_by text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (image_id, package_id, advisory_id)
);
"""

# Whatever changes a count of a set's member makes the set's own unknown, in the same transaction.
_COUNTING = """
CREATE FUNCTION uncount_sets_of_states() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE package_set SET counts = NULL WHERE counts IS NOT NULL AND id IN (
        SELECT member.set_id FROM changed JOIN package ON package.coordinate_id = changed.coordinate_id
        JOIN set_member member ON member.package_id = package.id);
    RETURN NULL;
END $$;
CREATE FUNCTION uncount_sets_of_packages() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE package_set SET counts = NULL WHERE counts IS NOT NULL AND id IN (
        SELECT member.set_id FROM changed JOIN set_member member ON member.package_id = changed.package_id);
    RETURN NULL;
END $$;
CREATE TRIGGER uncount_inserted AFTER INSERT ON coordinate_state REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION uncount_sets_of_states();
CREATE TRIGGER uncount_updated AFTER UPDATE ON coordinate_state REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION uncount_sets_of_states();
CREATE TRIGGER uncount_inserted AFTER INSERT ON package_exempt REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION uncount_sets_of_packages();
CREATE TRIGGER uncount_deleted AFTER DELETE ON package_exempt REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION uncount_sets_of_packages();
"""

_SECOND_WALL = """
GRANT SELECT ON coordinate, package, package_set, set_member, image_set, snapshot, matching, coordinate_state, coordinate_change,
    advisory, advisory_name, coordinate_match, package_exempt, image_exempt TO hullmark_tenant;
"""
_BOUND_TO_IMAGE = ("image_set", "image_exempt")
_TABLES = (
    "image_exempt", "package_exempt", "coordinate_match", "advisory_name", "advisory", "coordinate_state", "coordinate_change",
    "rematch", "matching", "snapshot", "image_set", "set_member", "package_set", "package", "coordinate_key", "coordinate",
)  # fmt: skip


def upgrade() -> None:
    """Make the tables of packages and matches."""
    for part in (_PACKAGES, _MATCHES, _COUNTING, _SECOND_WALL):
        op.execute(part)
    for table in _BOUND_TO_IMAGE:
        op.execute(
            f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;"
            f"CREATE POLICY tenant ON {table} TO hullmark_tenant USING (EXISTS (SELECT FROM account_image held"
            f" WHERE held.image_id = {table}.image_id AND held.account_id = asking_account()));"
        )


def downgrade() -> None:
    """Drop them."""
    for table in _TABLES:
        op.execute(f"DROP TABLE {table}")
    op.execute("DROP FUNCTION uncount_sets_of_states")
    op.execute("DROP FUNCTION uncount_sets_of_packages")
