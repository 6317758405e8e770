"""A snapshot's changes to verdicts in the database: changes of findings by package, waves of them, and the images of each.

A wave is written part by part, each a transaction that has its effect once: a process stopped between two of them goes on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, LiteralString, NamedTuple, cast

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.coordinates import columns

FEW_SETS = 2000
"""Up to this many package sets, the images that hold one are looked up; above, all images are scanned."""
PART = 5000
"""Images that are written in one transaction."""
SMALL_PART = 500
"""The same where there are not many in all."""

ADDS, TAKES, QUIET = 0, 1, 2
"""Stages: findings added, findings removed, and changes without news."""


class FindingChange(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a policy's findings in a package. `told`: the news about an image that stays out of compliance, and the
    causes."""

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


class Sets(NamedTuple):
    """Package sets by their numbers, as PostgreSQL writes an array of them, and how many they are."""

    text: str
    size: int

    @classmethod
    def of(cls, numbers: Collection[int]) -> Sets:
        """The sets of these numbers."""
        return cls("{" + ",".join(map(str, sorted(numbers))) + "}", len(numbers))


class Part(NamedTuple):
    """Images by their numbers, from `low` to below `high`."""

    wave_id: int
    low: int
    high: int


async def add_changes(conn: Connection, snapshot_id: int, changes: Sequence[FindingChange]) -> None:
    """Write changes down, in their order; they wait until a wave takes them."""
    rows = [msgspec.structs.asdict(change) for change in changes]
    document = msgspec.json.encode(rows).decode().replace("\\u0000", "\ufffd")
    names: LiteralString = (
        "account_id, policy_id, policy_version, exceptions_digest, package_id, stage, is_doubtful, stops, warns, findings, next_at, lost, "
        "gained, told"
    )
    await conn.execute(
        "INSERT INTO finding_change (snapshot_id, "
        + names
        + ") SELECT %s, "
        + names
        + " FROM ROWS FROM (jsonb_to_recordset(%s::jsonb) "
        "AS (account_id bigint, policy_id bigint, policy_version integer, exceptions_digest text, package_id bigint, stage smallint, "
        "is_doubtful boolean, stops integer, warns integer, findings integer, next_at timestamptz, lost jsonb, gained jsonb, told jsonb)) "
        "WITH ORDINALITY AS new (" + names + ", place) ORDER BY place",
        (snapshot_id, document),
    )


async def open_wave(
    conn: Connection, snapshot_id: int, stages: Collection[int], most: int, images: int | None = None
) -> int | None:
    """Make a wave of changes that wait; None if none do. `images`: only of causes that reach no more images together."""
    await conn.execute("SELECT pg_advisory_xact_lock(hashtextextended('wave', %s))", (snapshot_id,))
    cursor = await conn.execute(
        "SELECT id, package_id, coalesce(told -> 0 ->> 'cause', '') FROM finding_change "
        "WHERE snapshot_id = %s AND stage = ANY(%s::smallint[]) AND wave_id IS NULL ORDER BY id LIMIT %s",
        (snapshot_id, list(stages), most),
    )
    waiting = cast("list[tuple[int, int, str]]", await cursor.fetchall())
    if images is not None:
        waiting = await _few(conn, waiting, images)
    if not waiting:
        return None
    row = await (
        await conn.execute("INSERT INTO wave (snapshot_id) VALUES (%s) RETURNING id", (snapshot_id,))
    ).fetchone()
    assert row is not None  # noqa: S101 - an INSERT … RETURNING answers
    ids = [number for number, _, _ in waiting]
    await conn.execute("UPDATE finding_change SET wave_id = %s WHERE id = ANY(%s::bigint[])", (row[0], ids))
    lows = await _lows(conn, sorted({package for _, package, _ in waiting}))
    await conn.execute(
        "INSERT INTO wave_part SELECT %s, * FROM unnest(%s::bigint[], %s::bigint[])", (row[0], lows[:-1], lows[1:])
    )
    return int(row[0])


async def _few(conn: Connection, waiting: Sequence[tuple[int, int, str]], images: int) -> list[tuple[int, int, str]]:
    """Of changes (number, package, cause) those of the first causes that reach no more images together."""
    cursor = await conn.execute(
        "SELECT package_id, (SELECT count(*) FROM (SELECT FROM set_member JOIN image_set USING (set_id) "
        "WHERE set_member.package_id = wanted.package_id LIMIT %s) AS held) FROM unnest(%s::bigint[]) AS wanted (package_id)",
        (images + 1, sorted({package for _, package, _ in waiting})),
    )
    reached = dict(cast("list[tuple[int, int]]", await cursor.fetchall()))
    causes: dict[str, set[int]] = {}
    for _, package, cause in waiting:
        causes.setdefault(cause, set()).add(package)
    taken, left = set[str](), images
    for cause, packages in causes.items():
        count = sum(reached[package] for package in packages)
        if count <= left:
            taken.add(cause)
            left -= count
    return [row for row in waiting if row[2] in taken]


