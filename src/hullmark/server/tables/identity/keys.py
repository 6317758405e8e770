"""API keys: only a digest of each is kept."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection
from hullmark.server.tables.identity.accounts import AccountState, PersonState, Role

OPERATOR_SCOPES = frozenset(("metrics:read", "system:write"))
"""Permissions about the whole installation: only operators have them, and keys that they made with these scopes."""


class KeyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A key as its account sees it. `scopes` are the permissions that it is narrowed to, none for all of its role.

    With a `person_id`, the key acts for that person and may no more than it.
    """

    id: int
    account_id: int
    person_id: int | None
    name: str
    prefix: str
    role: Role
    scopes: list[str]
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class KeyHolder(msgspec.Struct, frozen=True, kw_only=True):
    """All that decides what a key may: its account's and its person's state too."""

    id: int
    name: str
    digest: bytes
    role: Role
    scopes: list[str]
    expires_at: datetime | None
    revoked_at: datetime | None
    account_id: int
    account: str
    account_state: AccountState
    person_id: int | None
    person_state: PersonState | None
    is_operator: bool
    member_role: Role | None


class NewKey(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes a key."""

    account_id: int
    person_id: int | None
    name: str
    prefix: str
    digest: bytes
    role: Role
    scopes: list[str]
    expires_at: datetime | None


_COLUMNS = "id, account_id, person_id, name, prefix, role, scopes, expires_at, last_used_at, revoked_at, created_at"
_HOLDER = """
SELECT api_key.id, api_key.name, api_key.digest, api_key.role, api_key.scopes, api_key.expires_at, api_key.revoked_at,
    account.id AS account_id, account.name AS account, account.state AS account_state, api_key.person_id,
    person.state AS person_state, coalesce(person.is_operator, false) AS is_operator, membership.role AS member_role
FROM api_key JOIN account ON account.id = api_key.account_id LEFT JOIN person ON person.id = api_key.person_id
LEFT JOIN membership ON membership.person_id = api_key.person_id AND membership.account_id = api_key.account_id
"""


async def key_holder_by_digest(connection: Connection, digest: bytes) -> KeyHolder | None:
    """Whose key has this digest, SHA-256."""
    async with connection.cursor(row_factory=class_row(KeyHolder)) as cursor:
        await cursor.execute(f"{_HOLDER} WHERE api_key.digest = %s", (digest,))
        return await cursor.fetchone()


async def key_holder_by_id(connection: Connection, key_id: int) -> KeyHolder | None:
    """Whose key has this number."""
    async with connection.cursor(row_factory=class_row(KeyHolder)) as cursor:
        await cursor.execute(f"{_HOLDER} WHERE api_key.id = %s", (key_id,))
        return await cursor.fetchone()


async def note_use(connection: Connection, key_id: int, now: datetime) -> None:
    """Write down that a key was used, once a minute at most; where another process writes that just now, it will do."""
    await connection.execute(
        """
        UPDATE api_key SET last_used_at = %(now)s WHERE id = (
            SELECT id FROM api_key WHERE id = %(id)s
                AND (last_used_at IS NULL OR last_used_at < %(now)s::timestamptz - interval '1 minute')
            FOR UPDATE SKIP LOCKED)
        """,
        {"now": now, "id": key_id},
    )


async def list_keys(
    connection: Connection, account_id: int, *, after: str, limit: int, with_revoked: bool = False
) -> list[KeyRow]:
    """An account's keys after a name, in the order of their names."""
    async with connection.cursor(row_factory=class_row(KeyRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM api_key WHERE account_id = %s AND name > %s AND (%s OR revoked_at IS NULL)"
            " ORDER BY name LIMIT %s",
            (account_id, after, with_revoked, limit),
        )
        return await cursor.fetchall()


async def key_by_name(connection: Connection, account_id: int, name: str) -> KeyRow | None:
    """The key of this name, if it is not revoked; nobody else changes it until the transaction ends."""
    async with connection.cursor(row_factory=class_row(KeyRow)) as cursor:
        await cursor.execute(
            f"SELECT {_COLUMNS} FROM api_key WHERE account_id = %s AND name = %s AND revoked_at IS NULL FOR UPDATE",
            (account_id, name),
        )
        return await cursor.fetchone()


async def add_key(connection: Connection, key: NewKey) -> KeyRow | None:
    """A new key; None if the name is taken. A revoked key gives its name up."""
    await connection.execute(
        "DELETE FROM api_key WHERE account_id = %s AND name = %s AND revoked_at IS NOT NULL", (key.account_id, key.name)
    )
    async with connection.cursor(row_factory=class_row(KeyRow)) as cursor:
        await cursor.execute(
            "INSERT INTO api_key (account_id, person_id, name, prefix, digest, role, scopes, expires_at)"
            f" VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (account_id, name) DO NOTHING RETURNING {_COLUMNS}",
            msgspec.structs.astuple(key),
        )
        return await cursor.fetchone()


async def replace_secret(connection: Connection, key_id: int, prefix: str, digest: bytes) -> None:
    """Another secret for a key; the old one is worth nothing from then on."""
    await connection.execute(
        "UPDATE api_key SET prefix = %s, digest = %s, last_used_at = NULL WHERE id = %s", (prefix, digest, key_id)
    )


async def revoke_key(connection: Connection, key_id: int, now: datetime) -> None:
    """A key is worth nothing from now on."""
    await connection.execute("UPDATE api_key SET revoked_at = %s WHERE id = %s AND revoked_at IS NULL", (now, key_id))


async def revoke_keys_of(connection: Connection, account_id: int, person_id: int, now: datetime) -> list[str]:
    """Revoke what acts for a person in an account; returns the names of the keys."""
    cursor = await connection.execute(
        "UPDATE api_key SET revoked_at = %s WHERE account_id = %s AND person_id = %s AND revoked_at IS NULL RETURNING name",
        (now, account_id, person_id),
    )
    return sorted(name for (name,) in await cursor.fetchall())


async def names_of_persons(connection: Connection, person_ids: list[int]) -> dict[int, str]:
    """The names of persons, by their numbers."""
    cursor = await connection.execute("SELECT id, name FROM person WHERE id = ANY(%s)", (person_ids,))
    return {int(number): str(name) for number, name in await cursor.fetchall()}


def is_of_operator(scopes: Collection[str]) -> bool:
    """Whether a key of these scopes is an operator's."""
    return not OPERATOR_SCOPES.isdisjoint(scopes)
