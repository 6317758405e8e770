"""Watches: which tags and repositories registries are asked about, when next, and what they said last."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.images.tags import TagName

PATIENCE = 3600.0
"""Seconds after which a watch that was handed to a worker is due again if nothing was heard of it."""

MOST = 50_000
"""The most watches of an account that hooks and people can add. Watches of added images do not count."""


class WatchRow(msgspec.Struct, frozen=True, kw_only=True):
    """A watch. `digest` is what the registry named last, `etag` its word for that. `every` is in seconds.

    Of a repository: `pattern` says which tags, `follows` whether they are watched too, once they are added. `noticed_at` is when the
    registry said by itself that something changed, until that was looked at. `failures` counts those one after the other.
    """

    id: int
    registry: str
    repository: str
    tag: str
    pattern: str
    follows: bool
    platform: str
    every: int
    is_active: bool
    digest: str
    etag: str
    next_at: datetime
    checked_at: datetime | None
    noticed_at: datetime | None
    failures: int
    reason: str
    created_by: str
    created_at: datetime

    @property
    def reference(self) -> str:
        """HOST/REPOSITORY:TAG, or HOST/REPOSITORY."""
        return f"{self.registry}/{self.repository}{self.tag and ':'}{self.tag}"


class NewWatch(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes a watch. `digest` is what the registry names now ("": not asked yet)."""

    name: TagName
    every: int
    next_at: datetime
    by: str
    pattern: str = "*"
    follows: bool = True
    platform: str = ""
    is_active: bool = True
    digest: str = ""
    reason: str = ""


class WatchFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which watches: what is "" or None is not asked for. `failing`: those whose last look failed."""

    registry: str = ""
    repository: str = ""
    tag: str = ""
    active: bool | None = None
    failing: bool | None = None


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A watch that is to be looked at now."""

    id: int
    account_id: int
    registry: str
    is_noticed: bool


class LookResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a look; `watch` is as it was when the look began. It is looked at again after `pause` seconds."""

    watch: WatchRow
    digest: str
    etag: str
    pause: float
    failures: int = 0
    reason: str = ""


_COLUMNS = """id, registry, repository, tag, pattern, follows, platform, every, is_active, digest, etag, next_at, checked_at,
    noticed_at, failures, reason, created_by, created_at"""


async def keep(connection: Connection, account_id: int, new: NewWatch, *, is_decided: bool = False) -> WatchRow:
    """Watch a tag or a repository. What is watched already stays as it is, also where it is switched off, unless it `is_decided`.

    Where the registry was asked just now (`digest`) that is written down in any case.
    """
    async with connection.cursor(row_factory=class_row(WatchRow)) as cursor:
        await cursor.execute(
            f"""
            INSERT INTO watch (account_id, registry, repository, tag, pattern, follows, platform, every, is_active, digest, next_at,
                reason, created_by, created_at)
            VALUES (%(account)s, %(registry)s, %(repository)s, %(tag)s, %(pattern)s, %(follows)s, %(platform)s, %(every)s, %(active)s,
                %(digest)s, %(next)s, %(reason)s, %(by)s, clock_timestamp())
            ON CONFLICT (account_id, registry, repository, tag) DO UPDATE SET
                pattern = CASE WHEN %(decided)s THEN EXCLUDED.pattern ELSE watch.pattern END,
                follows = CASE WHEN %(decided)s THEN EXCLUDED.follows ELSE watch.follows END,
                every = CASE WHEN %(decided)s THEN EXCLUDED.every ELSE watch.every END,
                is_active = CASE WHEN %(decided)s THEN EXCLUDED.is_active ELSE watch.is_active END,
                next_at = CASE WHEN %(decided)s THEN EXCLUDED.next_at ELSE watch.next_at END,
                platform = CASE WHEN EXCLUDED.digest <> '' THEN EXCLUDED.platform ELSE watch.platform END,
                etag = CASE WHEN EXCLUDED.digest IN ('', watch.digest) THEN watch.etag ELSE '' END,
                digest = CASE WHEN EXCLUDED.digest <> '' THEN EXCLUDED.digest ELSE watch.digest END
            RETURNING {_COLUMNS}
            """,
            {
                "account": account_id,
                "registry": new.name[0],
                "repository": new.name[1],
                "tag": new.name[2],
                "pattern": new.pattern,
                "follows": new.follows,
                "platform": new.platform,
                "every": new.every,
                "active": new.is_active,
                "digest": new.digest,
                "next": new.next_at,
                "reason": new.reason,
                "by": new.by,
                "decided": is_decided,
            },
        )
        row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an INSERT … RETURNING answers
    return row


async def count_watches(connection: Connection, account_id: int) -> int:
    """How many watches an account has, also those that are switched off."""
    cursor = await connection.execute("SELECT count(*) FROM watch WHERE account_id = %s", (account_id,))
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def take_due(connection: Connection, now: datetime, limit: int) -> list[Due]:
    """Hand out watches that are due, of accounts that are enabled; each to one asker, for as long as PATIENCE."""
    async with connection.cursor(row_factory=class_row(Due)) as cursor:
        await cursor.execute(
            """
            WITH due AS (
                SELECT id FROM watch WHERE is_active AND next_at <= %(now)s ORDER BY next_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED
            ), taken AS (
                UPDATE watch SET next_at = %(now)s + make_interval(secs => %(patience)s) FROM due WHERE watch.id = due.id
                RETURNING watch.id, watch.account_id, watch.registry, watch.repository, watch.tag, watch.noticed_at
            )
            SELECT taken.id, taken.account_id, taken.registry, taken.noticed_at IS NOT NULL AS is_noticed
            FROM taken JOIN account ON account.id = taken.account_id WHERE account.state = 'enabled'
            ORDER BY taken.account_id, taken.registry, taken.repository, taken.tag
            """,
            {"now": now, "limit": limit, "patience": PATIENCE},
        )
        return await cursor.fetchall()


async def watches_by_id(connection: Connection, account_id: int, numbers: Sequence[int]) -> list[WatchRow]:
    """Watches by their numbers, repository by repository."""
    async with connection.cursor(row_factory=class_row(WatchRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM watch WHERE account_id = %s AND id = ANY(%s::bigint[]) ORDER BY registry, repository, tag",
            (account_id, list(numbers)),
        )
        return await cursor.fetchall()


async def put_off(connection: Connection, account_id: int, numbers: Sequence[int], until: datetime) -> None:
    """Look at watches that were handed out at this moment, and not now."""
    await connection.execute(
        "UPDATE watch SET next_at = least(next_at, %s) WHERE account_id = %s AND id = ANY(%s::bigint[])",
        (until, account_id, list(numbers)),
    )


async def write_down(connection: Connection, account_id: int, now: datetime, looked: Sequence[LookResult]) -> None:
    """Store the results of looks. If the registry reported something since they began, it is looked at again."""
    await connection.execute(
        """
        UPDATE watch SET digest = look.digest, etag = look.etag, failures = look.failures, reason = look.reason,
            checked_at = %(now)s::timestamptz,
            next_at = CASE WHEN watch.noticed_at IS DISTINCT FROM look.noticed_at THEN watch.next_at
                ELSE %(now)s::timestamptz + make_interval(secs => look.pause) END,
            noticed_at = CASE WHEN watch.noticed_at IS DISTINCT FROM look.noticed_at OR look.failures > 0 THEN watch.noticed_at END
        FROM unnest(%(ids)s::bigint[], %(noticed)s::timestamptz[], %(digests)s::text[], %(etags)s::text[], %(failures)s::int[],
            %(reasons)s::text[], %(pauses)s::float8[]) AS look (id, noticed_at, digest, etag, failures, reason, pause)
        WHERE watch.account_id = %(account)s AND watch.id = look.id
        """,
        {
            "account": account_id,
            "now": now,
            "ids": [result.watch.id for result in looked],
            "noticed": [result.watch.noticed_at for result in looked],
            "digests": [result.digest for result in looked],
            "etags": [result.etag for result in looked],
            "failures": [result.failures for result in looked],
            "reasons": [result.reason for result in looked],
            "pauses": [result.pause for result in looked],
        },
    )


async def list_watches(
    connection: Connection, account_id: int, wanted: WatchFilter, after: TagName | None, limit: int
) -> list[WatchRow]:
    """Watches by registry, repository and tag, after a name."""
    async with connection.cursor(row_factory=class_row(WatchRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_COLUMNS} FROM watch WHERE account_id = %(account)s AND %(registry)s IN ('', registry)
                AND %(repository)s IN ('', repository) AND %(tag)s IN ('', tag)
                AND (%(active)s::boolean IS NULL OR is_active = %(active)s)
                AND (%(failing)s::boolean IS NULL OR (failures > 0) = %(failing)s)
                AND (%(after)s::text[] IS NULL OR ARRAY[registry, repository, tag] > %(after)s::text[])
            ORDER BY ARRAY[registry, repository, tag] LIMIT %(limit)s
            """,
            {
                "account": account_id,
                "after": list(after) if after else None,
                "limit": limit,
                **msgspec.structs.asdict(wanted),
            },
        )
        return await cursor.fetchall()


