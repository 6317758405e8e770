"""The server's database: a pool of connections, and transactions that see one account or everything.

A tenant's transaction runs as the role hullmark_tenant with `hullmark.account` set: row-level security then shows it the rows of that
account alone, even to a query that forgets to ask for them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from hullmark.model.errors import HullmarkError

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

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


def watchful(url: str) -> str:
    """How to connect so that both sides notice within some seconds that the other can no longer be reached.

    Else a worker would wait for an answer for a quarter of an hour, and the server would hold the locks of one that is gone for two
    hours. What the URL itself sets stays.
    """
    try:
        given = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise HullmarkError(
            f"the database's address cannot be used: {str(error).splitlines()[0]}",
            advice="HULLMARK_DATABASE_URL is written postgresql://USER:PASSWORD@HOST/NAME",
        ) from error
    told: dict[str, Any] = {"application_name": "hullmark", **_CLIENT_NOTICES, "options": _SERVER_NOTICES, **given}
    return make_conninfo("", **told)


class Database:
    """A pool of connections to a PostgreSQL. Open it with `async with`."""

    def __init__(self, url: str, *, most: int = 10, wait: float = 10.0) -> None:
        """`most`: connections at the same time; `wait`: seconds that a transaction waits for one."""
        self.url = url
        self._pool = AsyncConnectionPool(
            watchful(url) if url else "",
            min_size=1,
            max_size=most,
            timeout=wait,
            open=False,
            check=AsyncConnectionPool.check_connection,
            reconnect_timeout=5.0,
        )

    async def __aenter__(self) -> Database:
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def system(self) -> AsyncIterator[Connection]:
        """A transaction that sees everything. Raises DatabaseUnreachable."""
        async with self._connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def tenant(self, account_id: int) -> AsyncIterator[Connection]:
        """A transaction that sees the rows of one account. Raises DatabaseUnreachable."""
        async with self._connection() as connection, connection.transaction():
            await connection.execute(
                "SELECT set_config('role', 'hullmark_tenant', true), set_config('hullmark.account', %s, true)",
                (str(account_id),),
            )
            yield connection

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise DatabaseUnreachable(
                f"the database does not answer: {type(error).__name__}",
                advice="try again; hullmark serve's log says more",
            ) from error
