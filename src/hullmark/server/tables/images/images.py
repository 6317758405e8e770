"""Images: what is known of each, who analyses it now, which accounts hold it, and under which tags."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, LiteralString, NamedTuple, TypedDict

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.tags import TagName
from hullmark.server.tables.places.running import runs
from hullmark.server.tables.watching import watches

State = Literal["waiting", "analysing", "analysed", "failed"]


class ImageRow(msgspec.Struct, frozen=True, kw_only=True):
    """An image as all accounts share it. `size` is the sum of its stored layers in bytes; `document` the object with its analysis, `reach`
    names what is kept of what its start reaches ("": nobody looked), `fingerprint` the extractors that were tried on it last; `reason` and
    `advice` say why it failed, or why an earlier analysis is kept."""

    id: int
    digest: str
    config_digest: str
    kind: str
    media_type: str
    platform: str
    size: int
    state: State
    reason: str
    advice: str
    attempts: int
    fingerprint: str
    document: str
    reach: str
    upload: str
    distro: str
    package_count: int
    file_count: int
    layer_count: int
    created_at: datetime | None
    added_at: datetime
    analysed_at: datetime | None


class EarlierTag(TypedDict):
    """A reference that pointed to an image, and the moment at which it was seen to point to another (RFC 3339)."""

    reference: str
    until: str


class HeldImage(ImageRow, frozen=True, kw_only=True):
    """An image as one account holds it. `tags` are the references that point to it now, `earlier_tags` those that did until they moved."""

    reference: str
    annotations: dict[str, Any]
    dockerfile: str
    added_by: str
    held_at: datetime
    tags: list[str]
    earlier_tags: list[EarlierTag]


class NewImage(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of an image before it is analysed. `aliases` are (kind, digest)."""

    digest: str
    config_digest: str = ""
    kind: str = "registry"
    media_type: str = ""
    platform: str = ""
    size: int = 0
    layer_count: int = 0
    created_at: datetime | None = None
    upload: str = ""
    aliases: tuple[tuple[str, str], ...] = ()


class ImageState(msgspec.Struct, frozen=True):
    """The state of an image after it was registered."""

    image_id: int
    state: State
    is_new: bool


COLUMNS = """image.id, image.digest, image.config_digest, image.kind, image.media_type, image.platform, image.size, image.state,
    image.reason, image.advice, image.attempts, image.fingerprint, image.document, image.reach, image.upload, image.distro,
    image.package_count, image.file_count, image.layer_count, image.created_at, image.added_at, image.analysed_at"""

_HELD = f"""{COLUMNS}, held.reference, held.annotations, held.dockerfile, held.added_by, held.added_at AS held_at,
    ARRAY(SELECT tag.registry || '/' || tag.repository || ':' || tag.tag FROM tag WHERE tag.account_id = held.account_id
        AND tag.image_id = held.image_id AND tag.is_current ORDER BY 1) AS tags,
    coalesce((SELECT jsonb_agg(jsonb_build_object('reference', tag.registry || '/' || tag.repository || ':' || tag.tag, 'until', moved.at)
        ORDER BY moved.at DESC, tag.registry, tag.repository, tag.tag) FROM tag CROSS JOIN LATERAL (
            SELECT min(move.at) AS at FROM tag_move move WHERE move.account_id = tag.account_id AND move.registry = tag.registry
                AND move.repository = tag.repository AND move.tag = tag.tag AND move.image_id <> tag.image_id
                AND move.at >= tag.seen_at) moved
        WHERE tag.account_id = held.account_id AND tag.image_id = held.image_id AND NOT tag.is_current AND moved.at IS NOT NULL),
        '[]') AS earlier_tags"""


