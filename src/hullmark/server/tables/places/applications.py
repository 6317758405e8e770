"""Applications: their versions, the images and places that belong to these, and the one verdict of each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, LiteralString

import msgspec
from psycopg.rows import class_row

from hullmark.model.selector import Requirement, Selector
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places.placements import ImageCount

LifeCycle = Literal["in-progress", "released", "end-of-life"]


class ApplicationRow(msgspec.Struct, frozen=True, kw_only=True):
    """An application; `versions` is how many it has."""

    id: int
    name: str
    description: str
    created_by: str
    created_at: datetime
    versions: int


class VersionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A version of an application. Its places are those whose labels fit `selector`, its images those whose annotations fit `annotations`,
    those that were named, and those that run at its places ("" selects nothing)."""

    id: int
    application: str
    name: str
    state: LifeCycle
    selector: str
    annotations: str
    created_by: str
    created_at: datetime


class NewVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of a version; see VersionRow."""

    state: LifeCycle
    selector: str
    annotations: str


class VersionImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image of a version. `digest` is the account's image's, or what the platform named where it has none; `places` how many of the
    version's places run it; `verdict` the worst in force there ("": none)."""

    image_id: int | None
    digest: str
    reference: str
    places: int
    verdict: str


async def add(connection: Connection, account_id: int, name: str, description: str, by: str) -> bool:
    """Keep a new application; False if there is one of that name."""
    cursor = await connection.execute(
        "INSERT INTO application (account_id, name, description, created_by) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (account_id, name, description, by),
    )
    return cursor.rowcount == 1


_APPLICATION = """
SELECT kept.id, kept.name, kept.description, kept.created_by, kept.created_at,
    (SELECT count(*) FROM application_version version WHERE version.application_id = kept.id) AS versions FROM application kept"""


async def applications(connection: Connection, account_id: int, after: str, limit: int) -> list[ApplicationRow]:
    """Applications by name, after one."""
    async with connection.cursor(row_factory=class_row(ApplicationRow)) as cursor:
        await cursor.execute(
            f"{_APPLICATION} WHERE kept.account_id = %s AND kept.name > %s ORDER BY kept.name LIMIT %s",
            (account_id, after, limit),
        )
        return await cursor.fetchall()


async def application(connection: Connection, account_id: int, name: str) -> ApplicationRow | None:
    """One by its name."""
    async with connection.cursor(row_factory=class_row(ApplicationRow)) as cursor:
        await cursor.execute(f"{_APPLICATION} WHERE kept.account_id = %s AND kept.name = %s", (account_id, name))
        return await cursor.fetchone()


async def remove(connection: Connection, account_id: int, name: str) -> bool:
    """Remove an application with its versions; images and places stay."""
    cursor = await connection.execute("DELETE FROM application WHERE account_id = %s AND name = %s", (account_id, name))
    return cursor.rowcount == 1


_VERSION = """
SELECT version.id, application.name AS application, version.name, version.state, version.selector, version.annotations,
    version.created_by, version.created_at
FROM application_version version JOIN application ON application.id = version.application_id"""


async def put_version(
    connection: Connection, account_id: int, application_id: int, name: str, said: NewVersion, by: str
) -> None:
    """Keep a version, in place of what was said of it before."""
    await connection.execute(
        """
        INSERT INTO application_version (account_id, application_id, name, state, selector, annotations, created_by)
        VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (application_id, name) DO UPDATE SET state = EXCLUDED.state,
            selector = EXCLUDED.selector, annotations = EXCLUDED.annotations
        """,
        (account_id, application_id, name, said.state, said.selector, said.annotations, by),
    )


async def versions(
    connection: Connection, account_id: int, application_id: int, after: str, limit: int
) -> list[VersionRow]:
    """The versions of an application by name, after one."""
    async with connection.cursor(row_factory=class_row(VersionRow)) as cursor:
        await cursor.execute(
            f"{_VERSION} WHERE version.account_id = %s AND version.application_id = %s AND version.name > %s"
            " ORDER BY version.name LIMIT %s",
            (account_id, application_id, after, limit),
        )
        return await cursor.fetchall()


