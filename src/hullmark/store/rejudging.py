"""What a snapshot changes in verdicts, as it is written down: changes of findings by package, waves of them, and the images of each.

A wave is written part by part, each a transaction that has its effect once: whoever is stopped between two of them goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple, cast

import msgspec
from psycopg.rows import class_row

from hullmark.store.coordinates import columns
from hullmark.store.database import Connection

FEW_SETS = 2000
"""Up to so many package sets, the images that hold one are looked up by them; above, all images are gone through."""
PART = 5000
"""Images that are written in one transaction."""

_SAME: LiteralString = (
    "verdict.account_id = new.account_id AND verdict.image_id = new.image_id AND verdict.policy_id = new.policy_id "
    "AND verdict.environment = new.environment AND verdict.is_shadow = new.is_shadow"
)
ADDS, TAKES, QUIET = 0, 1, 2
"""Stages: what images are held against more, and less; and all that nobody is told of."""


class FindingChange(msgspec.Struct, frozen=True, kw_only=True):
    """What changes in what a policy finds in a package. `told`: what is told of an image that stays out of compliance, and the causes."""

    id: int = 0
    account_id: int
    policy_id: int
    policy_version: int
    exceptions_digest: str
    package_id: int
    stage: int
    is_doubtful: bool = False
    stops: int = 0
    warns: int = 0
    findings: int = 0
    next_at: datetime | None = None
    lost: list[Any] = []
    gained: list[Any] = []
    told: list[Any] = []


class Part(NamedTuple):
    """Images by their numbers, from `low` to below `high`."""

    wave_id: int
    low: int
    high: int


class Row(NamedTuple):
    """A current verdict and what it was made of."""

    account_id: int
    image_id: int
    policy_id: int
    environment: str
    is_shadow: bool
    reference: str
    history_id: int
    verdict: str
    reason: str
    stops: int
    warns: int
    finding_count: int | None
    is_clouded: bool
    next_at: datetime | None
    policy_version: int
    exceptions_digest: str
    image_digest: str
    changes: int


class NewRow(NamedTuple):
    """A verdict in place of one. `changes` are the numbers of what came since."""

    id: int
    history_id: int
    account_id: int
    image_id: int
    policy_id: int
    environment: str
    is_shadow: bool
    verdict: str
    reason: str
    stops: int
    warns: int
    finding_count: int
    next_at: datetime | None
    changes: str


class NewTransition(NamedTuple):
    """A transition; see model.notice.Transition. `evidence` is JSON."""

    account_id: int
    cause_id: int
    kind: str
    key: str
    image_id: int
    image_digest: str
    reference: str
    policy_id: int
    policy: str
    environment: str
    before: str
    after: str
    severity: int
    history_id: int
    evidence: str


async def add_changes(conn: Connection, snapshot_id: int, changes: Sequence[FindingChange]) -> None:
    """Write changes down, in their order; they wait until a wave takes them."""
    rows = [
        (
            each.account_id,
            each.policy_id,
            each.policy_version,
            each.exceptions_digest,
            each.package_id,
            each.stage,
            each.is_doubtful,
            each.stops,
            each.warns,
            each.findings,
            each.next_at,
            *(
                msgspec.json.encode(part).decode().replace("\\u0000", "\ufffd")
                for part in (each.lost, each.gained, each.told)
            ),
        )
        for each in changes
    ]
    names: LiteralString = (
        "account_id, policy_id, policy_version, exceptions_digest, package_id, stage, is_doubtful, stops, warns, findings, next_at, lost, "
        "gained, told"
    )
    await conn.execute(
        "INSERT INTO finding_change (snapshot_id, "
        + names
        + ") SELECT %s, "
        + names
        + " FROM unnest(%s::bigint[], %s::bigint[], "
        "%s::integer[], %s::text[], %s::bigint[], %s::smallint[], %s::boolean[], %s::integer[], %s::integer[], %s::integer[], "
        "%s::timestamptz[], %s::jsonb[], %s::jsonb[], %s::jsonb[]) WITH ORDINALITY AS new ("
        + names
        + ", place) ORDER BY place",
        (snapshot_id, *columns(rows, 14)),
    )


async def open_wave(conn: Connection, snapshot_id: int, stage: int, most: int) -> int | None:
    """Make a wave of changes that wait; None if none do."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('wave', %s))", (snapshot_id,))
    cursor = await conn.execute(
        "SELECT id, package_id FROM finding_change WHERE snapshot_id = %s AND stage = %s AND wave_id IS NULL ORDER BY id LIMIT %s",
        (snapshot_id, stage, most),
    )
    waiting = await cursor.fetchall()
    if not waiting:
        return None
    made = await (
        await conn.execute("INSERT INTO wave (snapshot_id) VALUES (%s) RETURNING id", (snapshot_id,))
    ).fetchone()
    assert made is not None  # noqa: S101 - an INSERT … RETURNING answers
    await conn.execute(
        "UPDATE finding_change SET wave_id = %s WHERE id = ANY(%s::bigint[])",
        (made[0], [number for number, _ in waiting]),
    )
    lows = await _lows(conn, sorted({package for _, package in waiting}))
    await conn.execute(
        "INSERT INTO wave_part SELECT %s, * FROM unnest(%s::bigint[], %s::bigint[])", (made[0], lows[:-1], lows[1:])
    )
    return int(made[0])


