"""What pages of the console show besides images: places, causes, exceptions, in the database of `bench.stored_world`."""

from __future__ import annotations

import time
from typing import Any, LiteralString

import psycopg

PLACES = 200_000
CLUSTERS = 10
CAUSES = 2_000
LOST = 400_000
"""Losses of compliance, most of which hold still."""

_ADDED: dict[str, LiteralString] = {
    "collectors": """
        INSERT INTO collector (account_id, platform, name, sequence, listed_at, reported_at, places)
        SELECT 1, 'kubernetes', 'cluster-' || lpad(n::text, 2, '0'), 1, now(), now(), %(each)s FROM generate_series(1, %(clusters)s) n""",
    "isolation": """
        INSERT INTO isolation (account_id, digest, facts, grade) SELECT 1, sha256(convert_to(n::text, 'UTF8')), '{}', n %% 5
        FROM generate_series(1, 200) n""",
    "images that run": """
        INSERT INTO running_image (account_id, image_id, key, reference, digest, config_digest, architecture, is_inferred)
        SELECT 1, image.id, sha256(convert_to(image.id::text, 'UTF8')), 'registry.example/app:' || image.id, image.digest, '', '', false
        FROM image WHERE image.id %% 10 = 0 AND image.state = 'analysed' ORDER BY image.id""",
    "places": """
        INSERT INTO placement (account_id, collector_id, platform, cluster, namespace, workload, container, environment,
            running_image_id, isolation_id, containers, since, seen_at)
        SELECT 1, c.id, 'kubernetes', c.name, 'team-' || lpad((n %% 200)::text, 3, '0'), 'Deployment/service-' || n, 'main',
            (ARRAY['production', 'staging'])[1 + n %% 2], ran.first + ((c.number - 1) * %(each)s + n) %% ran.all, 1 + n %% 200, 1,
            now() - n * interval '1 minute', now()
        FROM (SELECT id, name, row_number() OVER (ORDER BY id) AS number FROM collector) c
        CROSS JOIN generate_series(1, %(each)s) n
        CROSS JOIN (SELECT min(id) AS first, count(*) AS all FROM running_image) ran""",
    "causes": """
        INSERT INTO cause (account_id, kind, key, subject, severity, sentence, before, after, seen_at, created_at)
        SELECT 1, 'advisory', 'bench-' || n, 'CVE-2026-' || (10000 + n), n %% 6, 'CVE-2026-' || (10000 + n) || ' became known.',
            '', '', now() - n * interval '20 minutes', now() - n * interval '20 minutes' FROM generate_series(1, %(causes)s) n""",
    "transitions": """
        INSERT INTO transition (account_id, cause_id, kind, key, image_id, image_digest, reference, policy_id, policy, environment,
            before, after, severity, is_certified, is_deployed, at, recorded_at, routed_at, outcome, why)
        SELECT 1, cause.id, 'compliance.lost', 'bench-' || n, image.id, image.digest, 'registry.example/app:' || image.id,
            (SELECT min(id) FROM policy), 'baseline', '', 'go', 'stop', n %% 6, true, n %% 10 = 0,
            cause.seen_at, cause.seen_at, cause.seen_at, 'told', ''
        FROM generate_series(1, %(lost)s) n
        JOIN cause ON cause.key = 'bench-' || (1 + (n * 7) %% %(causes)s)
        JOIN image ON image.id = n
        ORDER BY cause.seen_at""",
    "changes of verdicts": """
        INSERT INTO verdict_change (account_id, image_id, policy_id, environment, before, after, at, history_id, known_since, kind)
        SELECT 1, told.image_id, told.policy_id, told.environment, told.before, told.after, told.at, now.history_id,
            told.at - interval '30 days', 'advisory' FROM transition told
        JOIN verdict now ON now.account_id = 1 AND now.image_id = told.image_id AND now.policy_id = told.policy_id AND NOT now.is_shadow
        WHERE told.key LIKE 'bench-%%' ORDER BY told.at""",
    "exceptions": """
        INSERT INTO exception (id, account_id, body, owner, reason, expires_at, created_by)
        SELECT gen_random_uuid(), 1, jsonb_build_object('rule', 'critical-with-fix', 'subject', 'CVE-2026-' || (10000 + n), 'expires',
            to_char(now() + n * interval '6 hours', 'YYYY-MM-DD'), 'owner', 'owner-' || n %% 20, 'reason', 'it is so', 'ticket', '',
            'policy', '*', 'images', '*'), 'owner-' || n %% 20, 'it is so',
            now() + n * interval '6 hours', 'person:admin' FROM generate_series(1, 500) n""",
}


def add_places_and_causes(connection: psycopg.Connection[Any]) -> None:
    """Put them in, once."""
    row = connection.execute("SELECT count(*) FROM cause WHERE key LIKE 'bench-%'").fetchone()
    if row and row[0]:
        return
    values = {"each": PLACES // CLUSTERS, "clusters": CLUSTERS, "causes": CAUSES, "lost": LOST}
    for name, statement in _ADDED.items():
        began = time.perf_counter()
        connection.execute(statement, values)
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    connection.commit()
    connection.autocommit = True
    connection.execute("VACUUM (ANALYZE)")
    connection.autocommit = False
