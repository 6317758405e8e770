"""Sessions of people who use the console in a browser. They are not of an account: whoever belongs to several has one for all."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hullmark.server.tables.database import Connection

MOST_OF_OWNER = 50
"""Sessions of one person; the oldest ends when there is one more."""


class NewSession(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes a session. `identity` is what an identity provider said, None where a password did."""

    digest: bytes
    owner: str
    person_id: int | None
    identity: Any
    mark: str
    now: datetime
    ends_at: datetime
    address: str
    agent: str


class SessionRow(msgspec.Struct, frozen=True, kw_only=True):
    """A session. `seen_at` is up to a minute behind."""

    id: int
    owner: str
    person_id: int | None
    identity: Any
    mark: str
    created_at: datetime
    seen_at: datetime
    ends_at: datetime
    address: str
    agent: str


_COLUMNS = "id, owner, person_id, identity, mark, created_at, seen_at, ends_at, address, agent"


async def add_session(connection: Connection, wanted: NewSession) -> None:
    """Keep a new session; those that are too many of the same owner end."""
    await connection.execute(
        """
        INSERT INTO browser_session (digest, owner, person_id, identity, mark, created_at, seen_at, ends_at, address, agent)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            wanted.digest,
            wanted.owner,
            wanted.person_id,
            None if wanted.identity is None else Jsonb(wanted.identity),
            wanted.mark,
            wanted.now,
            wanted.now,
            wanted.ends_at,
            wanted.address[:100],
            wanted.agent[:300],
        ),
    )
    await connection.execute(
        "DELETE FROM browser_session WHERE id IN"
        " (SELECT id FROM browser_session WHERE owner = %s ORDER BY created_at DESC, id DESC OFFSET %s)",
        (wanted.owner, MOST_OF_OWNER),
    )


async def session_by_digest(connection: Connection, digest: bytes) -> SessionRow | None:
    """The session whose cookie has this digest."""
    async with connection.cursor(row_factory=class_row(SessionRow)) as cursor:
        await cursor.execute(f"SELECT {_COLUMNS} FROM browser_session WHERE digest = %s", (digest,))
        return await cursor.fetchone()


async def sessions_of(connection: Connection, owner: str, idle_since: datetime, now: datetime) -> list[SessionRow]:
    """The sessions of an owner that have not ended, the last used first; at most MOST_OF_OWNER."""
    async with connection.cursor(row_factory=class_row(SessionRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM browser_session WHERE owner = %s AND seen_at > %s AND ends_at > %s"
            " ORDER BY seen_at DESC, id DESC LIMIT %s",
            (owner, idle_since, now, MOST_OF_OWNER),
        )
        return await cursor.fetchall()


async def note_seen(connection: Connection, number: int, now: datetime) -> None:
    """A session was used."""
    await connection.execute(
        "UPDATE browser_session SET seen_at = %s WHERE id = %s AND seen_at < %s", (now, number, now)
    )


async def end_session(connection: Connection, digest: bytes) -> bool:
    """End the session whose cookie has this digest; whether there was one."""
    return (await connection.execute("DELETE FROM browser_session WHERE digest = %s", (digest,))).rowcount == 1


async def end_session_of(connection: Connection, owner: str, number: int) -> bool:
    """End a session by its number, if it is this owner's; whether it was."""
    cursor = await connection.execute("DELETE FROM browser_session WHERE id = %s AND owner = %s", (number, owner))
    return cursor.rowcount == 1


async def end_other_sessions(connection: Connection, owner: str, digest: bytes) -> int:
    """End all sessions of an owner but the one of this digest; returns how many."""
    cursor = await connection.execute("DELETE FROM browser_session WHERE owner = %s AND digest <> %s", (owner, digest))
    return cursor.rowcount


async def forget_ended_sessions(connection: Connection, idle_since: datetime, now: datetime) -> int:
    """Forget what has ended; returns how many there were."""
    cursor = await connection.execute(
        "DELETE FROM browser_session WHERE seen_at <= %s OR ends_at <= %s", (idle_since, now)
    )
    return cursor.rowcount
