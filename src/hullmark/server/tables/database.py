"""The server's database: a pool of connections, and transactions that see one account or everything.

A tenant's transaction runs as the role hullmark_tenant with `hullmark.account` set: row-level security then shows it the rows of that
account alone, even to a query that forgets to ask for them.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from hullmark.model.errors import HullmarkError

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

_AS_TENANT = "SELECT set_config('role', 'hullmark_tenant', true), set_config('hullmark.account', %s, true)"
_FRESH = 1.0
_READY = 4
_SILENT_FOR = 20
_CLIENT_NOTICES = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": _SILENT_FOR * 1000,
}
_SERVER_NOTICES = (
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=3 -c tcp_keepalives_count=3"
    f" -c tcp_user_timeout={_SILENT_FOR * 1000}"
)


class DatabaseUnreachable(HullmarkError):
    """The database does not answer, or not in time; the same may work later."""


def watchful(url: str, *, is_hasty: bool = False) -> str:
    """How to connect so that both sides notice within some seconds that the other can no longer be reached.

    Else a worker would wait for an answer for a quarter of an hour, and the server would hold the locks of one that is gone for two
    hours. What the URL itself sets stays. `is_hasty`: a commit does not wait for the disk; if the server's machine dies, its last
    moments did not happen.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise HullmarkError(
            f"the database's address cannot be used: {str(error).splitlines()[0]}",
            advice="HULLMARK_DATABASE_URL is written postgresql://USER:PASSWORD@HOST/NAME",
        ) from error
    options = f"{_SERVER_NOTICES} -c synchronous_commit=off" if is_hasty else _SERVER_NOTICES
    parameters: dict[str, Any] = {"application_name": "hullmark", **_CLIENT_NOTICES, "options": options, **given}
    return make_conninfo("", **parameters)


class _PooledConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """A connection that knows when it was last used. All are made here."""

    used = 0.0


async def _check(connection: _PooledConnection) -> None:
    """Ask a connection that has lain idle whether it still lives; one that was used just now is believed to."""
    if time.monotonic() - connection.used > _FRESH:
        await AsyncConnectionPool.check_connection(connection)


async def connect(conninfo: str) -> Connection:
    """A connection beside the pools, each of whose statements is a transaction of its own. Raises psycopg.OperationalError."""
    return await _PooledConnection.connect(conninfo, autocommit=True)


def _pool(url: str, most: int, wait: float) -> AsyncConnectionPool[_PooledConnection]:
    return AsyncConnectionPool(
        watchful(url) if url else "",
        connection_class=_PooledConnection,
        min_size=min(_READY, most),
        max_size=most,
        timeout=wait,
        open=False,
        check=_check,
        reconnect_timeout=5.0,
    )


class Database:
    """A pool of connections to a PostgreSQL. Open it with `async with`."""

    def __init__(self, url: str, *, most: int = 10, hurried: int = 0, wait: float = 10.0) -> None:
        """`most`: connections at the same time; `hurried`: more of them, for glances alone, which then never wait for lists and reports.
        `wait`: seconds that a transaction waits for one."""
        self.url = url
        self._pool = _pool(url, most, wait)
        self._hurried = _pool(url, hurried, wait) if hurried else self._pool

    async def __aenter__(self) -> Database:
        await self._pool.open()
        if self._hurried is not self._pool:
            await self._hurried.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()
        if self._hurried is not self._pool:
            await self._hurried.close()

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Connection]:
        """A transaction that sees everything. Raises DatabaseUnreachable."""
        async with self._connection(self._pool) as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def tenant(self, account_id: int) -> AsyncIterator[Connection]:
        """A transaction that sees the rows of one account. Raises DatabaseUnreachable."""
        async with self._connection(self._pool) as connection, connection.transaction():
            await connection.execute(_AS_TENANT, (str(account_id),))
            yield connection

    @asynccontextmanager
    async def glance(self, account_id: int) -> AsyncIterator[Connection]:
        """As `tenant`, for one statement that is in a hurry: what opens the transaction is sent along with it."""
        async with self._connection(self._hurried) as connection, connection.pipeline(), connection.transaction():
            await connection.execute(_AS_TENANT, (str(account_id),))
            yield connection

    @asynccontextmanager
    async def _connection(self, pool: AsyncConnectionPool[_PooledConnection]) -> AsyncIterator[Connection]:
        try:
            async with pool.connection() as connection:
                yield connection
                connection.used = time.monotonic()
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise DatabaseUnreachable(
                f"the database does not answer: {type(error).__name__}",
                advice="try again; hullmark serve's log says more",
            ) from error
