"""Tasks are ended, whatever they do when they are told to."""

from __future__ import annotations

import asyncio

import pytest

from hullmark.server.tasks import end_task

pytestmark = pytest.mark.anyio


async def test_a_task_that_loses_its_first_cancellation_is_cancelled_again() -> None:
    """As a query does that waits for the pool: its connection comes in the same moment."""
    lost = 0

    async def beat() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                lost += 1
                if lost > 2:
                    raise

    beating = asyncio.create_task(beat())
    await asyncio.sleep(0)
    await end_task(beating, patience=0.01)
    assert (beating.cancelled(), lost) == (True, 3)


async def test_a_task_that_has_ended_is_let_be_and_what_it_raised_is_raised() -> None:
    async def work(error: Exception | None) -> None:
        if error is not None:
            raise error

    done, failed = asyncio.create_task(work(None)), asyncio.create_task(work(ValueError("a fault")))
    await asyncio.wait((done, failed))
    await end_task(done)
    with pytest.raises(ValueError, match="a fault"):
        await end_task(failed)
