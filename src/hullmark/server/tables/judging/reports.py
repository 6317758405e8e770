"""What is wrong with images, read by joins: the matches of one image page by page, and counts for lists.

An image's page costs what the image holds, whatever else is stored: every join goes by a key.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, LiteralString, cast

import msgspec

from hullmark.advisories.match.risk import severity_named
from hullmark.model.advisory import SEVERITIES, FixState, Severity
from hullmark.model.errors import HullmarkError
from hullmark.model.match import Fix, MatchedAdvisory, MatchKind, Suppression
from hullmark.server.tables.advisories.matches import LONGEST_NAME, named_of
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.coordinates import plain

NOT_MATCHED = "it has not been matched yet"
"""Why nothing is known about a package that was stored a moment ago."""


class StoredPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package of an image, by number. `is_system`: the distribution's packager installed it."""

    id: int
    type: str
    name: str
    version: str
    arch: str
    purl: str
    is_system: bool
    owned_by: str


class StoredMatch(msgspec.Struct, frozen=True, kw_only=True):
    """A match of an image. `kind`, `name`, `version`, `why`, `confidence` as those of `model.match.Match`; `risk` is 0-100."""

    package: StoredPackage
    advisory_id: int
    advisory: MatchedAdvisory
    fix: Fix
    kind: MatchKind
    name: str
    version: str
    why: str
    risk: float
    confidence: float
    suppressed: Suppression | None


class UnknownPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package about which nothing is known, with the reasons. It is unknown, not clean."""

    package: StoredPackage
    reasons: tuple[str, ...]


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which matches are wanted; what is empty or None wants all.

    `package` is a name, `advisory` an id or alias (CVE, GHSA …), `system` the distribution's own packages or all others, `counting`
    those that count or those that are suppressed, `exploited` those in CISA's list or all others, `purls` the packages'
    URLs, `other_purls` those that are not wanted.
    """

    severities: tuple[Severity, ...] = ()
    fix_states: tuple[FixState, ...] = ()
    package: str = ""
    advisory: str = ""
    system: bool | None = None
    counting: bool | None = None
    exploited: bool | None = None
    purls: tuple[str, ...] | None = None
    other_purls: tuple[str, ...] = ()


class MatchPage(msgspec.Struct, frozen=True, kw_only=True):
    """Matches, the most urgent first (the order of `risk.sort_matches`), and where to go on (None: that was all)."""

    matches: tuple[StoredMatch, ...]
    next: str | None


class UnknownPage(msgspec.Struct, frozen=True, kw_only=True):
    """Packages about which nothing is known, by type, name and purl, and where to go on (None: that was all)."""

    packages: tuple[UnknownPackage, ...]
    next: str | None


class Counts(msgspec.Struct, kw_only=True):
    """How many matches of an image count, by severity; of how many of them a fix is known."""

    severities: dict[Severity, int] = msgspec.field(default_factory=dict)
    fixable: dict[Severity, int] = msgspec.field(default_factory=dict)


