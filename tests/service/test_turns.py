"""One deliverer at a time acts for a channel, whatever becomes of connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from uuid import uuid4

import psycopg
import pytest

from hullmark.server.tables.database import Database, DatabaseUnreachable
from hullmark.server.tables.notice.turns import DELIVERERS, Turns

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, most=4) as found:
        yield found


async def locks(database: Database) -> int:
    async with database.system() as connection:
        cursor = await connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = %s"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
            (DELIVERERS,),
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def test_turns_are_taken_and_given_back_one_by_one(database: Database) -> None:
    ours, theirs, one, other = Turns(database), Turns(database), uuid4(), uuid4()
    async with ours.only(one) as turn:
        assert turn is not None
        async with ours.only(one) as again:
            assert again is None
        async with theirs.only(one) as again:
            assert again is None
        async with ours.only(other) as second:
            assert second is not None
        async with theirs.only(other) as second:
            assert second is not None
        await turn()
        assert await locks(database) == 1
    assert await locks(database) == 0
    async with theirs.only(one) as turn:
        assert turn is not None


async def test_however_many_there_are_they_need_one_connection(database: Database) -> None:
    turns = Turns(database)
    async with AsyncExitStack() as all_of_them:
        for _ in range(50):
            assert await all_of_them.enter_async_context(turns.only(uuid4())) is not None
        assert await locks(database) == 50
        async with AsyncExitStack() as others:  # the other three of the pool's four
            for _ in range(3):
                await others.enter_async_context(database.system())
    assert await locks(database) == 0


async def test_who_loses_the_connection_loses_all_turns_and_may_take_them_anew(
    database: Database, database_url: str
) -> None:
    turns, one, other = Turns(database), uuid4(), uuid4()
    async with turns.only(one) as turn, turns.only(other) as second:
        assert turn is not None
        assert second is not None
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = %s",
                (DELIVERERS,),
            )
        with pytest.raises(DatabaseUnreachable):
            await turn()
        async with Turns(database).only(one) as theirs:
            assert theirs is not None
            with pytest.raises(DatabaseUnreachable):
                await turn()
        with pytest.raises(DatabaseUnreachable):
            await second()
        async with turns.only(one) as anew:
            assert anew is not None
            await anew()
    assert await locks(database) == 0


async def test_a_question_that_fails_leaves_no_lock(database: Database) -> None:
    turns = Turns(database)
    async with turns.only(uuid4()) as turn:
        assert turn is not None
        session = turns._session
        assert session is not None
        with pytest.raises(DatabaseUnreachable):
            await turns._run(session, "SELECT 1 / 0", ())
        # PostgreSQL gives the lock back once it notices that the connection was closed.
        async with asyncio.timeout(30):
            while await locks(database):
                await asyncio.sleep(0.01)


async def test_who_is_interrupted_while_giving_back_leaves_no_lock(database: Database) -> None:
    turns, one = Turns(database), uuid4()

    async def acting(may_end: asyncio.Event) -> None:
        async with turns.only(one):
            await may_end.wait()

    async with turns.only(uuid4()) as other:
        assert other is not None
        may_end = asyncio.Event()
        task = asyncio.create_task(acting(may_end))
        while await locks(database) < 2:
            await asyncio.sleep(0.01)
        async with turns._one:
            may_end.set()
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.wait((task,))
        async with turns.only(one) as again:
            assert again is not None
    assert await locks(database) == 0
    async with Turns(database).only(one) as theirs:
        assert theirs is not None


async def test_all_who_give_back_at_once_end_it_once(database: Database) -> None:
    turns = Turns(database)
    may_end = asyncio.Event()

    async def acting() -> None:
        async with turns.only(uuid4()) as turn:
            assert turn is not None
            await may_end.wait()

    for _ in range(3):
        may_end.clear()
        tasks = [asyncio.create_task(acting()) for _ in range(20)]
        while await locks(database) < 20:
            await asyncio.sleep(0.01)
        may_end.set()
        await asyncio.gather(*tasks)
        assert await locks(database) == 0
    async with AsyncExitStack() as everyone:  # all four connections are back
        for _ in range(4):
            await everyone.enter_async_context(database.system())
