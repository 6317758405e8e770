"""One set of packages that images share: what can be fixed in it, and which images of an account hold it."""

from __future__ import annotations

from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.places.running import runs


class Fixable(msgspec.Struct, frozen=True, kw_only=True):
    """A finding with a fix: the package, the version that has it, since when that is there ("": not told); `severity` is its place in
    SEVERITIES, `exploited` says that it is known to be. `is_system`: it is the distribution's, and comes by building anew alone."""

    package_id: int
    advisory_id: int
    name: str
    version: str
    type: str
    purl: str
    fix_version: str
    fix_date: str
    advisory: str
    severity: int
    risk: float
    exploited: bool
    is_system: bool


class SharingImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that holds the set; `verdict` is the worst in force ("": none). Of all its `findings`, `vanishing` are gone once it is built
    anew, with nothing else changed, on bases that were built anew."""

    id: int
    digest: str
    reference: str
    created_at: datetime | None
    verdict: str
    running: bool
    findings: int
    vanishing: int


class SharedSet(msgspec.Struct, frozen=True, kw_only=True):
    """A set as a whole: how many packages it has, and the layer that the smallest image has it from is at most its last one."""

    id: int
    packages: int
    system_packages: int
    distro: str
    reference: str
    digest: str


FixablePosition = tuple[float, int, int]
"""Where a list of fixable findings goes on: behind this risk, advisory and package."""


async def shared_set(connection: Connection, account_id: int, number: int) -> SharedSet | None:
    """A set that an image of the account holds; None if none does."""
    async with connection.cursor(row_factory=class_row(SharedSet)) as cursor:
        await cursor.execute(
            """
            WITH first AS (
                SELECT part.image_id FROM image_set part JOIN account_image own ON own.account_id = %(account)s
                    AND own.image_id = part.image_id WHERE part.set_id = %(set)s ORDER BY part.image_id LIMIT 1
            )
            SELECT %(set)s::bigint AS id, (SELECT count(*) FROM set_member WHERE set_id = %(set)s) AS packages,
                (SELECT count(*) FROM set_member member JOIN package ON package.id = member.package_id
                    WHERE member.set_id = %(set)s AND package.is_system) AS system_packages,
                image.distro, own.reference, image.digest
            FROM first JOIN image ON image.id = first.image_id
            JOIN account_image own ON own.account_id = %(account)s AND own.image_id = first.image_id
            """,
            {"account": account_id, "set": number},
        )
        return await cursor.fetchone()


async def fixable(connection: Connection, number: int, after: FixablePosition | None, limit: int) -> list[Fixable]:
    """What can be fixed in a set, the most urgent first."""
    risk, advisory, package = after or (None, 0, 0)
    async with connection.cursor(row_factory=class_row(Fixable)) as cursor:
        await cursor.execute(
            """
            SELECT package.id AS package_id, advisory.id AS advisory_id, package.name, package.version, package.type, package.purl,
                found.fix_version, found.fix_date, advisory.name AS advisory, advisory.severity, advisory.risk,
                advisory.kev_added IS NOT NULL AS exploited, package.is_system
            FROM set_member member JOIN coordinate_match found ON found.coordinate_id = member.coordinate_id
            JOIN advisory ON advisory.id = found.advisory_id JOIN package ON package.id = member.package_id
            WHERE member.set_id = %(set)s AND found.fix_state = 'fixed' AND found.suppressed_by IS NULL
                AND NOT EXISTS (SELECT FROM package_exempt exempt
                    WHERE exempt.package_id = member.package_id AND exempt.advisory_id = found.advisory_id)
                AND (%(risk)s::float8 IS NULL
                    OR (-advisory.risk, advisory.id, package.id) > (-%(risk)s::float8, %(advisory)s::bigint, %(package)s::bigint))
            ORDER BY -advisory.risk, advisory.id, package.id LIMIT %(limit)s
            """,
            {"set": number, "risk": risk, "advisory": advisory, "package": package, "limit": limit},
        )
        return await cursor.fetchall()


async def sharing_images(
    connection: Connection, account_id: int, number: int, after: int, limit: int
) -> list[SharingImage]:
    """The images of an account that hold a set, by number."""
    async with connection.cursor(row_factory=class_row(SharingImage)) as cursor:
        await cursor.execute(
            f"""
            SELECT image.id, image.digest, own.reference, image.created_at,
                coalesce((SELECT now.verdict FROM verdict now WHERE now.account_id = %(account)s AND now.image_id = image.id
                    AND NOT now.is_shadow ORDER BY array_position(ARRAY['stop', 'unknown', 'warn', 'go'], now.verdict) LIMIT 1), '')
                    AS verdict,
                {runs("%(account)s", "image.id")} AS running, coalesce(found.findings, 0) AS findings,
                coalesce(found.vanishing, 0) AS vanishing
            FROM (SELECT part.image_id FROM image_set part JOIN account_image held ON held.account_id = %(account)s
                AND held.image_id = part.image_id WHERE part.set_id = %(set)s AND part.image_id > %(after)s
                ORDER BY part.image_id LIMIT %(limit)s) page
            JOIN image ON image.id = page.image_id
            JOIN account_image own ON own.account_id = %(account)s AND own.image_id = image.id
            LEFT JOIN LATERAL (
                SELECT count(*) AS findings, count(*) FILTER (WHERE package.is_system AND match.fix_state = 'fixed') AS vanishing
                FROM image_set held JOIN set_member member ON member.set_id = held.set_id
                JOIN coordinate_match match ON match.coordinate_id = member.coordinate_id AND match.suppressed_by IS NULL
                JOIN package ON package.id = member.package_id
                WHERE held.image_id = image.id AND NOT EXISTS (SELECT FROM package_exempt exempt
                    WHERE exempt.package_id = member.package_id AND exempt.advisory_id = match.advisory_id)
            ) found ON true ORDER BY image.id
            """,
            {"account": account_id, "set": number, "after": after, "limit": limit},
        )
        return await cursor.fetchall()
