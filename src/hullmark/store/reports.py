"""What is wrong with images, read by joins: the matches of one image page by page, counts for lists, and which images hold something.

An image's page costs what the image holds, whatever else is stored: every join goes by a key.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any, LiteralString

import msgspec

from hullmark.match.risk import severity_named
from hullmark.model.advisory import SEVERITIES, FixState, Severity
from hullmark.model.errors import HullmarkError
from hullmark.model.match import Fix, MatchKind, Named, Suppressed
from hullmark.store.database import Connection
from hullmark.store.matches import LONGEST_NAME, named_of

NOT_MATCHED = "it has not been matched yet"
"""Why nothing can be told of a package that was stored a moment ago."""

_MOST_PURLS = 100


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
    advisory: Named
    fix: Fix
    kind: MatchKind
    name: str
    version: str
    why: str
    risk: float
    confidence: float
    suppressed: Suppressed | None


class UnknownPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package of which nothing can be told, with the reasons. It is unknown, not clean."""

    package: StoredPackage
    reasons: tuple[str, ...]


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which matches are wanted; what is empty or None wants all.

    `package` is a name, `advisory` an id or alias (CVE, GHSA …), `system` the distribution's own packages or all others, `counting`
    those that count or those that are suppressed.
    """

    severities: tuple[Severity, ...] = ()
    fix_states: tuple[FixState, ...] = ()
    package: str = ""
    advisory: str = ""
    system: bool | None = None
    counting: bool | None = None


class PackageWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which packages are looked for: of this very name; in this version and of this purl type where they are said."""

    name: str
    version: str = ""
    type: str = ""


class MatchPage(msgspec.Struct, frozen=True, kw_only=True):
    """Matches, the most urgent first (the order of `risk.ordered`), and where to go on (None: that was all)."""

    matches: tuple[StoredMatch, ...]
    next: str | None


class UnknownPage(msgspec.Struct, frozen=True, kw_only=True):
    """Packages of which nothing can be told, by type, name and purl, and where to go on (None: that was all)."""

    packages: tuple[UnknownPackage, ...]
    next: str | None


class Counts(msgspec.Struct, kw_only=True):
    """How many matches of an image count, by severity; of how many of them a fix is known."""

    severities: dict[Severity, int] = msgspec.field(default_factory=dict)
    fixable: dict[Severity, int] = msgspec.field(default_factory=dict)


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """An image that holds what was asked for, and the purls of the packages in it (of many, the first hundred)."""

    image_id: int
    digest: str
    purls: tuple[str, ...]


class HolderPage(msgspec.Struct, frozen=True, kw_only=True):
    """Images by number, and after which number to go on (None: that was all). A page may be shorter than asked for."""

    holders: tuple[Holder, ...]
    next: int | None


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
            coalesce(y.suppressed_by, m.suppressed_by, x.suppressed_by) AS suppressed_by,
            CASE WHEN y.suppressed_by IS NOT NULL THEN y.reason WHEN m.suppressed_by IS NOT NULL THEN m.suppressed_reason
                ELSE x.reason END AS reason
        FROM image_set i JOIN set_member s ON s.set_id = i.set_id
        JOIN coordinate_match m ON m.coordinate_id = s.coordinate_id
        JOIN advisory a ON a.id = m.advisory_id
        JOIN package p ON p.id = s.package_id
        LEFT JOIN package_exempt x ON x.package_id = s.package_id AND x.advisory_id = m.advisory_id
        LEFT JOIN image_exempt y ON y.image_id = i.image_id AND y.package_id = s.package_id AND y.advisory_id = m.advisory_id
        WHERE i.image_id = %(image)s
            AND (%(severities)s::smallint[] IS NULL OR a.severity = ANY(%(severities)s::smallint[]))
            AND (%(fixes)s::text[] IS NULL OR m.fix_state = ANY(%(fixes)s::text[]))
            AND (%(package)s::text IS NULL OR p.name = %(package)s::text)
            AND (%(advisory)s::text IS NULL OR a.id IN
                (SELECT advisory_name.advisory_id FROM advisory_name WHERE advisory_name.name = %(advisory)s::text))
            AND (%(system)s::boolean IS NULL OR p.is_system = %(system)s::boolean)
            AND (%(counting)s::boolean IS NULL
                OR (coalesce(y.suppressed_by, m.suppressed_by, x.suppressed_by) IS NULL) = %(counting)s::boolean)
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
        "severities": [SEVERITIES.index(each) for each in wanted.severities] or None,
        "fixes": list(wanted.fix_states) or None,
        "package": _asked(wanted.package),
        "advisory": _asked(wanted.advisory[:LONGEST_NAME]),
        "system": wanted.system,
        "counting": wanted.counting,
        "first": cursor is None,
        "limit": limit + 1,
        **{f"c{number}": key for number, key in enumerate(keys, 1)},
    }
    rows = await (await conn.execute(_REPORT, values)).fetchall()
    return MatchPage(matches=tuple(map(_match, rows[:limit])), next=_next(rows, limit, _KEYS))