async def _lows(conn: Connection, packages: Sequence[int]) -> list[int]:
    """Where the parts begin, and the last ends."""
    cursor = await conn.execute(
        "SELECT DISTINCT set_id FROM set_member WHERE package_id = ANY(%s::bigint[]) LIMIT %s", (packages, FEW_SETS + 1)
    )
    sets = [number for (number,) in await cursor.fetchall()]
    if len(sets) <= FEW_SETS:
        cursor = await conn.execute(
            "SELECT image_id, row_number() OVER (ORDER BY image_id) FROM "
            "(SELECT DISTINCT image_id FROM image_set WHERE set_id = ANY(%s::bigint[])) AS held ORDER BY image_id",
            (sets,),
        )
        images = [number for number, _ in await cursor.fetchall()]
        return [*images[::PART], images[-1] + 1] if images else []
    row = await (await conn.execute("SELECT min(id), max(id) FROM image")).fetchone()
    low, high = row if row is not None and row[0] is not None else (0, -1)
    return [*range(low, high + 1, PART), high + 1]


async def take_part(conn: Connection, snapshot_id: int) -> Part | None:
    """Work that is left, the oldest first, which nobody else takes; it is done if this transaction comes to its end."""
    cursor = await conn.execute(
        "DELETE FROM wave_part WHERE (wave_id, low) = (SELECT wave_id, low FROM wave_part JOIN wave ON wave.id = wave_id "
        "WHERE snapshot_id = %s ORDER BY wave_id, low LIMIT 1 FOR UPDATE OF wave_part SKIP LOCKED) RETURNING wave_id, low, high",
        (snapshot_id,),
    )
    row = await cursor.fetchone()
    return Part(*row) if row is not None else None