async def living_versions(connection: Connection, account_id: int, application_id: int, limit: int) -> list[VersionRow]:
    """The versions of an application that have not come to their end of life, the newest first."""
    async with connection.cursor(row_factory=class_row(VersionRow)) as cursor:
        await cursor.execute(
            f"{_VERSION} WHERE version.account_id = %s AND version.application_id = %s AND version.state <> 'end-of-life'"
            " ORDER BY version.id DESC LIMIT %s",
            (account_id, application_id, limit),
        )
        return await cursor.fetchall()


async def all_versions(connection: Connection, account_id: int, limit: int) -> list[VersionRow]:
    """The versions of all applications that have not come to their end of life, the newest first."""
    async with connection.cursor(row_factory=class_row(VersionRow)) as cursor:
        await cursor.execute(
            f"{_VERSION} WHERE version.account_id = %s AND version.state <> 'end-of-life' ORDER BY version.id DESC LIMIT %s",
            (account_id, limit),
        )
        return await cursor.fetchall()


async def named_images(connection: Connection, account_id: int, image_ids: Sequence[int]) -> list[tuple[int, str]]:
    """Of these images, those that were named for a version, with the application."""
    cursor = await connection.execute(
        """
        SELECT DISTINCT named.image_id, application.name FROM application_image named
        JOIN application_version version ON version.id = named.version_id AND version.state <> 'end-of-life'
        JOIN application ON application.id = version.application_id
        WHERE named.account_id = %s AND named.image_id = ANY(%s::bigint[]) ORDER BY 1, 2
        """,
        (account_id, list(image_ids)),
    )
    return [(int(number), str(name)) for number, name in await cursor.fetchall()]


async def annotations_of(
    connection: Connection, account_id: int, image_ids: Sequence[int]
) -> list[tuple[int, dict[str, str]]]:
    """The annotations of images, by number; of those that have any."""
    cursor = await connection.execute(
        """
        SELECT image_id, annotations FROM account_image
        WHERE account_id = %s AND image_id = ANY(%s::bigint[]) AND annotations <> '{}' ORDER BY 1
        """,
        (account_id, list(image_ids)),
    )
    return [(int(number), dict(annotations)) for number, annotations in await cursor.fetchall()]


async def places_of(
    connection: Connection, account_id: int, image_ids: Sequence[int], limit: int
) -> list[tuple[int, dict[str, str]]]:
    """Where images run: the image's number, and the labels of the place together with its own keys (model.selector.PLACE_PREFIX)."""
    cursor = await connection.execute(
        """
        SELECT ran.image_id, coalesce(label_set.labels, '{}') || jsonb_build_object('place/platform', placed.platform,
            'place/cluster', placed.cluster, 'place/namespace', placed.namespace, 'place/workload', placed.workload,
            'place/container', placed.container, 'place/kind', placed.kind)
        FROM running_image ran JOIN placement placed ON placed.running_image_id = ran.id AND placed.until IS NULL
        LEFT JOIN label_set ON label_set.id = placed.label_set_id
        WHERE ran.account_id = %s AND ran.image_id = ANY(%s::bigint[]) ORDER BY placed.id LIMIT %s
        """,
        (account_id, list(image_ids), limit),
    )
    return [(int(number), dict(labels)) for number, labels in await cursor.fetchall()]


async def version(connection: Connection, account_id: int, name: str, of: str) -> VersionRow | None:
    """A version by its name, `of` an application."""
    async with connection.cursor(row_factory=class_row(VersionRow)) as cursor:
        await cursor.execute(
            f"{_VERSION} WHERE version.account_id = %s AND application.name = %s AND version.name = %s",
            (account_id, of, name),
        )
        return await cursor.fetchone()


async def remove_version(connection: Connection, account_id: int, number: int) -> bool:
    """Remove a version; images and places stay."""
    cursor = await connection.execute(
        "DELETE FROM application_version WHERE account_id = %s AND id = %s", (account_id, number)
    )
    return cursor.rowcount == 1


async def add_image(connection: Connection, account_id: int, number: int, image_id: int) -> None:
    """Have an image belong to a version."""
    await connection.execute(
        "INSERT INTO application_image (account_id, version_id, image_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (account_id, number, image_id),
    )


