"""The matches of coordinates, as rows, and how they are written: each advisory once, each coordinate as a whole.

The part of a match that depends on a package's owner is in `package_exempt`, if the owner clears it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, LiteralString, NamedTuple, cast

import msgspec

from hullmark.model.advisory import SEVERITIES, SEVERITY_RANK
from hullmark.model.match import Epss, Kev, Match, MatchedAdvisory
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.coordinates import Situation, columns, plain

LONGEST_NAME = 500
"""The number of an advisory id's characters that the index uses."""

_encode = msgspec.msgpack.Encoder(order="deterministic").encode
_named = msgspec.msgpack.Decoder(MatchedAdvisory).decode
_situation = msgspec.msgpack.Decoder(Situation).decode


class CoordinateMatches(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot says about a coordinate: its matches, and why nothing is known (empty: it is known)."""

    matches: tuple[Match, ...] = ()
    reasons: tuple[str, ...] = ()


class Weight(NamedTuple):
    """What is known of an advisory's CVE, which is new every day, and the risk (0-100) that comes of it."""

    risk: float
    epss: Epss | None
    kev: Kev | None


class WeightedAdvisory(NamedTuple):
    """An advisory by number and CVE ("": none), with what is known of its weight."""

    id: int
    cve: str
    weight: Weight


class OwnedPackage(NamedTuple):
    """A package that another owns, by number."""

    id: int
    coordinate_id: int
    situation: Situation


class FoundRow(NamedTuple):
    """A row of coordinate_match."""

    coordinate_id: int
    advisory_id: int
    kind: str
    name: str
    version: str
    fix_state: str
    fix_version: str
    fix_date: str
    confidence: float
    why: str
    suppressed_by: str | None
    suppressed_reason: str


def advisory_digest(named: MatchedAdvisory) -> bytes:
    """What makes an advisory one: who says what under which names. What is new every day, and mere texts, are left out."""
    aliases = sorted(named.aliases)
    names = (named.id, named.source, named.namespace, aliases, named.vendor_ids)
    content = (*names, named.severity, named.cvss, named.severities, named.unlisted_by)
    return hashlib.sha256(_encode(content)).digest()


async def list_unmatched(conn: Connection, ids: Iterable[int]) -> tuple[int, ...]:
    """Which of these coordinates were never matched, sorted."""
    cursor = await conn.execute(
        "SELECT id FROM coordinate WHERE id = ANY(%s::bigint[]) "
        "AND NOT EXISTS (SELECT FROM coordinate_state WHERE coordinate_id = id) ORDER BY id",
        (sorted(set(ids)),),
    )
    return tuple(number for (number,) in await cursor.fetchall())


# Reasons are of any number: they come as one text for each coordinate.
_STATE: LiteralString = """INSERT INTO coordinate_state
SELECT id, %s, ARRAY(SELECT jsonb_array_elements_text(reasons)), counts::integer[]
FROM unnest(%s::bigint[], %s::jsonb[], %s::text[]) AS new (id, reasons, counts) """


async def write_first(conn: Connection, snapshot_id: int, results: Mapping[int, CoordinateMatches]) -> tuple[int, ...]:
    """Write what is known of coordinates, by number. Those that somebody else has matched meanwhile stay; returns the others."""
    ids = sorted(results)
    cursor = await conn.execute(
        _STATE + "ON CONFLICT DO NOTHING RETURNING coordinate_id",
        (snapshot_id, ids, _reasons(results, ids), _counts(results, ids)),
    )
    new = tuple(sorted(number for (number,) in await cursor.fetchall()))
    await _insert(conn, await _rows(conn, {number: results[number] for number in new}))
    return new


class RewriteResult(NamedTuple):
    """The coordinates about which nothing is known for other reasons than before; and all rows, as they were and are."""

    untold: set[int]
    before: set[FoundRow]
    after: set[FoundRow]


async def rewrite(conn: Connection, snapshot_id: int, results: Mapping[int, CoordinateMatches]) -> RewriteResult:
    """Write what is known of coordinates now, in place of what was."""
    ids = sorted(results)
    cursor = await conn.execute(
        "SELECT coordinate_id, reasons FROM coordinate_state WHERE coordinate_id = ANY(%s::bigint[]) ORDER BY 1 FOR UPDATE",
        (ids,),
    )
    reasons: dict[int, list[str]] = dict(cast("list[tuple[int, list[str]]]", await cursor.fetchall()))
    changed = {number for number in ids if reasons.get(number) != list(results[number].reasons)}
    await conn.execute(
        _STATE + "ON CONFLICT (coordinate_id) DO UPDATE SET snapshot_id = excluded.snapshot_id, "
        "reasons = excluded.reasons, counts = excluded.counts",
        (snapshot_id, ids, _reasons(results, ids), _counts(results, ids)),
    )
    after = await _rows(conn, results)
    before = await rows_of(conn, ids)
    differing = {row.coordinate_id for row in after ^ before}
    await conn.execute("DELETE FROM coordinate_match WHERE coordinate_id = ANY(%s::bigint[])", (sorted(differing),))
    await _insert(conn, {row for row in after if row.coordinate_id in differing})
    return RewriteResult(changed, before, after)


def _reasons(results: Mapping[int, CoordinateMatches], ids: Sequence[int]) -> list[str]:
    return [plain(msgspec.json.encode(results[number].reasons).decode().replace("\\u0000", "\ufffd")) for number in ids]


def _counts(results: Mapping[int, CoordinateMatches], ids: Sequence[int]) -> list[str | None]:
    """How many matches of each coordinate count, as coordinate_state has it. What is of equal advisories is one match."""
    found: list[str | None] = []
    for number in ids:
        counts = [0] * (2 * len(SEVERITIES))
        for match in {advisory_digest(match.advisory): match for match in reversed(results[number].matches)}.values():
            if match.suppressed is None:
                rank = SEVERITY_RANK[match.advisory.severity]
                counts[rank] += 1
                counts[len(SEVERITIES) + rank] += match.fix.state == "fixed"
        found.append("{" + ",".join(map(str, counts)) + "}" if any(counts) else None)
    return found


async def _rows(conn: Connection, results: Mapping[int, CoordinateMatches]) -> set[FoundRow]:
    advisories = await _store_advisories(conn, [match for result in results.values() for match in result.matches])
    rows: dict[tuple[int, int], FoundRow] = {}
    for number, result in results.items():
        for match in result.matches:
            row = _make_found_row(number, advisories[advisory_digest(match.advisory)], match)
            rows.setdefault(
                (row.coordinate_id, row.advisory_id), row
            )  # equal advisories of one coordinate are one match
    return set(rows.values())


def _make_found_row(coordinate_id: int, advisory_id: int, match: Match) -> FoundRow:
    fix, suppressed = match.fix, match.suppressed
    return FoundRow(
        coordinate_id,
        advisory_id,
        match.kind,
        plain(match.name),
        plain(match.version),
        fix.state,
        plain(fix.version),
        plain(fix.date),
        match.confidence,
        plain(match.why),
        suppressed.by if suppressed else None,
        plain(suppressed.reason) if suppressed else "",
    )


async def rows_of(conn: Connection, ids: Sequence[int]) -> set[FoundRow]:
    """All matches of these coordinates."""
    cursor = await conn.execute("SELECT * FROM coordinate_match WHERE coordinate_id = ANY(%s::bigint[])", (ids,))
    return {FoundRow(*row) for row in await cursor.fetchall()}


async def _insert(conn: Connection, rows: Iterable[FoundRow]) -> None:
    await conn.execute(
        "INSERT INTO coordinate_match SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[], "
        "%s::text[], %s::text[], %s::text[], %s::float8[], %s::text[], %s::text[], %s::text[])",
        columns(sorted(rows, key=lambda row: row[:2]), len(FoundRow._fields)),
    )


async def _store_advisories(conn: Connection, matches: Iterable[Match]) -> dict[bytes, int]:
    """The numbers of the advisories of matches, by digest. Those that are new are written in the order of the digests."""
    known = {advisory_digest(match.advisory): match for match in matches}
    rows = [_advisory_row(digest, known[digest]) for digest in sorted(known)]
    cursor = await conn.execute(
        "INSERT INTO advisory (digest, name, source, namespace, cve, severity, risk, epss, percentile, kev_added, kev_due, "
        "is_ransomware, body) SELECT * FROM unnest(%s::bytea[], %s::text[], %s::text[], %s::text[], %s::text[], %s::smallint[], "
        "%s::float8[], %s::float8[], %s::float8[], %s::text[], %s::text[], %s::boolean[], %s::bytea[]) "
        "ON CONFLICT DO NOTHING RETURNING digest, id",
        columns(rows, 13),
    )
    names = [
        (plain(name)[:LONGEST_NAME], number)
        for digest, number in await cursor.fetchall()
        for name in (known[digest].advisory.id, known[digest].advisory.cve, *known[digest].advisory.aliases)
        if name
    ]
    await conn.execute(
        "INSERT INTO advisory_name SELECT * FROM unnest(%s::text[], %s::bigint[]) ON CONFLICT DO NOTHING",
        columns(sorted(set(names)), 2),
    )
    found = await conn.execute("SELECT digest, id FROM advisory WHERE digest = ANY(%s::bytea[])", (sorted(known),))
    return dict(cast("list[tuple[bytes, int]]", await found.fetchall()))


def _advisory_row(digest: bytes, match: Match) -> tuple[Any, ...]:
    named = match.advisory
    body = _encode(msgspec.structs.replace(named, epss=None, kev=None))
    texts = (plain(text) for text in (named.id, named.source, named.namespace, named.cve))
    return (digest, *texts, SEVERITY_RANK[named.severity], *_weight(Weight(match.risk, named.epss, named.kev)), body)


def _weight(weight: Weight) -> tuple[Any, ...]:
    epss, kev = weight.epss, weight.kev
    scores = (epss.score, epss.percentile) if epss else (None, None)
    listed = (plain(kev.added), plain(kev.due), kev.ransomware) if kev else (None, "", False)
    return (weight.risk, *scores, *listed)


def named_of(
    body: bytes, epss: float | None, percentile: float | None, added: str | None, due: str, ransomware: bool
) -> MatchedAdvisory:
    """An advisory from its columns. `added`: since when KEV lists it (None: it does not), `due`: by when to act."""
    return advisory_of(body, _weight_of(0.0, epss, percentile, added, due, ransomware))


def _weight_of(
    risk: float, epss: float | None, percentile: float | None, added: str | None, due: str, ransomware: bool
) -> Weight:
    return Weight(
        risk,
        None if epss is None else Epss(score=epss, percentile=percentile or 0.0),
        None if added is None else Kev(added=added, due=due, ransomware=ransomware),
    )


_WEIGHED: LiteralString = "SELECT id, cve, risk, epss, percentile, kev_added, kev_due, is_ransomware FROM advisory "


def advisory_of(body: bytes, weight: Weight) -> MatchedAdvisory:
    """An advisory with its weight."""
    return msgspec.structs.replace(_named(body), epss=weight.epss, kev=weight.kev)


async def advisories_after(conn: Connection, after: int, limit: int) -> list[WeightedAdvisory]:
    """Advisories above this number, in their order. Hold `snapshots.current_to_change`: nobody else weighs them meanwhile."""
    cursor = await conn.execute(_WEIGHED + "WHERE id > %s ORDER BY id LIMIT %s", (after, limit))
    return [_as_weighed(row) for row in await cursor.fetchall()]


def _as_weighed(row: tuple[Any, ...]) -> WeightedAdvisory:
    number, cve, *weight = row
    return WeightedAdvisory(number, cve, _weight_of(*weight))


async def write_weights(conn: Connection, weights: Mapping[int, Weight]) -> None:
    """Write the weights of advisories, by number."""
    await conn.execute(
        "UPDATE advisory SET risk = new.risk, epss = new.epss, percentile = new.percentile, kev_added = new.kev_added, "
        "kev_due = new.kev_due, is_ransomware = new.is_ransomware FROM unnest(%s::bigint[], %s::float8[], %s::float8[], "
        "%s::float8[], %s::text[], %s::text[], %s::boolean[]) "
        "AS new (id, risk, epss, percentile, kev_added, kev_due, is_ransomware) WHERE advisory.id = new.id",
        columns([(number, *_weight(weights[number])) for number in sorted(weights)], 7),
    )


async def weighed_until(conn: Connection, advisory_id: int | None) -> None:
    """Write down that all advisories to this one have their weight, or all there are (None)."""
    await conn.execute(
        "UPDATE matching SET weighed = coalesce(%(last)s::bigint, weighed), is_weighed = %(last)s::bigint IS NULL",
        {"last": advisory_id},
    )


async def weighed_of(conn: Connection, cves: Iterable[str]) -> list[WeightedAdvisory]:
    """The advisories that go by one of these names, in their order. Hold `snapshots.current_to_change`."""
    cursor = await conn.execute(
        _WEIGHED + "WHERE id IN (SELECT advisory_id FROM advisory_name WHERE name = ANY(%s::text[])) ORDER BY id",
        (sorted(set(cves)),),
    )
    return [_as_weighed(row) for row in await cursor.fetchall()]


async def coordinates_with(conn: Connection, advisories: Iterable[int]) -> tuple[int, ...]:
    """The coordinates that one of these advisories affects, sorted."""
    cursor = await conn.execute(
        "SELECT DISTINCT coordinate_id FROM coordinate_match WHERE advisory_id = ANY(%s::bigint[]) ORDER BY 1",
        (sorted(set(advisories)),),
    )
    return tuple(number for (number,) in await cursor.fetchall())


# What the owner of a package answers for


async def owned_by_number(conn: Connection, ids: Iterable[int]) -> list[OwnedPackage]:
    """Those of these packages that others own and that have matches; the others are settled at once."""
    wanted = sorted(set(ids))
    await conn.execute(
        "UPDATE package SET is_settled = true WHERE id IN (SELECT id FROM package WHERE id = ANY(%s::bigint[]) AND NOT is_settled "
        "ORDER BY id FOR NO KEY UPDATE)",
        (wanted,),
    )
    await conn.execute(
        "DELETE FROM package_exempt WHERE package_id = ANY(%s::bigint[]) AND NOT EXISTS (SELECT FROM package "
        "JOIN coordinate_match USING (coordinate_id) WHERE package.id = package_id)",
        (wanted,),
    )
    cursor = await conn.execute(
        "SELECT id, coordinate_id, situation FROM package WHERE id = ANY(%s::bigint[]) AND situation IS NOT NULL "
        "AND EXISTS (SELECT FROM coordinate_match WHERE coordinate_match.coordinate_id = package.coordinate_id) ORDER BY id",
        (wanted,),
    )
    return [OwnedPackage(number, coordinate, _situation(body)) for number, coordinate, body in await cursor.fetchall()]


async def write_exempt(conn: Connection, answered: Mapping[int, Mapping[bytes, str]]) -> None:
    """Write which advisories (by digest, with the reason) the owners of packages (by number) answer for, in place of what was known."""
    ids = sorted(answered)
    digests = sorted({digest for reasons in answered.values() for digest in reasons})
    found = await conn.execute("SELECT digest, id FROM advisory WHERE digest = ANY(%s::bytea[])", (digests,))
    numbers = dict(cast("list[tuple[bytes, int]]", await found.fetchall()))
    after = {
        (number, numbers[digest], "distro", plain(reason))
        for number, reasons in answered.items()
        for digest, reason in reasons.items()
        if digest in numbers
    }
    cursor = await conn.execute("SELECT * FROM package_exempt WHERE package_id = ANY(%s::bigint[])", (ids,))
    before = set(cast("list[tuple[int, int, str, str]]", await cursor.fetchall()))
    differing = sorted({row[0] for row in after ^ before})
    await conn.execute("DELETE FROM package_exempt WHERE package_id = ANY(%s::bigint[])", (differing,))
    await conn.execute(
        "INSERT INTO package_exempt SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[]) ON CONFLICT DO NOTHING",
        columns(sorted(row for row in after if row[0] in set(differing)), 4),
    )
