"""Which advisories count in an account's images, and in how many.

Of few images that is counted as it is asked for. Of many the counts are kept (`advisory_count`), and made anew by a job: first which
advisories are in which set of packages, then some thousand images at a time, so that an image that has one in two of its sets counts once.
A million images have hundreds of millions of advisories between them: Python's sets tell these apart in a tenth of the time that a
database takes to sort them.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString

import msgspec
from psycopg.rows import class_row, tuple_row

from hullmark.model.match import MatchedAdvisory
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.coordinates import columns
from hullmark.server.tables.places.running import runs

_AT_ONCE = 5_000
_FINDING: LiteralString = "counted_finding"
"""The temporary table of what is in which set."""
_BODIES = 4
"""So many of a vulnerability's advisories, the weightiest, are read for its score and its summary."""
_named = msgspec.msgpack.Decoder(MatchedAdvisory).decode


class HeldAdvisory(msgspec.Struct, frozen=True, kw_only=True):
    """A vulnerability that counts in images: its CVE, or its id where it has none. `severity` is the place in SEVERITIES of the worst that
    is said; `score` the highest CVSS (None: nobody rated it); `epss` from 0 to 1; `is_fixable`: a version that mends it is known for some.
    `live` are those of the images that run, or that a tag points to."""

    name: str
    severity: int
    risk: float
    score: float | None
    epss: float | None
    is_exploited: bool
    is_fixable: bool
    images: int
    live: int
    summary: str


class AdvisoryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which of them: with this text in the name or the summary, at least so severe (a place in SEVERITIES); known to be exploited, with a
    fix, and in images that are live, where that is asked for."""

    text: str = ""
    severity: int = 0
    is_exploited: bool = False
    is_fixable: bool = False
    is_live: bool = False

    def takes(self, row: HeldAdvisory) -> bool:
        """Whether it is one of them."""
        return (
            (not self.text or self.text.lower() in f"{row.name}\n{row.summary}".lower())
            and row.severity >= self.severity
            and (row.is_exploited or not self.is_exploited)
            and (row.is_fixable or not self.is_fixable)
            and (row.live > 0 or not self.is_live)
        )


class AdvisorySum(msgspec.Struct, frozen=True, kw_only=True):
    """How many there are; how many of them are known to be exploited, and can be fixed."""

    total: int
    exploited: int
    fixable: int


class CountRun(msgspec.Struct, frozen=True, kw_only=True):
    """When the counts that are kept were made, and how many seconds that took."""

    at: datetime
    seconds: float


def is_live(account: LiteralString, image: LiteralString) -> LiteralString:
    """SQL that says whether an image counts: it runs, or a tag points to it; or it never did either, and was added as it is."""
    named: LiteralString = f"FROM tag WHERE tag.account_id = {account} AND tag.image_id = {image}"
    ran: LiteralString = "FROM running_image ran JOIN placement placed ON placed.running_image_id = ran.id"
    return (
        f"(EXISTS (SELECT {named} AND tag.is_current) OR {runs(account, image)}"
        f" OR NOT EXISTS (SELECT {named}) AND NOT EXISTS (SELECT {ran} WHERE ran.account_id = {account} AND ran.image_id = {image}))"
    )


_NAME: LiteralString = "coalesce(nullif(advisory.cve, ''), advisory.name)"
_COUNTING: LiteralString = """match.suppressed_by IS NULL AND NOT EXISTS (SELECT FROM package_exempt exempt
    WHERE exempt.package_id = member.package_id AND exempt.advisory_id = match.advisory_id)"""
_ORDER: LiteralString = "risk DESC, name"


async def images_of(connection: Connection, account_id: int, most: int) -> list[int] | None:
    """All images of an account by number; None where they are more than so many."""
    cursor = await connection.execute(
        "SELECT image_id FROM account_image WHERE account_id = %s ORDER BY image_id LIMIT %s", (account_id, most + 1)
    )
    found = [int(number) for (number,) in await cursor.fetchall()]
    return found if len(found) <= most else None


async def held_now(connection: Connection, account_id: int, images: Sequence[int]) -> list[HeldAdvisory]:
    """The vulnerabilities that count in these images of an account, the weightiest first."""
    cursor = await connection.execute(
        f"""
        WITH chosen AS MATERIALIZED (
            SELECT wanted.id, {is_live("%(account)s", "wanted.id")} AS is_live FROM unnest(%(images)s::bigint[]) AS wanted (id)
        ), found AS MATERIALIZED (
            SELECT match.advisory_id AS id, held.image_id, chosen.is_live, bool_or(match.fix_state = 'fixed') AS is_fixable
            FROM chosen JOIN image_set held ON held.image_id = chosen.id JOIN set_member member ON member.set_id = held.set_id
            JOIN coordinate_match match ON match.coordinate_id = member.coordinate_id WHERE {_COUNTING} GROUP BY 1, 2, 3
        )
        SELECT {_NAME} AS name, max(advisory.severity), max(advisory.risk) AS risk, max(advisory.epss),
            bool_or(advisory.kev_added IS NOT NULL), bool_or(found.is_fixable), count(DISTINCT found.image_id),
            count(DISTINCT found.image_id) FILTER (WHERE found.is_live),
            (SELECT array_agg(one.body ORDER BY one.risk DESC, one.id) FROM (SELECT same.* FROM advisory same
                WHERE same.id = ANY(array_agg(found.id)) ORDER BY same.risk DESC, same.id LIMIT {_BODIES}) AS one)
        FROM found JOIN advisory ON advisory.id = found.id GROUP BY 1 ORDER BY {_ORDER}
        """,
        {"account": account_id, "images": list(images)},
    )
    return [_make_held_advisory(row) for row in await cursor.fetchall()]


def _make_held_advisory(row: tuple[Any, ...]) -> HeldAdvisory:
    name, severity, risk, epss, is_exploited, is_fixable, images, live, bodies = row
    named = [_named(body) for body in bodies or ()]
    return HeldAdvisory(
        name=name,
        severity=severity,
        risk=risk,
        score=max((rating.score for each in named for rating in each.cvss), default=None),
        epss=epss,
        is_exploited=is_exploited,
        is_fixable=is_fixable,
        images=images,
        live=live,
        summary=next((each.summary for each in named if each.summary), ""),
    )


# What is kept


async def find_count_run(connection: Connection, account_id: int) -> CountRun | None:
    """When the counts that are kept were made; None where there are none yet."""
    async with connection.cursor(row_factory=class_row(CountRun)) as cursor:
        await cursor.execute("SELECT at, seconds FROM advisory_counted WHERE account_id = %s", (account_id,))
        return await cursor.fetchone()


AdvisoryPosition = tuple[float, str]
"""Where the list goes on: behind this risk and name."""

_WANTED: LiteralString = """account_id = %(account)s AND severity >= %(severity)s AND (is_exploited OR NOT %(exploited)s)
    AND (is_fixable OR NOT %(fixable)s) AND (live > 0 OR NOT %(live)s)
    AND (%(text)s = '' OR position(lower(%(text)s) IN lower(name || chr(10) || summary)) > 0)"""


async def held_kept(
    connection: Connection, account_id: int, wanted: AdvisoryFilter, after: AdvisoryPosition | None, limit: int
) -> list[HeldAdvisory]:
    """The same by the counts that are kept."""
    risk, name = after or (None, "")
    async with connection.cursor(row_factory=class_row(HeldAdvisory)) as cursor:
        await cursor.execute(
            f"""
            SELECT name, severity, risk, score, epss, is_exploited, is_fixable, images, live, summary FROM advisory_count
            WHERE {_WANTED} AND (%(risk)s::float8 IS NULL OR (-risk, name) > (-%(risk)s::float8, %(name)s))
            ORDER BY {_ORDER} LIMIT %(limit)s
            """,
            {
                "account": account_id,
                "severity": wanted.severity,
                "exploited": wanted.is_exploited,
                "fixable": wanted.is_fixable,
                "live": wanted.is_live,
                "text": wanted.text,
                "risk": risk,
                "name": name,
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def kept_one(connection: Connection, account_id: int, name: str) -> HeldAdvisory | None:
    """What is kept of one vulnerability."""
    async with connection.cursor(row_factory=class_row(HeldAdvisory)) as cursor:
        await cursor.execute(
            "SELECT name, severity, risk, score, epss, is_exploited, is_fixable, images, live, summary FROM advisory_count"
            " WHERE account_id = %s AND name = %s",
            (account_id, name),
        )
        return await cursor.fetchone()


async def sum_kept(connection: Connection, account_id: int) -> AdvisorySum:
    """How many are kept."""
    async with connection.cursor(row_factory=class_row(AdvisorySum)) as cursor:
        await cursor.execute(
            "SELECT count(*) AS total, count(*) FILTER (WHERE is_exploited) AS exploited, count(*) FILTER (WHERE is_fixable) AS fixable"
            " FROM advisory_count WHERE account_id = %s",
            (account_id,),
        )
        found = await cursor.fetchone()
    assert found is not None  # noqa: S101 - a count is always one row
    return found


# How it is made anew

_MATCHES: LiteralString = f"""
CREATE TEMPORARY TABLE counted_match ON COMMIT DROP AS
    SELECT member.set_id, match.advisory_id, bool_or(match.fix_state = 'fixed') AS is_fixable
    FROM (SELECT DISTINCT part.set_id FROM account_image held JOIN image_set part ON part.image_id = held.image_id
        WHERE held.account_id = %(account)s) parts
    JOIN set_member member ON member.set_id = parts.set_id
    JOIN coordinate_match match ON match.coordinate_id = member.coordinate_id WHERE {_COUNTING} GROUP BY 1, 2"""
_FINDINGS: LiteralString = f"""
CREATE TEMPORARY TABLE counted_advisory ON COMMIT DROP AS
    SELECT advisory.id, {_NAME} AS name, dense_rank() OVER (ORDER BY {_NAME})::integer AS number
    FROM advisory WHERE id IN (SELECT DISTINCT advisory_id FROM counted_match);
