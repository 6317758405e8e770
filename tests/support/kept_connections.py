"""Connections of servers in tests that are used again by the next one on the same database, as a pooler before PostgreSQL would do.

What a connection is opened for costs as much as most tests: PostgreSQL starts a process for it, which reads the catalogs and plans each
question anew. Between two uses a connection forgets all that was set, locked and listened to in it, but not the plans.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Self, cast

from psycopg import pq
from psycopg.conninfo import conninfo_to_dict

from hullmark.server.tables import database

_FORGET = b"CLOSE ALL; RESET SESSION AUTHORIZATION; RESET ALL; UNLISTEN *; SELECT pg_advisory_unlock_all(); DISCARD SEQUENCES; DISCARD TEMP"
_Place = tuple[str, str]
_idle: dict[_Place, list[KeptConnection]] = {}
"""By where they lead to: those places alone whose connections are kept."""


class KeptConnection(database._PooledConnection):
    """A connection of a pool, that is not closed but kept for who connects alike."""

    opened_with = ""

    @classmethod
    async def connect(cls, conninfo: str = "", **more: Any) -> Self:
        """One that is kept, or else a new one."""
        words = repr((conninfo, sorted(more.items())))
        idle = _idle.get(_place(conninfo), [])
        for found in [each for each in idle if each.opened_with == words]:
            idle.remove(found)
            if found.pgconn.exec_(b"").status == pq.ExecStatus.EMPTY_QUERY:
                return cast("Self", found)
            await super(KeptConnection, found).close()
        made = await super().connect(conninfo, **more)
        made.opened_with = words
        return made

    async def close(self) -> None:
        """Close it, or keep it."""
        idle = None if self.closed else _idle.get((self.info.host, self.info.dbname))
        if idle is not None and self._forgets():
            idle.append(self)
        else:
            await super().close()

    def _forgets(self) -> bool:
        if self.pgconn.transaction_status != pq.TransactionStatus.IDLE or self.lock.locked():
            return False
        if self.pgconn.exec_(_FORGET).status != pq.ExecStatus.COMMAND_OK:
            return False
        while self.pgconn.notifies():
            pass
        self.lock, self.used, self._notifies_backlog = asyncio.Lock(), 0.0, deque()
        return True


def keep(url: str) -> None:
    """Have connections to a database be kept from now on."""
    _idle[_place(url)] = []


def kept(url: str) -> list[int]:
    """The backends of the connections that are kept."""
    return [each.info.backend_pid for each in _idle[_place(url)]]


def forget(url: str) -> None:
    """Keep none any more."""
    for each in _idle.pop(_place(url)):
        each._closed = True
        each.pgconn.finish()


def _place(conninfo: str) -> _Place:
    said = conninfo_to_dict(conninfo)
    return str(said["host"]), str(said["dbname"])


database._PooledConnection = KeptConnection  # type: ignore[misc]