def _asked(text: str) -> str | None:
    return text.replace("\0", "\ufffd") or None


def _match(row: Sequence[Any]) -> StoredMatch:
    package = _package(row[_KEYS : _KEYS + 8])
    body, epss, percentile, added, due, ransomware, state, fixed, day, *rest = row[_KEYS + 8 :]
    kind, name, version, why, risk, confidence, by, reason = rest
    return StoredMatch(
        package=package,
        advisory_id=row[_KEYS - 1],
        advisory=named_of(body, epss, percentile, (added, due, ransomware)),
        fix=Fix(state=state, version=fixed, date=day),
        kind=kind,
        name=name,
        version=version,
        why=why,
        risk=risk,
        confidence=confidence,
        suppressed=Suppressed(by=by, reason=reason) if by else None,
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


async def unknown(conn: Connection, image_id: int, cursor: str | None = None, limit: int = 100) -> UnknownPage:
    """The packages of an image of which nothing can be told, at most `limit`. Raises HullmarkError for a bad cursor."""
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
    raise HullmarkError("that is no cursor of this list", advice="begin again without a cursor")


# Equal sets are counted once, however many of the images hold them.
_COUNTS = """
WITH held AS MATERIALIZED (SELECT image_id, set_id FROM image_set WHERE image_id = ANY(%(images)s::bigint[])),
counted AS MATERIALIZED (
    SELECT s.set_id, a.severity, count(*) AS all, count(*) FILTER (WHERE m.fix_state = 'fixed') AS fixable
    FROM (SELECT DISTINCT set_id FROM held) AS sets JOIN set_member s ON s.set_id = sets.set_id
    JOIN coordinate_match m ON m.coordinate_id = s.coordinate_id JOIN advisory a ON a.id = m.advisory_id
    LEFT JOIN package_exempt x ON x.package_id = s.package_id AND x.advisory_id = m.advisory_id
    WHERE m.suppressed_by IS NULL AND x.package_id IS NULL GROUP BY 1, 2
)
SELECT image_id, severity, sum("all")::bigint, sum(fixable)::bigint FROM (
    SELECT image_id, severity, "all", fixable FROM held JOIN counted USING (set_id)
    UNION ALL
    SELECT y.image_id, a.severity, -1, CASE WHEN m.fix_state = 'fixed' THEN -1 ELSE 0 END
    FROM image_exempt y JOIN package p ON p.id = y.package_id
    JOIN coordinate_match m ON m.coordinate_id = p.coordinate_id AND m.advisory_id = y.advisory_id
    JOIN advisory a ON a.id = y.advisory_id
    LEFT JOIN package_exempt x ON x.package_id = y.package_id AND x.advisory_id = y.advisory_id
    WHERE y.image_id = ANY(%(images)s::bigint[]) AND m.suppressed_by IS NULL AND x.package_id IS NULL
        AND EXISTS (SELECT FROM held JOIN set_member s USING (set_id)
            WHERE held.image_id = y.image_id AND s.package_id = y.package_id)
) AS each GROUP BY 1, 2 HAVING sum("all") > 0"""


async def counts(conn: Connection, image_ids: Sequence[int]) -> dict[int, Counts]:
    """How many matches of each of these images count, by severity. An image that is unknown has none."""
    found = {number: Counts() for number in image_ids}
    rows = await (await conn.execute(_COUNTS, {"images": list(found)})).fetchall()
    for image_id, severity, number, fixable in rows:
        name = severity_named(SEVERITIES[severity])
        found[image_id].severities[name] = number
        found[image_id].fixable[name] = fixable
    return found


_WITH_ADVISORY: LiteralString = """
WITH hit AS MATERIALIZED (
    SELECT p.id AS package_id, p.purl, m.advisory_id FROM advisory_name n
    JOIN coordinate_match m ON m.advisory_id = n.advisory_id JOIN package p ON p.coordinate_id = m.coordinate_id
    WHERE n.name = %(name)s AND m.suppressed_by IS NULL AND NOT EXISTS
        (SELECT FROM package_exempt x WHERE x.package_id = p.id AND x.advisory_id = m.advisory_id)
)"""
_WITH_PACKAGE: LiteralString = """
WITH hit AS MATERIALIZED (
    SELECT id AS package_id, purl, NULL::bigint AS advisory_id FROM package WHERE name = %(name)s
        AND (%(version)s::text IS NULL OR version = %(version)s::text) AND (%(type)s::text IS NULL OR type = %(type)s::text)
)"""
# Of each set, the next images of the account: what comes on later pages is not looked at.
_HOLDERS: LiteralString = """,
sets AS MATERIALIZED (SELECT DISTINCT s.set_id FROM hit JOIN set_member s ON s.package_id = hit.package_id),
page AS MATERIALIZED (
    SELECT DISTINCT image_id FROM sets CROSS JOIN LATERAL (
        SELECT i.image_id FROM image_set i JOIN account_image h ON h.image_id = i.image_id AND h.account_id = %(account)s
        WHERE i.set_id = sets.set_id AND i.image_id > %(after)s ORDER BY i.image_id LIMIT %(limit)s
    ) AS held ORDER BY image_id LIMIT %(limit)s
)
SELECT page.image_id, image.digest, found.purls FROM page JOIN image ON image.id = page.image_id CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT hit.purl ORDER BY hit.purl) AS purls
    FROM image_set i JOIN set_member s ON s.set_id = i.set_id JOIN hit ON hit.package_id = s.package_id
    WHERE i.image_id = page.image_id AND NOT EXISTS (SELECT FROM image_exempt y
        WHERE y.image_id = i.image_id AND y.package_id = hit.package_id AND y.advisory_id = hit.advisory_id)
) AS found ORDER BY page.image_id"""


async def images_with_advisory(
    conn: Connection, account_id: int, name: str, cursor: int | None = None, limit: int = 100
) -> HolderPage:
    """The images of an account in which a vulnerability (any id or alias) counts."""
    values = {"account": account_id, "name": _asked(name[:LONGEST_NAME]), "after": cursor or 0, "limit": limit + 1}
    return _holders(await (await conn.execute(_WITH_ADVISORY + _HOLDERS, values)).fetchall(), limit)


async def images_with_package(
    conn: Connection,
    account_id: int,
    wanted: PackageWish,
    cursor: int | None = None,
    limit: int = 100,
) -> HolderPage:
    """The images of an account that hold such a package."""
    values = {
        "account": account_id,
        "name": _asked(wanted.name),
        "version": _asked(wanted.version),
        "type": _asked(wanted.type),
        "after": cursor or 0,
        "limit": limit + 1,
    }
    return _holders(await (await conn.execute(_WITH_PACKAGE + _HOLDERS, values)).fetchall(), limit)


def _holders(rows: Sequence[tuple[Any, ...]], limit: int) -> HolderPage:
    found = tuple(
        Holder(image_id=image_id, digest=digest, purls=tuple(purls[:_MOST_PURLS]))
        for image_id, digest, purls in rows[:limit]
        if purls
    )
    return HolderPage(holders=found, next=rows[limit - 1][0] if len(rows) > limit else None)