_NOTHING_WANTED = Filter()
_PACKAGE: LiteralString = "p.id, p.type, p.name, p.version, p.arch, p.purl, p.is_system, p.owned_by"
# Keys alone are sorted; texts are fetched for the rows of the page.
_REPORT: LiteralString = (
    """
WITH page AS MATERIALIZED (
    SELECT * FROM (
        SELECT -a.risk AS k1, -a.severity AS k2, -coalesce(a.percentile, -1) AS k3, p.name AS k4, p.version AS k5, p.type AS k6,
            a.name AS k7, p.arch AS k8, p.purl AS k9, a.namespace AS k10, a.source AS k11, m.kind AS k12,
            p.id AS package_id, a.id AS advisory_id, m.coordinate_id,
            coalesce(m.suppressed_by, x.suppressed_by) AS suppressed_by,
            CASE WHEN m.suppressed_by IS NOT NULL THEN m.suppressed_reason ELSE x.reason END AS reason
        FROM image_set i JOIN set_member s ON s.set_id = i.set_id
        JOIN coordinate_match m ON m.coordinate_id = s.coordinate_id
        JOIN advisory a ON a.id = m.advisory_id
        JOIN package p ON p.id = s.package_id
        LEFT JOIN package_exempt x ON x.package_id = s.package_id AND x.advisory_id = m.advisory_id
        WHERE i.image_id = %(image)s
            AND (%(severities)s::smallint[] IS NULL OR a.severity = ANY(%(severities)s::smallint[]))
            AND (%(fixes)s::text[] IS NULL OR m.fix_state = ANY(%(fixes)s::text[]))
            AND (%(package)s::text IS NULL OR p.name = %(package)s::text)
            AND (%(advisory)s::text IS NULL OR a.id IN
                (SELECT advisory_name.advisory_id FROM advisory_name WHERE advisory_name.name = %(advisory)s::text))
            AND (%(exploited)s::boolean IS NULL OR (a.kev_added IS NOT NULL) = %(exploited)s::boolean)
            AND (%(purls)s::text[] IS NULL OR p.purl = ANY(%(purls)s::text[]))
            AND (%(other_purls)s::text[] IS NULL OR p.purl <> ALL(%(other_purls)s::text[]))
            AND (%(system)s::boolean IS NULL OR p.is_system = %(system)s::boolean)
            AND (%(counting)s::boolean IS NULL
                OR (coalesce(m.suppressed_by, x.suppressed_by) IS NULL) = %(counting)s::boolean)
    ) AS found
    WHERE %(first)s::boolean OR (k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, k12, package_id, advisory_id) >
        (%(c1)s::float8, %(c2)s::int, %(c3)s::float8, %(c4)s::text, %(c5)s::text, %(c6)s::text, %(c7)s::text, %(c8)s::text,
         %(c9)s::text, %(c10)s::text, %(c11)s::text, %(c12)s::text, %(c13)s::bigint, %(c14)s::bigint)
    ORDER BY k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, k12, package_id, advisory_id LIMIT %(limit)s
)
SELECT k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, k12, page.package_id, page.advisory_id, """
    + _PACKAGE
    + """, a.body, a.epss, a.percentile, a.kev_added, a.kev_due, a.is_ransomware, m.fix_state, m.fix_version, m.fix_date,
    m.kind, m.name, m.version, m.why, a.risk, m.confidence, page.suppressed_by, page.reason
FROM page JOIN package p ON p.id = page.package_id JOIN advisory a ON a.id = page.advisory_id
JOIN coordinate_match m ON m.coordinate_id = page.coordinate_id AND m.advisory_id = page.advisory_id
ORDER BY k1, k2, k3, k4, k5, k6, k7, k8, k9, k10, k11, k12, page.package_id, page.advisory_id"""
)
_KEYS = 14
_CURSOR: tuple[Any, ...] = (0.0, 0, 0.0, *("",) * 9, 0, 0)


async def report(
    conn: Connection, image_id: int, wanted: Filter = _NOTHING_WANTED, cursor: str | None = None, limit: int = 100
) -> MatchPage:
    """The matches of an image, at most `limit`, after those of the page that gave the cursor. Raises HullmarkError for a bad one."""
    keys = _CURSOR if cursor is None else _keys(cursor, _CURSOR)
    values: dict[str, Any] = {
        "image": image_id,
        "severities": [SEVERITIES.index(severity) for severity in wanted.severities] or None,
        "fixes": list(wanted.fix_states) or None,
        "package": plain(wanted.package) or None,
        "advisory": plain(wanted.advisory)[:LONGEST_NAME] or None,
        "system": wanted.system,
        "counting": wanted.counting,
        "exploited": wanted.exploited,
        "purls": None if wanted.purls is None else list(map(plain, wanted.purls)),
        "other_purls": list(map(plain, wanted.other_purls)) or None,
        "first": cursor is None,
        "limit": limit + 1,
        **{f"c{number}": key for number, key in enumerate(keys, 1)},
    }
    # Planned for these very filters: a generic plan would look up things that are not requested.
    rows = await (await conn.execute(_REPORT, values, prepare=False)).fetchall()
    return MatchPage(matches=tuple(map(_match, rows[:limit])), next=_next(rows, limit, _KEYS))