async def change(connection: Connection, account_id: int, row: WatchRow) -> None:
    """Keep what people may change of a watch: how often, which tags, whether at all, and when next."""
    await connection.execute(
        """
        UPDATE watch SET every = %s, pattern = %s, follows = %s, is_active = %s, next_at = %s, platform = %s
        WHERE account_id = %s AND id = %s
        """,
        (row.every, row.pattern, row.follows, row.is_active, row.next_at, row.platform, account_id, row.id),
    )


async def remove(connection: Connection, account_id: int, number: int) -> None:
    """Watch it no longer."""
    await connection.execute("DELETE FROM watch WHERE account_id = %s AND id = %s", (account_id, number))


async def lock_active(connection: Connection, account_id: int, name: TagName) -> bool:
    """Whether there is an active watch of a tag, or of a repository (its tag is ""). It stays as it is until the transaction ends."""
    cursor = await connection.execute(
        """
        SELECT FROM watch WHERE account_id = %s AND registry = %s AND repository = %s AND tag = %s AND is_active FOR UPDATE
        """,
        (account_id, *name),
    )
    return await cursor.fetchone() is not None


async def let_go(connection: Connection, account_id: int, image_id: int) -> None:
    """An image is let go: the tags that point to it are watched no longer. Where their repository is, they stay as switched off, or they
    would be found again."""
    await connection.execute(
        """
        WITH named AS (
            SELECT watch.id, EXISTS (SELECT FROM watch whole WHERE whole.account_id = watch.account_id AND whole.tag = ''
                AND whole.registry = watch.registry AND whole.repository = watch.repository) AS stays
            FROM watch JOIN tag USING (account_id, registry, repository, tag)
            WHERE tag.account_id = %(account)s AND tag.image_id = %(image)s AND tag.is_current
        ), gone AS (
            DELETE FROM watch USING named WHERE watch.id = named.id AND NOT named.stays
        )
        UPDATE watch SET is_active = false FROM named WHERE watch.id = named.id AND named.stays
        """,
        {"account": account_id, "image": image_id},
    )


async def tags_known(connection: Connection, account_id: int, registry: str, repository: str) -> set[str]:
    """The tags of a repository that are watched, or were switched off."""
    cursor = await connection.execute(
        "SELECT tag FROM watch WHERE account_id = %s AND registry = %s AND repository = %s AND tag <> ''",
        (account_id, registry, repository),
    )
    return {str(tag) for (tag,) in await cursor.fetchall()}


async def notice(connection: Connection, account_id: int, names: Sequence[TagName], now: datetime) -> set[TagName]:
    """What registries say by themselves: active watches of these names are due at once. Returns the names that there are watches
    of, also those that are switched off."""
    cursor = await connection.execute(
        """
        WITH said AS (SELECT * FROM unnest(%(registries)s::text[], %(repositories)s::text[], %(tags)s::text[])
            AS said (registry, repository, tag)),
        due AS (
            UPDATE watch SET next_at = least(next_at, %(now)s), noticed_at = %(now)s FROM said
            WHERE account_id = %(account)s AND is_active AND watch.registry = said.registry AND watch.repository = said.repository
                AND watch.tag = said.tag
        )
        SELECT watch.registry, watch.repository, watch.tag FROM watch JOIN said USING (registry, repository, tag)
        WHERE account_id = %(account)s
        """,
        {
            "account": account_id,
            "now": now,
            "registries": [name[0] for name in names],
            "repositories": [name[1] for name in names],
            "tags": [name[2] for name in names],
        },
    )
    return {TagName(str(host), str(repository), str(tag)) for host, repository, tag in await cursor.fetchall()}


async def points_to(connection: Connection, account_id: int, name: TagName, digest: str) -> bool:
    """Whether a digest (of a manifest or an index) is of the very image that a tag points to already."""
    cursor = await connection.execute(
        """
        SELECT EXISTS (SELECT FROM tag JOIN image_alias alias ON alias.image_id = tag.image_id AND alias.digest = %s
            AND alias.kind <> 'config'
            WHERE tag.account_id = %s AND tag.registry = %s AND tag.repository = %s AND tag.tag = %s AND tag.is_current)
        """,
        (digest, account_id, *name),
    )
    return await cursor.fetchone() == (True,)


async def subscribe_in_step(connection: Connection, account_id: int, row: WatchRow) -> None:
    """Where Anchore's clients subscribed to a tag or a repository, have that say the same as its watch."""
    await connection.execute(
        """
        UPDATE anchore_subscription SET is_active = %s, updated_at = now()
        WHERE account_id = %s AND key = %s AND type = %s AND is_active <> %s
        """,
        (row.is_active, account_id, row.reference, "tag_update" if row.tag else "repo_update", row.is_active),
    )
