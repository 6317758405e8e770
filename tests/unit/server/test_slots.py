"""Slots are held by so many at the same time, and come back however their holder ends."""

from __future__ import annotations

from contextlib import AsyncExitStack

import psycopg
import pytest

from hullmark.server.tables.database import Database
from hullmark.server.tables.slots import slot

pytestmark = pytest.mark.anyio


async def test_no_more_than_so_many_and_each_name_for_itself(database_url: str) -> None:
    async with Database(database_url) as database, AsyncExitStack() as stack:
        got = [await stack.enter_async_context(slot(database, "a.example", 2)) for _ in range(3)]
        assert got == [True, True, False]
        assert await stack.enter_async_context(slot(database, "b.example", 1))


async def test_a_slot_comes_back_at_the_end_and_with_its_holder(database_url: str) -> None:
    async with Database(database_url) as database:
        async with slot(database, "a.example", 1) as first:
            assert first
        async with slot(database, "a.example", 1) as again, slot(database, "a.example", 1) as taken:
            assert (again, taken) == (True, False)
            with psycopg.connect(database_url, autocommit=True) as other:
                other.execute(
                    "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity WHERE application_name = 'hullmark slot'"
                    " AND pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')"
                )
            async with slot(database, "a.example", 1) as after:
                assert after
