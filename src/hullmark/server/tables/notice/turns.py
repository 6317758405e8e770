"""Who acts for a channel: one deliverer at a time, of all processes.

A process holds the locks of all the channels that it acts for on one connection, in a transaction that lasts as long as it acts for any:
a receiver that hangs costs no connection, a pooler in between keeps the transaction in one place, and the database ends the locks when
the process dies. The locks are the session's, so that each can be given back by itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any
from uuid import UUID

import psycopg

from hullmark.server.tables.database import Connection, Database, DatabaseUnreachable

DELIVERERS = 0x484D44
"""The class of the locks."""


class _Session:
    """A connection that holds locks, and the channels that they are of."""

    def __init__(self, connection: Connection, leave: AsyncExitStack) -> None:
        self.connection = connection
        self.leave = leave
        self.held: set[UUID] = set()
        self.is_over = False


class Turns:
    """The channels that this process acts for."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._one = asyncio.Lock()
        self._session: _Session | None = None

    @asynccontextmanager
    async def only(self, channel_id: UUID) -> AsyncIterator[Callable[[], Awaitable[None]] | None]:
        """Act for a channel; None if somebody else does. What is given is to be awaited before each act: it raises DatabaseUnreachable if
        the turn is lost, as somebody else may act by now."""
        session = await self._take(channel_id)
        if session is None:
            yield None
            return

        async def still() -> None:
            await self._query(session, "SELECT 1", ())

        try:
            yield still
        finally:
            await self._give_back(session, channel_id)

    async def _take(self, channel_id: UUID) -> _Session | None:
        async with self._one:
            session = self._session or await self._begin_session()
            if channel_id in session.held:
                return None
            lock = (DELIVERERS, str(channel_id))
            is_ours = await self._run(session, "SELECT pg_try_advisory_lock(%s, hashtext(%s))", lock)
            if is_ours:
                session.held.add(channel_id)
                return session
            await self._end_if_idle(session)
            return None

    async def _give_back(self, session: _Session, channel_id: UUID) -> None:
        # First of all, as the rest may be interrupted: the last one who gives back ends all locks that are left.
        session.held.discard(channel_id)
        async with self._one:
            if session.is_over:
                return
            if session.held:
                await self._run(session, "SELECT pg_advisory_unlock(%s, hashtext(%s))", (DELIVERERS, str(channel_id)))
            await self._end_if_idle(session)

    async def _query(self, session: _Session, question: str, values: tuple[Any, ...]) -> Any:
        async with self._one:
            return await self._run(session, question, values)

    async def _begin_session(self) -> _Session:
        async with AsyncExitStack() as leave:
            connection = await leave.enter_async_context(self._database.system())
            self._session = _Session(connection, leave.pop_all())
        return self._session

    async def _run(self, session: _Session, question: str, values: tuple[Any, ...]) -> Any:
        """The one value of a query's answer. If anything goes wrong, all turns of the session are lost."""
        if session.is_over:
            raise DatabaseUnreachable("the database was away for a moment", advice="it is tried again")
        is_answered = False
        try:
            row = await (await session.connection.execute(question, values)).fetchone()
            is_answered = True
        except psycopg.Error as error:
            raise DatabaseUnreachable(
                f"the database does not answer: {type(error).__name__}", advice="it is tried again"
            ) from error
        finally:
            if not is_answered:
                await self._lose(session)
        return row[0] if row else None

    async def _end_if_idle(self, session: _Session) -> None:
        if not session.held and not session.is_over:
            await self._run(session, "SELECT pg_advisory_unlock_all()", ())
            session.is_over = True
            self._session = None
            await session.leave.aclose()

    async def _lose(self, session: _Session) -> None:
        """Close the connection, and so the locks, whatever state it is in."""
        session.is_over = True
        self._session = None
        await session.connection.close()
        with suppress(DatabaseUnreachable, psycopg.Error):  # its transaction can no longer be ended
            await session.leave.aclose()
