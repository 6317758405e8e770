"""What started somewhere or stopped, as news go by it: uncertified images, images that nobody added, images whose grace changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.places.placements import WORST_VERDICT
from hullmark.server.tables.places.running import PLACE_NAME


class UncertifiedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that began to run in an environment and that no verdict there lets pass: `verdict` is "stop", "unknown", or "" for none.

    `image_id` None: the account does not have it; `state` is that of its analysis. It began at `places` places, of which `first` is the
    first number, and `name` what people call that place.
    """

    running_image_id: int
    image_id: int | None
    digest: str
    reference: str
    state: str
    environment: str
    verdict: str
    places: int
    first: int
    name: str


async def list_uncertified_images(
    connection: Connection, account_id: int, numbers: Sequence[int], ended: Sequence[int]
) -> list[UncertifiedImage]:
    """Of placements that began, by number, those of images that no verdict lets pass, by image and environment. Where the image ran at the
    same place, and only its isolation or labels are others now (`ended` just then), nothing started."""
    async with connection.cursor(row_factory=class_row(UncertifiedImage)) as cursor:
        await cursor.execute(
            f"""
            SELECT began.*, coalesce(image.digest, nullif(ran.digest, ''), ran.config_digest) AS digest, ran.image_id, ran.reference,
                coalesce(image.state, '') AS state, {PLACE_NAME} AS name
            FROM (
                SELECT judged.running_image_id, judged.environment, judged.verdict, count(*) AS places, min(judged.id) AS first FROM (
                    SELECT placed.id, placed.running_image_id, placed.environment, {WORST_VERDICT} AS verdict
                    FROM placement placed JOIN running_image ran ON ran.id = placed.running_image_id
                    WHERE placed.account_id = %(account)s AND placed.id = ANY(%(began)s::bigint[]) AND NOT EXISTS (
                        SELECT FROM placement other WHERE other.account_id = placed.account_id AND other.cluster = placed.cluster
                            AND other.namespace = placed.namespace AND other.workload = placed.workload
                            AND other.container = placed.container AND other.running_image_id = placed.running_image_id
                            AND other.id <> ALL (%(began)s::bigint[]) AND (other.until IS NULL OR other.id = ANY(%(ended)s::bigint[])))
                ) judged WHERE judged.verdict NOT IN ('go', 'warn') GROUP BY 1, 2, 3
            ) began JOIN running_image ran ON ran.id = began.running_image_id JOIN placement placed ON placed.id = began.first
            LEFT JOIN image ON image.id = ran.image_id ORDER BY began.first
            """,
            {"account": account_id, "began": list(numbers), "ended": list(ended)},
        )
        return await cursor.fetchall()


class ContainerImage(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a container that an event is about."""

    id: str
    image_id: int | None
    digest: str
    reference: str
    environment: str
    name: str


async def containers_of(
    connection: Connection, account_id: int, collector_id: int, ids: Sequence[str]
) -> dict[str, ContainerImage]:
    """Containers that run, by their ids."""
    async with connection.cursor(row_factory=class_row(ContainerImage)) as cursor:
        await cursor.execute(
            f"""
            SELECT known.id, ran.image_id, coalesce(image.digest, nullif(ran.digest, ''), ran.config_digest) AS digest, ran.reference,
                placed.environment, {PLACE_NAME} AS name
            FROM running_container known JOIN placement placed ON placed.id = known.placement_id
            JOIN running_image ran ON ran.id = placed.running_image_id LEFT JOIN image ON image.id = ran.image_id
            WHERE known.account_id = %s AND known.collector_id = %s AND known.id = ANY(%s::text[])
            """,
            (account_id, collector_id, list(ids)),
        )
        return {row.id: row for row in await cursor.fetchall()}


class UnknownImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that runs and that an account does not have."""

    id: int
    reference: str
    digest: str
    architecture: str


async def want_unknown(connection: Connection, account_id: int, numbers: Sequence[int], now: datetime) -> list[int]:
    """Of placements, by number, the images that the account does not have and whose analysis nobody asked for: it is asked for now."""
    cursor = await connection.execute(
        """
        UPDATE running_image SET wanted_at = %s WHERE account_id = %s AND image_id IS NULL AND wanted_at IS NULL
            AND reference <> '' AND id IN (SELECT running_image_id FROM placement WHERE account_id = %s AND id = ANY(%s::bigint[]))
        RETURNING id
        """,
        (now, account_id, account_id, list(numbers)),
    )
    return sorted(int(number) for (number,) in await cursor.fetchall())


async def all_unknown(connection: Connection, account_id: int, now: datetime, limit: int) -> list[int]:
    """Images that run and that the account does not have, whose analysis nobody asked for: it is asked for now."""
    cursor = await connection.execute(
        """
        UPDATE running_image SET wanted_at = %(now)s WHERE id IN (
            SELECT ran.id FROM running_image ran WHERE ran.account_id = %(account)s AND ran.image_id IS NULL AND ran.wanted_at IS NULL
                AND ran.reference <> '' AND EXISTS (SELECT FROM placement placed WHERE placed.running_image_id = ran.id
                    AND placed.until IS NULL) ORDER BY ran.id LIMIT %(limit)s)
        RETURNING id
        """,
        {"now": now, "account": account_id, "limit": limit},
    )
    return sorted(int(number) for (number,) in await cursor.fetchall())


async def unknown_image(connection: Connection, account_id: int, number: int) -> UnknownImage | None:
    """An image that runs, if the account does not have it still."""
    async with connection.cursor(row_factory=class_row(UnknownImage)) as cursor:
        await cursor.execute(
            "SELECT id, reference, digest, architecture FROM running_image WHERE account_id = %s AND id = %s AND image_id IS NULL",
            (account_id, number),
        )
        return await cursor.fetchone()


async def images_with_grace(connection: Connection, account_id: int, numbers: Sequence[int]) -> list[int]:
    """The analysed images of placements, by number, where a policy in force may grant grace, which goes by since when they run."""
    cursor = await connection.execute(
        """
        SELECT DISTINCT ran.image_id FROM placement placed JOIN running_image ran ON ran.id = placed.running_image_id
        JOIN image ON image.id = ran.image_id AND image.state = 'analysed'
        WHERE placed.account_id = %(account)s AND placed.id = ANY(%(numbers)s::bigint[]) AND EXISTS (
            SELECT FROM activation JOIN policy_version ON policy_version.id = activation.version_id
            WHERE activation.account_id = %(account)s AND activation.ended_at IS NULL AND policy_version.text LIKE '%%grace%%')
            AND NOT EXISTS (
                SELECT FROM placement other JOIN running_image same ON same.id = other.running_image_id
                WHERE same.account_id = %(account)s AND same.image_id = ran.image_id AND other.environment = placed.environment
                    AND other.until IS NULL AND other.since <= placed.since AND NOT other.id = ANY(%(numbers)s::bigint[]))
        ORDER BY 1
        """,
        {"account": account_id, "numbers": list(numbers)},
    )
    return [int(number) for (number,) in await cursor.fetchall()]