async def parts_left(conn: Connection, snapshot_id: int) -> int:
    """How many parts are not done."""
    cursor = await conn.execute(
        "SELECT count(*) FROM wave_part JOIN wave ON wave.id = wave_id WHERE snapshot_id = %s", (snapshot_id,)
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def waves(conn: Connection, snapshot_id: int) -> list[int]:
    """The waves of a snapshot that are not closed."""
    cursor = await conn.execute("SELECT id FROM wave WHERE snapshot_id = %s ORDER BY id", (snapshot_id,))
    return [number for (number,) in await cursor.fetchall()]


async def close_wave(conn: Connection, wave_id: int) -> bool:
    """Forget a wave if all of it is done; answers whether it was there."""
    cursor = await conn.execute(
        "DELETE FROM wave WHERE id = %s AND NOT EXISTS (SELECT FROM wave_part WHERE wave_id = wave.id)", (wave_id,)
    )
    return cursor.rowcount == 1


async def forget(conn: Connection, snapshot_id: int) -> None:
    """Drop changes of a snapshot, and of those before it, that no verdict refers to."""
    await conn.execute("DELETE FROM finding_change WHERE snapshot_id <= %s AND is_doubtful", (snapshot_id,))


_CHANGE: LiteralString = (
    "id, account_id, policy_id, policy_version, exceptions_digest, package_id, stage, is_doubtful, stops, warns, findings, next_at, told, "
    "lost, gained"
)


async def changes_of(conn: Connection, wave_id: int) -> list[FindingChange]:
    """The changes of a wave, by number, without the findings."""
    async with conn.cursor(row_factory=class_row(FindingChange)) as cursor:
        await cursor.execute(f"SELECT {_CHANGE} FROM finding_change WHERE wave_id = %s ORDER BY id", (wave_id,))
        return await cursor.fetchall()


async def sets_with(conn: Connection, packages: Iterable[int]) -> list[tuple[int, int]]:
    """Which package sets hold which of these packages: (set, package)."""
    cursor = await conn.execute(
        "SELECT set_id, package_id FROM set_member WHERE package_id = ANY(%s::bigint[])", (sorted(set(packages)),)
    )
    return cast(list[tuple[int, int]], await cursor.fetchall())


async def twins_of(conn: Connection, packages: Iterable[int]) -> list[tuple[int, int]]:
    """Packages that go by one purl with these: what is found in both is one finding. (package, the other)."""
    cursor = await conn.execute(
        "SELECT package.id, other.id FROM package JOIN package other ON other.name = package.name AND other.purl = package.purl "
        "AND other.id <> package.id WHERE package.id = ANY(%s::bigint[])",
        (sorted(set(packages)),),
    )
    return cast(list[tuple[int, int]], await cursor.fetchall())


async def images_with(conn: Connection, sets: Collection[int], part: Part) -> list[tuple[int, list[int]]]:
    """The images of a part that hold some of these package sets, and which."""
    few: LiteralString = "set_id = ANY(%(sets)s::bigint[])"
    many: LiteralString = "set_id + 0 = ANY(%(sets)s::bigint[])"
    cursor = await conn.execute(
        "SELECT image_id, array_agg(set_id) FROM image_set WHERE image_id >= %(low)s AND image_id < %(high)s AND "
        + (few if len(sets) <= FEW_SETS else many)
        + " GROUP BY image_id",
        {"sets": list(sets), "low": part.low, "high": part.high},
        prepare=False,
    )
    return cast(list[tuple[int, list[int]]], await cursor.fetchall())


async def rows_of(conn: Connection, images: Sequence[int], policies: Collection[int], snapshot_id: int) -> list[Row]:
    """The current verdicts of images by policies that were not judged with this snapshot, nor are to be judged anyway; nobody else
    changes them until the transaction ends."""
    cursor = await conn.execute(
        "SELECT now.account_id, now.image_id, now.policy_id, now.environment, now.is_shadow, now.reference, now.history_id, now.verdict, "
        "now.reason, now.stops, now.warns, now.finding_count, now.is_clouded, now.next_at, history.policy_version, "
        "history.exceptions_digest, history.image_digest, CASE jsonb_typeof(history.changes) WHEN 'array' THEN "
        "jsonb_array_length(history.changes) WHEN 'object' THEN -1 ELSE 0 END "
        "FROM verdict now JOIN verdict_history history ON history.id = now.history_id "
        "WHERE now.image_id = ANY(%s::bigint[]) AND now.policy_id = ANY(%s::bigint[]) AND NOT now.is_awaiting "
        "AND now.snapshot_id IS DISTINCT FROM %s ORDER BY now.account_id, now.image_id, now.policy_id, now.environment, now.is_shadow "
        "FOR UPDATE OF now",
        (list(images), sorted(policies), snapshot_id),
    )
    return [Row(*row) for row in await cursor.fetchall()]


async def numbers(conn: Connection, count: int) -> list[int]:
    """So many numbers for the history."""
    cursor = await conn.execute(
        "SELECT nextval(pg_get_serial_sequence('verdict_history', 'id')) FROM generate_series(1, %s)", (count,)
    )
    return [number for (number,) in await cursor.fetchall()]


async def write(conn: Connection, rows: Sequence[NewRow], snapshot_digest: str, cause: str, now: datetime) -> None:
    """Put verdicts in place of others: the history gets a row with what came since the document was written."""
    new: LiteralString = (
        "unnest(%(id)s::bigint[], %(history_id)s::bigint[], %(account_id)s::bigint[], %(image_id)s::bigint[], %(policy_id)s::bigint[], "
        "%(environment)s::text[], %(is_shadow)s::boolean[], %(verdict)s::text[], %(reason)s::text[], %(stops)s::integer[], "
        "%(warns)s::integer[], %(finding_count)s::integer[], %(next_at)s::timestamptz[], %(changes)s::jsonb[]) AS new (id, history_id, "
        "account_id, image_id, policy_id, environment, is_shadow, verdict, reason, stops, warns, finding_count, next_at, changes)"
    )
    values: dict[str, Any] = dict(zip(NewRow._fields, columns(rows, len(NewRow._fields)), strict=True))
    values |= {"digest": snapshot_digest, "cause": cause, "now": now}
    await conn.execute(
        "INSERT INTO verdict_history (id, account_id, image_id, policy_id, policy_version, environment, reference, is_shadow, verdict, "
        "reason, stops, warns, document, image_digest, policy_digest, exceptions_digest, snapshot_digest, analyzer, cause, at, changes) "
        "OVERRIDING SYSTEM VALUE SELECT new.id, old.account_id, old.image_id, old.policy_id, old.policy_version, old.environment, "
        "old.reference, old.is_shadow, new.verdict, new.reason, new.stops, new.warns, old.document, old.image_digest, old.policy_digest, "
        "old.exceptions_digest, %(digest)s, old.analyzer, %(cause)s, %(now)s, coalesce(old.changes, '[]') || new.changes "
        "FROM " + new + " JOIN verdict_history old ON old.id = new.history_id",
        values,
    )
    await conn.execute(
        "UPDATE verdict SET history_id = new.id, verdict = new.verdict, reason = new.reason, stops = new.stops, warns = new.warns, "
        "finding_count = new.finding_count, next_at = new.next_at, judged_at = %(now)s FROM " + new + " WHERE " + _SAME,
        values,
    )


async def bring_forward(conn: Connection, rows: Sequence[tuple[int, int, int, str, bool, datetime]]) -> None:
    """Of verdicts (account, image, policy, environment, is shadow) that stay, the first moment at which time may change them."""
    await conn.execute(
        "UPDATE verdict SET next_at = new.next_at FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::boolean[], "
        "%s::timestamptz[]) AS new (account_id, image_id, policy_id, environment, is_shadow, next_at) WHERE " + _SAME,
        columns(rows, 6),
    )


async def want_judging(conn: Connection, rows: Sequence[Row], cause: str) -> None:
    """Have the images of these verdicts judged as wholes, after all that people wait for; nothing is added to the verdicts until then."""
    if not rows:
        return
    await conn.execute(
        "UPDATE verdict SET is_awaiting = true FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::text[], %s::boolean[]) AS new "
        "(account_id, image_id, policy_id, environment, is_shadow) WHERE " + _SAME,
        columns([row[:5] for row in rows], 5),
    )
    await conn.execute(
        "SELECT defer_job('judging', 'judge', 0, 'judge:' || account_id || ':' || image_id, jsonb_build_object('account_id', account_id, "
        "'image_id', image_id, 'cause', %s::text), NULL) FROM unnest(%s::bigint[], %s::bigint[]) AS new (account_id, image_id)",
        (cause, *columns(sorted({row[:2] for row in rows}), 2)),
    )


async def add_transitions(conn: Connection, rows: Sequence[NewTransition], now: datetime) -> int:
    """Write transitions down, each once; answers how many are new."""
    cursor = await conn.execute(
        "INSERT INTO transition (account_id, cause_id, kind, key, image_id, image_digest, reference, policy_id, policy, environment, "
        "before, after, severity, history_id, evidence, at, is_certified, is_deployed) SELECT new.*, %s, held.certified_at IS NOT NULL, "
        "EXISTS (SELECT FROM deployment runs WHERE runs.account_id = new.account_id AND runs.image_id = new.image_id) "
        "FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::text[], "
        "%s::text[], %s::text[], %s::text[], %s::smallint[], %s::bigint[], %s::jsonb[]) AS new (account_id, cause_id, kind, key, image_id, "
        "image_digest, reference, policy_id, policy, environment, before, after, severity, history_id, evidence) "
        "LEFT JOIN account_image held ON held.account_id = new.account_id AND held.image_id = new.image_id "
        "ON CONFLICT (account_id, key) DO NOTHING",
        (now, *columns(rows, len(NewTransition._fields))),
    )
    return cursor.rowcount


async def certify(conn: Connection, holdings: Iterable[tuple[int, int]], now: datetime) -> None:
    """Note that verdicts in force let images (account, image) pass, if none ever did."""
    await conn.execute(
        "UPDATE account_image held SET certified_at = %s FROM unnest(%s::bigint[], %s::bigint[]) AS new (account_id, image_id) "
        "WHERE held.account_id = new.account_id AND held.image_id = new.image_id AND held.certified_at IS NULL",
        (now, *columns(sorted(set(holdings)), 2)),
    )


async def cause_ids(conn: Connection, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """The numbers of causes by account and key."""
    cursor = await conn.execute(
        "SELECT account_id, key, id FROM cause WHERE (account_id, key) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))",
        columns(sorted(set(keys)), 2),
    )
    return {(account, key): number for account, key, number in await cursor.fetchall()}


async def policy_names(conn: Connection, policies: Iterable[int]) -> dict[int, str]:
    """What policies are called."""
    cursor = await conn.execute("SELECT id, name FROM policy WHERE id = ANY(%s::bigint[])", (sorted(set(policies)),))
    return dict(cast(list[tuple[int, str]], await cursor.fetchall()))