_ADVISORIES: LiteralString = """
SELECT DISTINCT coalesce(nullif(a.cve, ''), a.name), a.severity, p.purl
FROM image_set i JOIN set_member s ON s.set_id = i.set_id
JOIN coordinate_match m ON m.coordinate_id = s.coordinate_id
JOIN advisory a ON a.id = m.advisory_id
JOIN package p ON p.id = s.package_id
LEFT JOIN package_exempt x ON x.package_id = s.package_id AND x.advisory_id = m.advisory_id
WHERE i.image_id = %(image)s AND coalesce(m.suppressed_by, x.suppressed_by) IS NULL"""


async def counting_advisories(conn: Connection, image_id: int) -> list[tuple[str, str, str]]:
    """The advisories that count of an image, each with its package: CVE or id, severity, package URL."""
    rows = await (await conn.execute(_ADVISORIES, {"image": image_id})).fetchall()
    return [(str(name), SEVERITIES[rank], str(purl)) for name, rank, purl in rows]


def _match(row: Sequence[Any]) -> StoredMatch:
    package = _package(row[_KEYS : _KEYS + 8])
    body, epss, percentile, added, due, ransomware, state, fixed, day, *rest = row[_KEYS + 8 :]
    kind, name, version, why, risk, confidence, by, reason = rest
    return StoredMatch(
        package=package,
        advisory_id=row[_KEYS - 1],
        advisory=named_of(body, epss, percentile, added, due, ransomware),
        fix=Fix(state=state, version=fixed, date=day),
        kind=kind,
        name=name,
        version=version,
        why=why,
        risk=risk,
        confidence=confidence,
        suppressed=Suppression(by=by, reason=reason) if by else None,
    )


def _package(row: Sequence[Any]) -> StoredPackage:
    number, type, name, version, arch, purl, is_system, owned_by = row
    return StoredPackage(
        id=number, type=type, name=name, version=version, arch=arch, purl=purl, is_system=is_system, owned_by=owned_by
    )


_UNKNOWN: LiteralString = (
    "SELECT p.type, p.name, p.purl, p.id, "
    + _PACKAGE
    + """, t.reasons FROM image_set i JOIN set_member s ON s.set_id = i.set_id JOIN package p ON p.id = s.package_id
LEFT JOIN coordinate_state t ON t.coordinate_id = s.coordinate_id
WHERE i.image_id = %(image)s AND (t.reasons IS NULL OR t.reasons <> '{}')
    AND (%(first)s::boolean OR (p.type, p.name, p.purl, p.id) > (%(c1)s::text, %(c2)s::text, %(c3)s::text, %(c4)s::bigint))
ORDER BY p.type, p.name, p.purl, p.id LIMIT %(limit)s"""
)


async def list_unknown_packages(
    conn: Connection, image_id: int, cursor: str | None = None, limit: int = 100
) -> UnknownPage:
    """The packages of an image about which nothing is known, at most `limit`. Raises HullmarkError for a bad cursor."""
    start = ("", "", "", 0)
    keys = start if cursor is None else _keys(cursor, start)
    values: dict[str, Any] = {f"c{number}": key for number, key in enumerate(keys, 1)}
    values |= {"image": image_id, "first": cursor is None, "limit": limit + 1}
    rows = await (await conn.execute(_UNKNOWN, values)).fetchall()
    found = tuple(
        UnknownPackage(package=_package(row[4:12]), reasons=(NOT_MATCHED,) if row[12] is None else tuple(row[12]))
        for row in rows[:limit]
    )
    return UnknownPage(packages=found, next=_next(rows, limit, len(start)))


def _next(rows: Sequence[Sequence[Any]], limit: int, width: int) -> str | None:
    """Where to go on after the last row of a page, if there was one row more."""
    if len(rows) <= limit or limit < 1:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode(rows[limit - 1][:width])).decode().rstrip("=")


def _keys(cursor: str, like: Sequence[Any]) -> tuple[Any, ...]:
    """The keys that a cursor holds: one of each kind of `like`."""
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        keys = msgspec.json.decode(raw, type=list[float | str])
        found = tuple(msgspec.convert(key, type(kind), strict=False) for key, kind in zip(keys, like, strict=True))
        if all(abs(key) < 1 << 63 for key in found if isinstance(key, int | float)) and "\0" not in "".join(
            key for key in found if isinstance(key, str)
        ):
            return found
    except (ValueError, binascii.Error, msgspec.MsgspecError):
        pass
    raise HullmarkError("that is not a cursor of this list", advice="begin again without a cursor")


