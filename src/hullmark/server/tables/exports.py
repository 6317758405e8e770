"""Everything of an account, row by row in the order of keys, as one snapshot of the database has it.

Each kind is a function that returns some rows after a key, each row with its own key. A client continues after its last key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, LiteralString

from psycopg.rows import dict_row

from hullmark.model.advisory import SEVERITIES
from hullmark.model.isolation import GRADES
from hullmark.server.tables.database import Connection

Key = tuple[int, ...]
Row = dict[str, Any]
Read = Callable[[Connection, int, Key, int], Awaitable[list[tuple[Key, Row]]]]
"""Rows of an account after a key, at most this many; none at the end."""

_SILENCE_MS = 60_000


async def begin(connection: Connection, account_id: int) -> None:
    """Have a transaction see one account, in one snapshot, for reading; the database ends it if nobody goes on reading for a minute.

    It must come first in the transaction.
    """
    await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    await connection.execute(
        "SELECT set_config('role', 'hullmark_tenant', true), set_config('hullmark.account', %s, true), "
        "set_config('idle_in_transaction_session_timeout', %s, true)",
        (str(account_id), str(_SILENCE_MS)),
    )


async def rows(
    connection: Connection, read: Read, account_id: int, after: Key, size: int = 500
) -> AsyncIterator[list[tuple[Key, Row]]]:
    """All rows after a key, some at a time."""
    while some := await read(connection, account_id, after, size):
        yield some
        after = some[-1][0]


def _by_number(statement: LiteralString, finish: Callable[[Row], Row] = lambda row: row) -> Read:
    async def read(connection: Connection, account_id: int, after: Key, limit: int) -> list[tuple[Key, Row]]:
        values = {"account": account_id, "after": after[0], "limit": limit}
        return [((row.pop("key"),), finish(row)) for row in await _all(connection, statement, values)]

    return read


def _by_image(statement: LiteralString, width: int, finish: Callable[[Row], Row] = lambda row: row) -> Read:
    """Rows of images, one image after the other: a key is (image, …). So no query looks at more than one image."""

    async def read(connection: Connection, account_id: int, after: Key, limit: int) -> list[tuple[Key, Row]]:
        image_id, rest = after[0], after[1:]
        while True:
            values = {"image": image_id, "limit": limit, **{f"k{at}": value for at, value in enumerate(rest)}}
            found = await _all(connection, statement, values) if image_id else []
            if found:
                keys = [tuple(row.pop(f"key{at}") for at in range(width)) for row in found]
                return [((image_id, *key), finish(row)) for key, row in zip(keys, found, strict=True)]
            following = await _all(connection, _NEXT_IMAGE, {"account": account_id, "image": image_id})
            if not following:
                return []
            image_id, rest = following[0]["image_id"], (0,) * width

    return read


async def _all(connection: Connection, statement: LiteralString, values: dict[str, Any]) -> Sequence[Row]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(statement, values)
        return await cursor.fetchall()


_NEXT_IMAGE: LiteralString = """
SELECT held.image_id FROM account_image held WHERE held.account_id = %(account)s AND held.image_id > %(image)s
ORDER BY held.image_id LIMIT 1"""

_IMAGES: LiteralString = """
SELECT held.image_id AS key, image.digest, image.config_digest, image.kind, image.media_type, image.platform, image.size, image.state,
    image.reason, image.distro, image.package_count, image.file_count, image.layer_count, image.created_at, image.analysed_at,
    held.added_at, held.added_by, held.reference, held.annotations,
    ARRAY(SELECT tag.registry || '/' || tag.repository || ':' || tag.tag FROM tag WHERE tag.account_id = held.account_id
        AND tag.image_id = held.image_id AND tag.is_current ORDER BY 1) AS tags
FROM account_image held JOIN image ON image.id = held.image_id
WHERE held.account_id = %(account)s AND held.image_id > %(after)s ORDER BY held.image_id LIMIT %(limit)s"""

_HISTORY: LiteralString = """
SELECT history.id AS key, history.id, history.image_digest AS image, coalesce(policy.name, '') AS policy, history.policy_version,
    history.environment, history.reference, history.is_shadow AS shadow, history.verdict, history.reason, history.stops, history.warns,
    history.policy_digest, history.exceptions_digest, history.snapshot_digest, history.analyzer, history.cause, history.at,
    history.recorded_at
FROM verdict_history history LEFT JOIN policy ON policy.id = history.policy_id
WHERE history.account_id = %(account)s AND history.id > %(after)s ORDER BY history.id LIMIT %(limit)s"""

_VERDICTS: LiteralString = """
SELECT now.history_id AS key, image.digest AS image, policy.name AS policy, history.policy_version, now.environment, now.reference,
    now.is_shadow AS shadow, now.verdict, now.reason, now.stops, now.warns, now.judged_at, history.policy_digest,
    history.exceptions_digest, history.snapshot_digest, history.analyzer