CREATE TEMPORARY TABLE counted_finding ON COMMIT DROP AS
    SELECT found.set_id, named.number, bool_or(found.is_fixable) AS is_fixable
    FROM counted_match found JOIN counted_advisory named ON named.id = found.advisory_id GROUP BY 1, 2;
ANALYZE counted_advisory
"""
_IMAGES: LiteralString = f"""
SELECT page.image_id, {is_live("%(account)s", "page.image_id")},
    ARRAY(SELECT held.set_id FROM image_set held WHERE held.image_id = page.image_id)
FROM (SELECT image_id FROM account_image WHERE account_id = %(account)s AND image_id > %(after)s ORDER BY image_id LIMIT %(limit)s) page
ORDER BY 1"""


class _Tallies:
    """In how many images, and in how many live ones, each advisory is, by its number; and which have a fix somewhere."""

    def __init__(self) -> None:
        self.images: Counter[int] = Counter()
        self.live: Counter[int] = Counter()
        self.fixable: set[int] = set()
        self._by_set: dict[int, list[int]] = {}

    async def learn(self, connection: Connection) -> None:
        """Read which advisories are in which set. One number is one object, so that millions of them are only pointed to."""
        known: dict[int, int] = {}
        async with connection.cursor(name="counted", row_factory=tuple_row) as cursor:
            cursor.itersize = _AT_ONCE
            await cursor.execute(
                "SELECT set_id, array_agg(number), array_agg(number) FILTER (WHERE is_fixable)"
                f" FROM {_FINDING} GROUP BY 1"
            )
            async for set_id, numbers, fixable in cursor:
                self._by_set[set_id] = [known.setdefault(number, number) for number in numbers]
                self.fixable.update(fixable or ())

    def add(self, rows: Sequence[tuple[int, bool, Sequence[int]]]) -> None:
        """Count in images: (image, whether it is live, its sets)."""
        by_set, none = self._by_set, ()
        for _, is_live, sets in rows:
            numbers = set().union(*(by_set.get(number, none) for number in sets))
            self.images.update(numbers)
            if is_live:
                self.live.update(numbers)


async def count_again(connection: Connection, account_id: int) -> None:
    """Count in all images of an account, and keep the counts in place of those before. One at a time of each account."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('count advisories', %s))", (account_id,))
    await connection.execute(_MATCHES, {"account": account_id}, prepare=False)
    await connection.execute(_FINDINGS)
    tallies = _Tallies()
    await tallies.learn(connection)
    after = 0
    while True:
        values = {"account": account_id, "after": after, "limit": _AT_ONCE}
        rows = await (await connection.execute(_IMAGES, values)).fetchall()
        if not rows:
            break
        await asyncio.to_thread(tallies.add, rows)
        after = rows[-1][0]
    await connection.execute("DELETE FROM advisory_count WHERE account_id = %s", (account_id,))
    numbers = sorted(tallies.images)
    for start in range(0, len(numbers), 1000):
        await _keep(connection, account_id, numbers[start : start + 1000], tallies)


async def _keep(connection: Connection, account_id: int, numbers: Sequence[int], tallies: _Tallies) -> None:
    cursor = await connection.execute(
        f"""
        SELECT named.number, named.name, max(advisory.severity), max(advisory.risk), max(advisory.epss),
            bool_or(advisory.kev_added IS NOT NULL),
            (array_agg(advisory.body ORDER BY advisory.risk DESC, advisory.id))[1:{_BODIES}]
        FROM counted_advisory named JOIN advisory ON advisory.id = named.id WHERE named.number = ANY(%(numbers)s::integer[]) GROUP BY 1, 2
        """,
        {"numbers": list(numbers)},
    )
    rows = []
    for number, name, severity, risk, epss, is_exploited, bodies in await cursor.fetchall():
        counts = (number in tallies.fixable, tallies.images[number], tallies.live[number])
        held = _make_held_advisory((name, severity, risk, epss, is_exploited, *counts, bodies))
        rows.append(msgspec.structs.astuple(held))
    await connection.execute(
        """
        INSERT INTO advisory_count (account_id, name, severity, risk, score, epss, is_exploited, is_fixable, images, live, summary)
        SELECT %s, * FROM unnest(%s::text[], %s::smallint[], %s::float8[], %s::float8[], %s::float8[], %s::boolean[], %s::boolean[],
            %s::bigint[], %s::bigint[], %s::text[])
        """,
        (account_id, *columns(rows, 10)),
    )


async def note_count(connection: Connection, account_id: int, made: CountRun) -> None:
    """Write down when it was counted."""
    await connection.execute(
        "INSERT INTO advisory_counted (account_id, at, seconds) VALUES (%s, %s, %s)"
        " ON CONFLICT (account_id) DO UPDATE SET at = EXCLUDED.at, seconds = EXCLUDED.seconds",
        (account_id, made.at, made.seconds),
    )