async def register(connection: Connection, new: NewImage) -> ImageState:
    """Know an image, once; its aliases too."""
    cursor = await connection.execute(
        """
        INSERT INTO image (digest, config_digest, kind, media_type, platform, size, layer_count, created_at, upload)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        -- What a registry has too can be read again, without anybody sending its archive.
        ON CONFLICT (digest) DO UPDATE SET kind = CASE
            WHEN image.kind = 'upload' AND EXCLUDED.kind = 'registry' THEN 'registry' ELSE image.kind END, upload = CASE
            WHEN image.upload = '' AND image.state <> 'analysed' THEN EXCLUDED.upload
            -- What it failed to be read from may be gone, or broken.
            WHEN image.state = 'failed' AND EXCLUDED.upload <> '' THEN EXCLUDED.upload
            ELSE image.upload END
        RETURNING id, state, xmax = 0
        """,
        (
            new.digest,
            new.config_digest,
            new.kind,
            new.media_type,
            new.platform,
            new.size,
            new.layer_count,
            new.created_at,
            new.upload,
        ),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an INSERT … RETURNING answers
    placed = ImageState(*row)
    aliases = [("manifest", new.digest), *((kind, digest) for kind, digest in new.aliases if digest)]
    await connection.execute(
        """
        INSERT INTO image_alias (digest, image_id, kind) SELECT digest, %s, kind FROM unnest(%s::text[], %s::text[]) AS named(kind, digest)
        ON CONFLICT DO NOTHING
        """,
        (placed.image_id, [kind for kind, _ in aliases], [digest for _, digest in aliases]),
    )
    return placed


async def hold(  # noqa: PLR0913 - all but three by name
    connection: Connection,
    account_id: int,
    image_id: int,
    *,
    reference: str,
    annotations: dict[str, str] | None,
    dockerfile: str,
    by: str,
) -> bool:
    """Have an account hold an image; returns whether it did not before. Annotations and Dockerfile replace earlier ones if
    given."""
    cursor = await connection.execute(
        """
        INSERT INTO account_image (account_id, image_id, reference, annotations, dockerfile, added_by) VALUES (%s, %s, %s, %s, %s, %s)
        ON CONFLICT (account_id, image_id) DO UPDATE SET
            reference = CASE WHEN EXCLUDED.reference <> '' THEN EXCLUDED.reference ELSE account_image.reference END,
            annotations = account_image.annotations || EXCLUDED.annotations,
            dockerfile = CASE WHEN EXCLUDED.dockerfile <> '' THEN EXCLUDED.dockerfile ELSE account_image.dockerfile END
        RETURNING xmax = 0
        """,
        (account_id, image_id, reference, Jsonb(annotations or {}), dockerfile, by),
    )
    row = await cursor.fetchone()
    return bool(row and row[0])


async def point_tag(connection: Connection, account_id: int, name: TagName, image_id: int) -> int | None:
    """Have a tag point to an image; returns the image that it pointed to before, if another."""
    await connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", ("/".join(name), account_id))
    cursor = await connection.execute(
        """
        UPDATE tag SET is_current = false WHERE account_id = %s AND registry = %s AND repository = %s AND tag = %s
            AND is_current AND image_id <> %s RETURNING image_id
        """,
        (account_id, *name, image_id),
    )
    row = await cursor.fetchone()
    await connection.execute(
        """
        INSERT INTO tag_move (account_id, registry, repository, tag, image_id) SELECT %(account)s, %(registry)s, %(repository)s, %(tag)s,
            %(image)s WHERE NOT EXISTS (SELECT FROM tag WHERE account_id = %(account)s AND registry = %(registry)s
                AND repository = %(repository)s AND tag = %(tag)s AND image_id = %(image)s AND is_current)
        """,
        {"account": account_id, "registry": name[0], "repository": name[1], "tag": name[2], "image": image_id},
    )
    await connection.execute(
        """
        INSERT INTO tag (account_id, registry, repository, tag, image_id) VALUES (%s, %s, %s, %s, %s)
        ON CONFLICT (account_id, registry, repository, tag, image_id) DO UPDATE SET is_current = true, seen_at = now()
        """,
        (account_id, *name, image_id),
    )
    return int(row[0]) if row else None


async def image_by_id(connection: Connection, image_id: int) -> ImageRow | None:
    """An image by its number."""
    async with connection.cursor(row_factory=class_row(ImageRow)) as cursor:
        await cursor.execute(f"SELECT {COLUMNS} FROM image WHERE id = %s", (image_id,))
        return await cursor.fetchone()


async def held_by_ids(connection: Connection, account_id: int, image_ids: Sequence[int]) -> dict[int, HeldImage]:
    """Those of these images that an account holds, by number."""
    async with connection.cursor(row_factory=class_row(HeldImage)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_HELD} FROM account_image held JOIN image ON image.id = held.image_id
            WHERE held.account_id = %s AND held.image_id = ANY(%s::bigint[])
            """,
            (account_id, list(image_ids)),
        )
        return {row.id: row for row in await cursor.fetchall()}


async def held_image(connection: Connection, account_id: int, name: str) -> HeldImage | None:
    """The image of an account by any of its digests, the newest first, or by a reference with registry and tag."""
    async with connection.cursor(row_factory=class_row(HeldImage)) as cursor:
        if name.startswith("sha"):
            condition = "image.id IN (SELECT alias.image_id FROM image_alias alias WHERE alias.digest = %(name)s)"
        else:
            condition = """image.id = (SELECT tag.image_id FROM tag WHERE tag.account_id = %(account)s AND tag.is_current
                AND tag.registry = %(registry)s AND tag.repository = %(repository)s AND tag.tag = %(tag)s)"""
        registry, _, rest = name.partition("/")
        repository, _, tag = rest.rpartition(":")
        await cursor.execute(
            f"""
            SELECT {_HELD} FROM account_image held JOIN image ON image.id = held.image_id
            WHERE held.account_id = %(account)s AND {condition} ORDER BY held.added_at DESC LIMIT 1
            """,
            {"account": account_id, "name": name, "registry": registry, "repository": repository, "tag": tag},
        )
        return await cursor.fetchone()


class ImageFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which images of an account: what is "" is not asked for. `verdict` is that of any policy in force; `repositories` are (registry,
    repository), one of which a tag of the image has to be of."""

    state: str = ""
    registry: str = ""
    repository: str = ""
    tag: str = ""
    verdict: str = ""
    distro: str = ""
    repositories: tuple[tuple[str, str], ...] = ()


async def list_images(
    connection: Connection, account_id: int, wanted: ImageFilter, after: tuple[datetime, int] | None, limit: int
) -> list[HeldImage]:
    """Images of an account, the newest first, after (held at, image id)."""
    conditions = ["held.account_id = %(account)s"]
    for name in ("state", "distro"):
        if getattr(wanted, name):
            conditions.append(f"image.{name} = %({name})s")
    named = [name for name in ("registry", "repository", "tag") if getattr(wanted, name)]
    if named:
        tests = " AND ".join(f"tag.{name} = %({name})s" for name in named)
        conditions.append(
            "held.image_id IN (SELECT tag.image_id FROM tag WHERE tag.account_id = %(account)s AND tag.is_current"
            f" AND {tests})"
        )
    if wanted.repositories:
        conditions.append(
            "held.image_id IN (SELECT tag.image_id FROM tag JOIN unnest(%(registries)s::text[], %(repository_names)s::text[])"
            " AS wanted(registry, repository) USING (registry, repository) WHERE tag.account_id = %(account)s AND tag.is_current)"
        )
    if wanted.verdict:
        conditions.append(
            "EXISTS (SELECT FROM verdict WHERE verdict.account_id = %(account)s AND verdict.image_id = held.image_id"
            " AND verdict.verdict = %(verdict)s AND NOT verdict.is_shadow)"
        )
    if after is not None:
        conditions.append("(held.added_at, held.image_id) < (%(after_at)s, %(after_id)s)")
    async with connection.cursor(row_factory=class_row(HeldImage)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_HELD} FROM account_image held JOIN image ON image.id = held.image_id WHERE {" AND ".join(conditions)}
            ORDER BY held.added_at DESC, held.image_id DESC LIMIT %(limit)s
            """,
            {
                "account": account_id,
                "limit": limit,
                "after_at": after[0] if after else None,
                "after_id": after[1] if after else None,
                **{name: getattr(wanted, name) for name in ImageFilter.__struct_fields__ if name != "repositories"},
                "registries": [registry for registry, _ in wanted.repositories],
                "repository_names": [repository for _, repository in wanted.repositories],
            },
        )
        return await cursor.fetchall()


async def let_go(connection: Connection, account_id: int, image_id: int) -> bool:
    """Have an account hold an image no longer: its tags and verdicts go with it. The image itself goes when nobody holds it.

    Its tags are no longer watched, either: who does not want it does not want the next one.
    """
    # What is held is locked before its watches, as it is where an image is added: in another order the two could wait for each other.
    await connection.execute(
        "SELECT FROM account_image WHERE account_id = %s AND image_id = %s FOR UPDATE", (account_id, image_id)
    )
    await watches.let_go(connection, account_id, image_id)
    cursor = await connection.execute(
        "DELETE FROM account_image WHERE account_id = %s AND image_id = %s", (account_id, image_id)
    )
    return cursor.rowcount == 1


class Holder(NamedTuple):
    """An account that holds an image, with the reference that it was added by and the Dockerfile."""

    account_id: int
    reference: str
    dockerfile: str


async def holders(connection: Connection, image_id: int) -> list[Holder]:
    """The accounts that hold an image, the newest first."""
    cursor = await connection.execute(
        "SELECT account_id, reference, dockerfile FROM account_image WHERE image_id = %s ORDER BY added_at DESC",
        (image_id,),
    )
    return [Holder(int(account), reference, dockerfile) for account, reference, dockerfile in await cursor.fetchall()]


async def forget_unheld(connection: Connection, limit: int) -> int:
    """Remove images that no account holds and nobody analyses; returns how many."""
    cursor = await connection.execute(
        """
        DELETE FROM image WHERE id IN (
            SELECT id FROM image WHERE state <> 'analysing' AND added_at < now() - interval '1 hour'
                AND NOT EXISTS (SELECT FROM account_image held WHERE held.image_id = image.id) LIMIT %s)
        RETURNING id
        """,
        (limit,),
    )
    gone = [number for (number,) in await cursor.fetchall()]
    for table in ("verdict_history", "verdict_change") if gone else ():
        await connection.execute(
            f"DELETE FROM {table} USING account WHERE account_id = account.id AND image_id = ANY(%s::bigint[])", (gone,)
        )
    return len(gone)


async def analysed_of(
    connection: Connection, account_id: int, after: int, limit: int, standing: Standing = "any"
) -> list[int]:
    """Analysed images of an account by number, after one; of a standing alone."""
    cursor = await connection.execute(
        f"""
        SELECT held.image_id FROM account_image held JOIN image ON image.id = held.image_id
        WHERE held.account_id = %s AND held.image_id > %s AND image.id > %s AND image.state = 'analysed' AND {_OF_STANDING[standing]}
        ORDER BY held.image_id LIMIT %s
        """,
        # Named twice: else the images before it are gone through to join the two.
        (account_id, after, after, limit),
    )
    return [int(image) for (image,) in await cursor.fetchall()]


Standing = Literal["deployed", "certified", "any"]
"""Whether an image runs somewhere, or was in compliance once."""

_OF_STANDING: dict[Standing, LiteralString] = {
    "deployed": runs("held.account_id", "held.image_id"),
    "certified": "held.certified_at IS NOT NULL",
    "any": "true",
}


async def count_analysed(connection: Connection, account_id: int) -> int:
    """How many analysed images an account holds."""
    cursor = await connection.execute(
        """
        SELECT count(*) FROM account_image held JOIN image ON image.id = held.image_id
        WHERE held.account_id = %s AND image.state = 'analysed'
        """,
        (account_id,),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0
