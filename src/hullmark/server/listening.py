"""Who waits for events: one connection listens for the whole process and rings those whose account something happened in."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import structlog

from hullmark.server.tables.database import connect, watchful
from hullmark.server.tables.events import CHANNEL

_log = structlog.get_logger("hullmark.events")
_PAUSE = 1.0


class Listeners:
    """The bells of those who wait, by account."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._bells: dict[int, set[asyncio.Event]] = defaultdict(set)

    @contextmanager
    def wait_for(self, account_id: int) -> Iterator[asyncio.Event]:
        """A bell that rings when something happens in an account."""
        bell = asyncio.Event()
        self._bells[account_id].add(bell)
        try:
            yield bell
        finally:
            self._bells[account_id].discard(bell)
            if not self._bells[account_id]:
                del self._bells[account_id]

    def ring_all(self) -> None:
        """Have everybody look: something may have been missed."""
        for bells in self._bells.values():
            for bell in bells:
                bell.set()

    async def run(self) -> None:
        """Listen until cancelled. A connection that is lost is made again, and then everybody looks."""
        while True:
            try:
                async with await connect(watchful(self._url)) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    self.ring_all()
                    async for notice in connection.notifies():
                        account, _, _ = notice.payload.partition(":")
                        for bell in self._bells.get(int(account), ()):
                            bell.set()
            except (psycopg.OperationalError, OSError) as error:
                _log.warning("listening ended", error=str(error))
            await asyncio.sleep(_PAUSE)
