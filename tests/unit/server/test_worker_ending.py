"""A worker that is no longer known begins again, and one that is told to stop ends, whatever its work does when it is cancelled."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hullmark.server.process.worker import run

pytestmark = pytest.mark.anyio


class Stubborn:
    """Work that loses its first cancellations."""

    def __init__(self, losing: int, *, is_lost: bool) -> None:
        self.losing = losing
        self.is_lost = is_lost
        self.cancelled = 0

    async def working(self, _work: Any, lost: asyncio.Event) -> None:
        """In place of the worker's lanes."""
        if self.is_lost:
            lost.set()
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                self.cancelled += 1
                if self.cancelled > self.losing:
                    raise


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "_GRACE", 0.01)
    monkeypatch.setattr(run, "_HANDING_BACK", 0.0)


async def test_work_of_a_worker_that_is_lost_is_cancelled_until_it_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = Stubborn(2, is_lost=True)
    monkeypatch.setattr(run, "_working", stubborn.working)
    async with asyncio.timeout(30):
        await run._work_until(asyncio.Event(), None)  # type: ignore[arg-type]
    assert stubborn.cancelled == 3


async def test_a_worker_that_is_told_to_stop_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = Stubborn(1, is_lost=False)
    monkeypatch.setattr(run, "_working", stubborn.working)
    stopping = asyncio.Event()
    stopping.set()
    async with asyncio.timeout(30):
        await run._work_until(stopping, None)  # type: ignore[arg-type]
    assert stubborn.cancelled == 1
