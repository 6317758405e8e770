"""An account with images, channels and subscriptions, straight in the database, and transitions that are told there."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psycopg.rows import class_row, dict_row

from hullmark.model.notice import Cause, Transition
from hullmark.server.stories.notice.route import RoutingResult, route
from hullmark.server.stories.services import Services, services_for
from hullmark.server.stories.settings import Settings
from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging import deployments
from hullmark.server.tables.judging.deployments import Deployment
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.notice.silences import NewSilence, SilenceRow, add_silence
from hullmark.server.tables.notice.subscriptions import NewSubscription, add_subscription

START = datetime(2026, 5, 1, 12, tzinfo=UTC)  # a Friday
_numbers = itertools.count(1)


class Place:
    """An account, and what happens in it. `now` is the clock."""

    def __init__(self, services: Services, account_id: int) -> None:
        self.services = services
        self.account_id = account_id
        self.now = START

    async def rows(self, statement: str, **values: Any) -> list[dict[str, Any]]:
        """What a statement answers; `account` is bound."""
        async with self.services.database.system() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(statement, {"account": self.account_id, **values})
            return await cursor.fetchall() if cursor.description else []

    async def image(self, *, is_certified: bool = True, is_deployed: bool = False, tag: str = "") -> int:
        """Hold an image; answers its number. `tag`: HOST/REPOSITORY:TAG leads to it from now on."""
        made = await self.rows(
            "INSERT INTO image (digest) VALUES (%(digest)s) RETURNING id", digest=str(next(_numbers))
        )
        image = int(made[0]["id"])
        await self.rows(
            "UPDATE image SET digest = %(digest)s WHERE id = %(image)s", digest=digest_of(image), image=image
        )
        await self.rows(
            "INSERT INTO account_image (account_id, image_id, certified_at) VALUES (%(account)s, %(image)s, %(at)s)",
            image=image,
            at=self.now if is_certified else None,
        )
        if is_deployed:
            told = Deployment(environment="", place="", since=self.now, seen_at=self.now)
            async with self.services.database.system() as connection:
                await deployments.put(connection, self.account_id, image, told)
        if tag:
            host, _, rest = tag.partition("/")
            repository, _, name = rest.rpartition(":")
            words = {"host": host, "repository": repository, "tag": name}
            await self.rows(
                "UPDATE tag SET is_current = false WHERE account_id = %(account)s AND registry = %(host)s"
                " AND repository = %(repository)s AND tag = %(tag)s",
                **words,
            )
            await self.rows(
                "INSERT INTO tag (account_id, registry, repository, tag, image_id)"
                " VALUES (%(account)s, %(host)s, %(repository)s, %(tag)s, %(image)s)",
                image=image,
                **words,
            )
        return image

    async def channel(self, name: str = "hook", *, kind: str = "webhook", is_active: bool = True) -> Any:
        """A channel; answers its id."""
        (row,) = await self.rows(
            "INSERT INTO channel (account_id, name, kind, secrets, is_active)"
            " VALUES (%(account)s, %(name)s, %(kind)s, '', %(is_active)s) RETURNING id",
            name=name,
            kind=kind,
            is_active=is_active,
        )
        return row["id"]

    async def subscribe(self, name: str, **said: Any) -> None:
        """A subscription besides the default one."""
        async with self.services.database.system() as connection:
            wanted = NewSubscription(name=name, **said)
            assert await add_subscription(connection, self.account_id, wanted, "test", self.now)

    async def only(self, name: str = "mine", **said: Any) -> None:
        """A subscription instead of the default one."""
        await self.rows("UPDATE subscription SET is_active = false WHERE account_id = %(account)s AND name = 'default'")
        await self.subscribe(name, **said)

    async def silence(self, ends_at: datetime, **said: Any) -> SilenceRow:
        """A silence from now on."""
        words = {"selector": "*", "kinds": (), "subject": "*", "owner": "me", "reason": "moving", "starts_at": self.now}
        async with self.services.database.system() as connection:
            wanted = NewSilence(ends_at=ends_at, **{**words, **said})
            return await add_silence(connection, self.account_id, wanted, "test", self.now)

    async def tell(
        self, cause: Cause, told: Sequence[Transition], *, is_complete: bool = True, suppressed: str = ""
    ) -> None:
        """Write transitions down, as the judge does."""
        async with self.services.database.system() as connection:
            await transitions.tell(
                connection, self.account_id, cause, told, is_complete=is_complete, suppressed=suppressed
            )

    async def complete(self, cause: Cause) -> None:
        """No more of a cause is to come."""
        (row,) = await self.rows("SELECT id FROM cause WHERE account_id = %(account)s AND key = %(key)s", key=cause.key)
        async with self.services.database.system() as connection:
            await transitions.complete(connection, self.account_id, [row["id"]])

    async def route(self, at_once: int = 10_000) -> RoutingResult:
        """Route what waits."""
        return await route(self.services, self.account_id, at_once)

    async def outcomes(self) -> list[tuple[str, str]]:
        """What became of all transitions: outcome and why, in order."""
        found = await self.rows("SELECT outcome, why FROM transition WHERE account_id = %(account)s ORDER BY id")
        return [(row["outcome"], row["why"]) for row in found]

    async def messages(self) -> list[dict[str, Any]]:
        """All messages, with their channel's name, their cause's key and the numbers of their transitions."""
        return await self.rows(
            """
            SELECT message.*, channel.name AS channel, cause.key AS cause, subscription.name AS subscription,
                ARRAY(SELECT transition_id FROM message_item WHERE message_id = message.id ORDER BY 1) AS items
            FROM message JOIN channel ON channel.id = channel_id LEFT JOIN cause ON cause.id = cause_id
            LEFT JOIN subscription ON subscription.id = subscription_id
            WHERE message.account_id = %(account)s ORDER BY message.id
            """
        )

    async def jobs(self, task: str = "deliver") -> list[dict[str, Any]]:
        """What waits to be run of a task."""
        found = await self.rows(
            "SELECT args FROM procrastinate_jobs WHERE task_name = %(task)s AND status = 'todo' ORDER BY id", task=task
        )
        return [row["args"] for row in found]

    async def forget_jobs(self) -> None:
        """Nothing waits to be run."""
        await self.rows("DELETE FROM procrastinate_jobs WHERE status = 'todo'")


def digest_of(image: int) -> str:
    """The digest of an image by its number."""
    return f"sha256:{image:064x}"


def cause(subject: str = "CVE-2026-1", **said: Any) -> Cause:
    """A cause."""
    words: dict[str, Any] = {
        "kind": "advisory",
        "key": f"advisory:{subject}@1",
        "sentence": f"{subject} became known",
        "seen_at": START,
        "severity": "high",
    }
    return Cause(subject=subject, **{**words, **said})


def lost(image: int | None = None, reference: str = "registry.example.org/shop/web:1", **said: Any) -> Transition:
    """An image that is out of compliance."""
    words: dict[str, Any] = {
        "kind": "compliance.lost",
        "key": f"{next(_numbers)}",
        "at": START,
        "image_id": image,
        "image_digest": digest_of(image) if image is not None else "",
        "reference": reference,
        "before": "go",
        "after": "stop",
        "severity": "high",
    }
    return Transition(**{**words, **said})


@asynccontextmanager
async def place(database_url: str, folder: Path, account: str = "shop") -> AsyncIterator[Place]:
    """An account of its own."""
    settings = Settings(data=folder / f"data-{next(_numbers)}", database_url=database_url)
    settings.data.mkdir()
    services = services_for(settings, {})
    async with services.database:
        async with services.database.system() as connection:
            cursor = await connection.execute("INSERT INTO account (name) VALUES (%s) RETURNING id", (account,))
            row = await cursor.fetchone()
            assert row is not None
        found = Place(services, int(row[0]))
        services.clock = lambda: found.now
        yield found


async def transitions_of(connection: Connection, account_id: int, image_id: int) -> list[transitions.TransitionRow]:
    """The transitions of an image, the newest first."""
    async with connection.cursor(row_factory=class_row(transitions.TransitionRow)) as cursor:
        await cursor.execute(
            f"SELECT {transitions.TRANSITION} FROM transition WHERE account_id = %s AND image_id = %s ORDER BY id DESC",
            (account_id, image_id),
        )
        return await cursor.fetchall()