FROM verdict now JOIN verdict_history history ON history.id = now.history_id JOIN image ON image.id = now.image_id
JOIN policy ON policy.id = now.policy_id
WHERE now.account_id = %(account)s AND now.history_id > %(after)s ORDER BY now.history_id LIMIT %(limit)s"""

_AUDIT: LiteralString = """
SELECT id AS key, id, at, actor, action, resource_type, resource, before, after, request_id, address FROM audit
WHERE account_id = %(account)s AND id > %(after)s ORDER BY id LIMIT %(limit)s"""

_EVENTS: LiteralString = """
SELECT id AS key, id, at, kind, level, resource_type, resource, body FROM event
WHERE account_id = %(account)s AND id > %(after)s ORDER BY id LIMIT %(limit)s"""

_TRANSITIONS: LiteralString = """
SELECT t.id AS key, t.id, t.kind, t.at, t.recorded_at, t.image_digest AS image, t.reference, t.policy, t.environment, t.before, t.after,
    t.severity, t.is_certified AS certified, t.is_deployed AS deployed, t.history_id AS verdict, t.evidence, t.outcome, t.why, t.routed_at,
    t.cause_id AS cause, cause.kind AS cause_kind, cause.subject AS cause_subject, cause.sentence AS cause_sentence,
    ARRAY(SELECT item.message_id FROM message_item item WHERE item.transition_id = t.id ORDER BY 1) AS messages
FROM transition t JOIN cause ON cause.id = t.cause_id
WHERE t.account_id = %(account)s AND t.id > %(after)s ORDER BY t.id LIMIT %(limit)s"""

_PACKAGES: LiteralString = """
SELECT p.id AS key0, image.digest AS image, p.type, p.name, p.version, p.arch, p.purl, p.is_system AS system, p.owned_by
FROM image_set i JOIN set_member s ON s.set_id = i.set_id JOIN package p ON p.id = s.package_id JOIN image ON image.id = i.image_id
WHERE i.image_id = %(image)s AND p.id > %(k0)s ORDER BY p.id LIMIT %(limit)s"""

_VULNERABILITIES: LiteralString = """
SELECT p.id AS key0, a.id AS key1, image.digest AS image, p.purl AS package, a.name AS advisory, a.cve, a.source, a.namespace, a.severity,
    a.risk, a.epss, a.percentile, a.kev_added AS kev, m.kind, m.fix_state, m.fix_version, m.why, m.confidence,
    coalesce(m.suppressed_by, x.suppressed_by) AS suppressed_by,
    CASE WHEN m.suppressed_by IS NOT NULL THEN m.suppressed_reason ELSE coalesce(x.reason, '') END AS suppressed_reason
FROM image_set i JOIN set_member s ON s.set_id = i.set_id JOIN coordinate_match m ON m.coordinate_id = s.coordinate_id
JOIN advisory a ON a.id = m.advisory_id JOIN package p ON p.id = s.package_id JOIN image ON image.id = i.image_id
LEFT JOIN package_exempt x ON x.package_id = s.package_id AND x.advisory_id = m.advisory_id
WHERE i.image_id = %(image)s AND (p.id, a.id) > (%(k0)s, %(k1)s) ORDER BY p.id, a.id LIMIT %(limit)s"""


_PLACES: LiteralString = """
SELECT placed.id AS key, placed.id, placed.platform, placed.cluster, placed.namespace, placed.workload, placed.container, placed.kind,
    placed.told AS place, placed.environment, coalesce((SELECT image.digest FROM image WHERE image.id = ran.image_id), '') AS image,
    ran.reference, ran.digest, ran.config_digest, ran.architecture, ran.is_inferred AS inferred, placed.containers, placed.since,
    placed.until, placed.seen_at, facts.grade, facts.facts AS isolation, coalesce(label_set.labels, '{}') AS labels
FROM placement placed JOIN running_image ran ON ran.id = placed.running_image_id
LEFT JOIN isolation facts ON facts.id = placed.isolation_id LEFT JOIN label_set ON label_set.id = placed.label_set_id
WHERE placed.account_id = %(account)s AND placed.id > %(after)s ORDER BY placed.id LIMIT %(limit)s"""


def _with_grade(row: Row) -> Row:
    return {**row, "grade": GRADES[row["grade"]] if row["grade"] is not None else None}


def _with_severity(row: Row) -> Row:
    return {**row, "severity": SEVERITIES[row["severity"]]}


KINDS: dict[str, tuple[Read, int]] = {
    "images": (_by_number(_IMAGES), 1),
    "packages": (_by_image(_PACKAGES, 1), 2),
    "vulnerabilities": (_by_image(_VULNERABILITIES, 2, _with_severity), 3),
    "verdicts": (_by_number(_VERDICTS), 1),
    "history": (_by_number(_HISTORY), 1),
    "audit": (_by_number(_AUDIT), 1),
    "events": (_by_number(_EVENTS), 1),
    "transitions": (_by_number(_TRANSITIONS, _with_severity), 1),
    "places": (_by_number(_PLACES, _with_grade), 1),
}
"""What can be exported, and how many numbers make a key."""
