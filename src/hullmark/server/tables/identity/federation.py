"""Federated credentials of accounts: which tokens of other issuers are exchanged for ours."""

from __future__ import annotations

from datetime import datetime

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hullmark.server.tables.database import Connection
from hullmark.server.tables.identity.accounts import AccountState, Role


class FederatedCredential(msgspec.Struct, frozen=True, kw_only=True):
    """Whoever has a token of `issuer` for `audience`, whose claims fit all `conditions`, has `role` in the account."""

    id: int
    account_id: int
    account: str
    account_state: AccountState
    name: str
    issuer: str
    audience: str
    conditions: dict[str, str]
    role: Role
    created_at: datetime
    last_used_at: datetime | None


class NewFederatedCredential(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes a federated credential."""

    account_id: int
    name: str
    issuer: str
    audience: str
    conditions: dict[str, str]
    role: Role


_SELECT = """
SELECT own.id, own.account_id, account.name AS account, account.state AS account_state, own.name, own.issuer, own.audience,
    own.conditions, own.role, own.created_at, own.last_used_at
FROM federated_credential own JOIN account ON account.id = own.account_id
"""


async def list_credentials(
    connection: Connection, account_id: int, after: str, limit: int
) -> list[FederatedCredential]:
    """An account's credentials after a name, by name."""
    async with connection.cursor(row_factory=class_row(FederatedCredential)) as cursor:
        await cursor.execute(
            f"{_SELECT} WHERE own.account_id = %s AND own.name > %s ORDER BY own.name LIMIT %s",
            (account_id, after, limit),
        )
        return await cursor.fetchall()


async def credentials_of_issuer(connection: Connection, account: str, issuer: str) -> list[FederatedCredential]:
    """The credentials of an account, by its name, for an issuer, in the order in which they were made."""
    async with connection.cursor(row_factory=class_row(FederatedCredential)) as cursor:
        await cursor.execute(
            f"{_SELECT} WHERE account.name = %s AND own.issuer = %s ORDER BY own.id", (account, issuer)
        )
        return await cursor.fetchall()


async def credential_by_id(connection: Connection, number: int) -> FederatedCredential | None:
    """The credential of this number."""
    async with connection.cursor(row_factory=class_row(FederatedCredential)) as cursor:
        await cursor.execute(f"{_SELECT} WHERE own.id = %s", (number,))
        return await cursor.fetchone()


async def credential_by_name(connection: Connection, account_id: int, name: str) -> FederatedCredential | None:
    """The credential of this name."""
    async with connection.cursor(row_factory=class_row(FederatedCredential)) as cursor:
        await cursor.execute(f"{_SELECT} WHERE own.account_id = %s AND own.name = %s", (account_id, name))
        return await cursor.fetchone()


async def add_credential(connection: Connection, wanted: NewFederatedCredential) -> bool:
    """Keep a new one; whether its name was free."""
    cursor = await connection.execute(
        "INSERT INTO federated_credential (account_id, name, issuer, audience, conditions, role) VALUES (%s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (account_id, name) DO NOTHING",
        (wanted.account_id, wanted.name, wanted.issuer, wanted.audience, Jsonb(wanted.conditions), wanted.role),
    )
    return cursor.rowcount == 1


async def remove_credential(connection: Connection, account_id: int, name: str) -> None:
    """Forget one; tokens that were given for it are worth nothing from then on."""
    await connection.execute("DELETE FROM federated_credential WHERE account_id = %s AND name = %s", (account_id, name))


async def note_use(connection: Connection, number: int, now: datetime) -> None:
    """Write down that a token was given."""
    await connection.execute("UPDATE federated_credential SET last_used_at = %s WHERE id = %s", (now, number))