async def _lows(conn: Connection, packages: Sequence[int]) -> list[int]:
    """Where the parts begin, and the last ends. The first images are written soon."""
    cursor = await conn.execute(
        "SELECT DISTINCT set_id FROM set_member WHERE package_id = ANY(%s::bigint[]) LIMIT %s", (packages, FEW_SETS + 1)
    )
    sets = [number for (number,) in await cursor.fetchall()]
    if len(sets) <= FEW_SETS:
        cursor = await conn.execute(
            "SELECT DISTINCT image_id FROM image_set WHERE set_id = ANY(%s::bigint[]) ORDER BY 1", (sets,)
        )
        images = [number for (number,) in await cursor.fetchall()]
        size = SMALL_PART if len(images) <= PART else PART
        return [*images[::size], images[-1] + 1] if images else []
    row = await (await conn.execute("SELECT min(id), max(id) FROM image")).fetchone()
    low, high = row if row is not None and row[0] is not None else (0, -1)
    return [*range(low, high + 1, PART), high + 1]


async def take_part(conn: Connection, snapshot_id: int) -> Part | None:
    """Remaining work, the oldest first, locked for others; it is done once this transaction commits."""
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
    """Delete a wave if all of it is done; returns whether it existed."""
    cursor = await conn.execute(
        "DELETE FROM wave WHERE id = %s AND NOT EXISTS (SELECT FROM wave_part WHERE wave_id = wave.id)", (wave_id,)
    )
    return cursor.rowcount == 1


async def forget(conn: Connection, snapshot_id: int) -> None:
    """Drop changes of a snapshot, and of those before it, that no verdict refers to."""
    await conn.execute("DELETE FROM finding_change WHERE snapshot_id <= %s AND is_doubtful", (snapshot_id,))


async def forget_unreferenced(conn: Connection) -> int:
    """Drop changes to which no verdict of the history refers any more, or can; returns how many."""
    cursor = await conn.execute(
        "DELETE FROM finding_change WHERE wave_id IS NOT NULL AND NOT EXISTS (SELECT FROM wave) AND NOT EXISTS ("
        "SELECT FROM procrastinate_jobs WHERE task_name = 'carry' AND status IN ('todo', 'doing')) AND id < coalesce("
        "(SELECT min(coalesce(parts[1], id)) FROM (SELECT DISTINCT number::bigint AS id FROM verdict_history "
        "CROSS JOIN LATERAL jsonb_array_elements_text(changes) AS each (number) "
        "WHERE changes IS NOT NULL AND jsonb_typeof(changes) = 'array') AS named JOIN finding_change USING (id)), 9223372036854775807)"
    )
    return cursor.rowcount


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
    return cast("list[tuple[int, int]]", await cursor.fetchall())


async def twins_of(conn: Connection, packages: Iterable[int]) -> list[tuple[int, int]]:
    """Packages that go by one purl with these: what is found in both is one finding. (package, the other)."""
    cursor = await conn.execute(
        "SELECT package.id, other.id FROM package JOIN package other ON other.name = package.name AND other.purl = package.purl "
        "AND other.id <> package.id WHERE package.id = ANY(%s::bigint[])",
        (sorted(set(packages)),),
    )
    return cast("list[tuple[int, int]]", await cursor.fetchall())


async def images_with(conn: Connection, sets: Sets, part: Part) -> list[tuple[int, list[int]]]:
    """The images of a part that hold some of these package sets, and which."""
    few: LiteralString = "set_id = ANY(%(sets)s::bigint[])"
    many: LiteralString = "set_id + 0 = ANY(%(sets)s::bigint[])"
    cursor = await conn.execute(
        "SELECT image_id, array_agg(set_id) FROM image_set WHERE image_id >= %(low)s AND image_id < %(high)s AND "
        + (few if sets.size <= FEW_SETS else many)
        + " GROUP BY image_id",
        {"sets": sets.text, "low": part.low, "high": part.high},
        prepare=False,
    )
    return cast("list[tuple[int, list[int]]]", await cursor.fetchall())


async def cause_ids(conn: Connection, keys: Iterable[tuple[int, str]]) -> dict[tuple[int, str], int]:
    """The numbers of causes by account and key."""
    cursor = await conn.execute(
        "SELECT account_id, key, id FROM cause WHERE (account_id, key) IN (SELECT * FROM unnest(%s::bigint[], %s::text[]))",
        columns(sorted(set(keys)), 2),
    )
    return {(account, key): number for account, key, number in await cursor.fetchall()}