# Equal sets are counted once, however many of the images hold them; most are counted already.
_COUNTS: LiteralString = """
WITH held AS MATERIALIZED (
    SELECT i.image_id, i.set_id, g.counts FROM image_set i JOIN package_set g ON g.id = i.set_id
    WHERE i.image_id = ANY(%(images)s::bigint[])
), counted AS MATERIALIZED (
    SELECT set_id, counts[1] AS a1, counts[2] AS a2, counts[3] AS a3, counts[4] AS a4, counts[5] AS a5, counts[6] AS a6,
        counts[7] AS f1, counts[8] AS f2, counts[9] AS f3, counts[10] AS f4, counts[11] AS f5, counts[12] AS f6
    FROM (SELECT DISTINCT set_id, counts FROM held WHERE counts IS NOT NULL) AS known
    UNION ALL
    SELECT s.set_id, sum(counts[1]) AS a1, sum(counts[2]) AS a2, sum(counts[3]) AS a3, sum(counts[4]) AS a4,
        sum(counts[5]) AS a5, sum(counts[6]) AS a6, sum(counts[7]) AS f1, sum(counts[8]) AS f2, sum(counts[9]) AS f3,
        sum(counts[10]) AS f4, sum(counts[11]) AS f5, sum(counts[12]) AS f6
    FROM (SELECT DISTINCT set_id FROM held WHERE counts IS NULL) AS sets JOIN set_member s ON s.set_id = sets.set_id
    JOIN coordinate_state t ON t.coordinate_id = s.coordinate_id WHERE t.counts IS NOT NULL GROUP BY 1
)
SELECT image_id, ARRAY[sum(a1), sum(a2), sum(a3), sum(a4), sum(a5), sum(a6),
    sum(f1), sum(f2), sum(f3), sum(f4), sum(f5), sum(f6)]::bigint[] FROM held JOIN counted USING (set_id) GROUP BY 1"""
_EXEMPTED: LiteralString = """
WITH exempt AS MATERIALIZED (
    SELECT DISTINCT i.image_id, x.package_id, x.advisory_id FROM image_set i JOIN package_set g ON g.id = i.set_id AND g.counts IS NULL
    JOIN set_member s ON s.set_id = i.set_id
    JOIN package_exempt x ON x.package_id = s.package_id WHERE i.image_id = ANY(%(images)s::bigint[])
)
SELECT exempt.image_id, a.severity, count(*), count(*) FILTER (WHERE m.fix_state = 'fixed')
FROM exempt JOIN package p ON p.id = exempt.package_id JOIN advisory a ON a.id = exempt.advisory_id
JOIN coordinate_match m ON m.coordinate_id = p.coordinate_id AND m.advisory_id = exempt.advisory_id
WHERE m.suppressed_by IS NULL GROUP BY 1, 2"""


async def counts(conn: Connection, image_ids: Sequence[int]) -> dict[int, Counts]:
    """How many matches of each of these images count, by severity. An image that is unknown has none."""
    totals: dict[int, list[int]] = {number: [0] * (2 * len(SEVERITIES)) for number in image_ids}
    parameters = {"images": list(totals)}
    totals |= dict(cast("list[tuple[int, list[int]]]", await (await conn.execute(_COUNTS, parameters)).fetchall()))
    for image_id, rank, number, fixable in await (await conn.execute(_EXEMPTED, parameters)).fetchall():
        totals[image_id][rank] -= number
        totals[image_id][len(SEVERITIES) + rank] -= fixable
    return {number: _make_counts(total) for number, total in totals.items()}


def _make_counts(totals: Sequence[int]) -> Counts:
    names = [severity_named(name) for name in SEVERITIES]
    numbers, fixable = totals[: len(names)], totals[len(names) :]
    return Counts(
        severities={name: number for name, number in zip(names, numbers, strict=True) if number},
        fixable={name: number for name, number in zip(names, fixable, strict=True) if number},
    )
