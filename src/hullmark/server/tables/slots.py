"""Slots: how many of all processes do a thing at the same time. A process that dies frees its slot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import psycopg
from psycopg.conninfo import make_conninfo

from hullmark.server.tables.database import Connection, Database, DatabaseUnreachable, connect, watchful

_ANY = "SELECT slot FROM generate_series(1, %s) AS slot WHERE pg_try_advisory_lock(hashtext(%s), slot) LIMIT 1"


@asynccontextmanager
async def slot(database: Database, name: str, count: int) -> AsyncIterator[bool]:
    """Hold one of the `count` slots of a name while the block lasts; False if all are taken. It never waits.

    Raises DatabaseUnreachable.
    """
    connection = await _connect(database)
    try:
        yield await _take_slot(connection, name, count)
    finally:
        # The database hears of the end of a connection later: said aloud, the slot is free for who asks next. A connection that was lost
        # meanwhile is not a fault of the work in the slot.
        with suppress(psycopg.OperationalError):
            await connection.execute("SELECT pg_advisory_unlock_all()")
        await connection.close()


async def _connect(database: Database) -> Connection:
    where = make_conninfo(watchful(database.url), application_name="hullmark slot", connect_timeout=5)
    try:
        return await connect(where)
    except psycopg.OperationalError as error:
        raise _unreachable(error) from error


async def _take_slot(connection: Connection, name: str, count: int) -> bool:
    try:
        return await (await connection.execute(_ANY, (count, name))).fetchone() is not None
    except psycopg.OperationalError as error:
        raise _unreachable(error) from error


def _unreachable(error: psycopg.OperationalError) -> DatabaseUnreachable:
    return DatabaseUnreachable(
        f"the database gives no connection: {type(error).__name__}", advice="see whether it runs, and allows enough"
    )