async def remove_image(connection: Connection, account_id: int, number: int, image_id: int) -> bool:
    """Have an image that was named belong to a version no longer."""
    cursor = await connection.execute(
        "DELETE FROM application_image WHERE account_id = %s AND version_id = %s AND image_id = %s",
        (account_id, number, image_id),
    )
    return cursor.rowcount == 1


_IMAGES: LiteralString = """
WITH placed AS (
    SELECT * FROM unnest(%(running)s::bigint[], %(environments)s::text[], %(places)s::bigint[])
        AS runs (running_image_id, environment, places)
), image_of AS (
    SELECT ran.image_id, coalesce(nullif(ran.digest, ''), ran.config_digest) AS digest, ran.reference, placed.environment, placed.places
    FROM placed JOIN running_image ran ON ran.id = placed.running_image_id
    UNION ALL SELECT named.image_id, '', '', NULL, 0 FROM application_image named WHERE named.version_id = %(version)s
    UNION ALL SELECT unnest(%(annotated)s::bigint[]), '', '', NULL, 0
), grouped AS (
    SELECT image_id, CASE WHEN image_id IS NULL THEN digest END AS strange, max(reference) AS reference, sum(places)::bigint AS places,
        array_agg(DISTINCT environment) FILTER (WHERE environment IS NOT NULL) AS environments
    FROM image_of GROUP BY 1, 2
)
SELECT grouped.image_id, coalesce(image.digest, grouped.strange, '') AS digest,
    coalesce(nullif(held.reference, ''), grouped.reference, '') AS reference, grouped.places,
    coalesce((SELECT now.verdict FROM verdict now WHERE now.account_id = %(account)s AND now.image_id = grouped.image_id
        AND NOT now.is_shadow AND (grouped.environments IS NULL OR now.environment = '' OR now.environment = ANY(grouped.environments))
        ORDER BY array_position(ARRAY['stop', 'unknown', 'warn', 'go'], now.verdict) LIMIT 1), '') AS verdict
FROM grouped LEFT JOIN image ON image.id = grouped.image_id
LEFT JOIN account_image held ON held.account_id = %(account)s AND held.image_id = grouped.image_id
ORDER BY digest, reference LIMIT %(limit)s"""


async def images_of(
    connection: Connection,
    account_id: int,
    number: int,
    running: Sequence[ImageCount],
    annotated: Sequence[int],
    limit: int,
) -> list[VersionImage]:
    """The images of a version, by digest. `running` are at its places, its annotations select the `annotated` ones."""
    async with connection.cursor(row_factory=class_row(VersionImage)) as cursor:
        await cursor.execute(
            _IMAGES,
            {
                "account": account_id,
                "version": number,
                "running": [count.running_image_id for count in running],
                "environments": [count.environment for count in running],
                "places": [count.places for count in running],
                "annotated": list(annotated),
                "limit": limit,
            },
        )
        return await cursor.fetchall()


async def annotated_images(connection: Connection, account_id: int, wanted: Selector, limit: int) -> list[int]:
    """The images of an account whose annotations fit."""
    values: dict[str, object] = {"account": account_id, "limit": limit}
    conditions = ["held.account_id = %(account)s"]
    for at, requirement in enumerate(wanted.requirements):
        values |= {f"key{at}": requirement.key, f"values{at}": list(requirement.values)}
        conditions.append(_build_annotation_condition(requirement, at))
    cursor = await connection.execute(
        f"SELECT held.image_id FROM account_image held WHERE {' AND '.join(conditions)} ORDER BY 1 LIMIT %(limit)s",
        values,
    )
    return [int(number) for (number,) in await cursor.fetchall()]


def _build_annotation_condition(requirement: Requirement, at: int) -> str:
    held = f"(held.annotations ->> %(key{at})s::text) IS NOT NULL"
    if requirement.operator in ("in", "notin"):
        held = f"coalesce((held.annotations ->> %(key{at})s::text) = ANY(%(values{at})s::text[]), false)"
    return held if requirement.operator in ("in", "exists") else f"NOT {held}"
