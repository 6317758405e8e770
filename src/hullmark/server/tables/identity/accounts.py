"""Accounts (tenants), persons, and who belongs to which account in which role."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from psycopg.rows import class_row

from hullmark.server.tables.database import Connection

Role = Literal["admin", "editor", "analyst", "viewer", "auditor", "ci", "agent", "gate"]
AccountState = Literal["enabled", "disabled", "deleting"]
PersonState = Literal["enabled", "disabled"]

_OPERATORS_LOCK = 7_310_579_303
"""Key of the advisory lock under which operators come and go, so that the last one stays."""


class AccountRow(msgspec.Struct, frozen=True, kw_only=True):
    """A tenant."""

    id: int
    name: str
    email: str
    state: AccountState
    created_at: datetime


class PersonRow(msgspec.Struct, frozen=True, kw_only=True):
    """A person. `subject` is who an identity provider says it is; `password_hash` is "" where no password will do."""

    id: int
    name: str
    subject: str | None
    password_hash: str
    state: PersonState
    is_operator: bool
    locked_until: datetime | None
    created_at: datetime


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """That somebody belongs to an account."""

    account_id: int
    account: str
    state: AccountState
    role: Role


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A person as an account sees it; `accounts` is to how many accounts it belongs."""

    id: int
    name: str
    subject: str | None
    state: PersonState
    role: Role
    is_operator: bool
    locked_until: datetime | None
    accounts: int
    created_at: datetime


class NewPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Who becomes a person."""

    name: str
    password_hash: str = ""
    subject: str | None = None
    is_operator: bool = False


class PersonChange(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes different of a person; None stays."""

    password_hash: str | None = None
    state: PersonState | None = None
    is_operator: bool | None = None


class Lock(msgspec.Struct, frozen=True, kw_only=True):
    """When failures lock a person, for the network that they came from: after `free` of them for `first` seconds, each further one twice as
    long, at most `longest`."""

    free: int = 10
    first: float = 15.0
    longest: float = 3600.0


_ACCOUNT = "SELECT id, name, email, state, created_at FROM account"
_LOCKED = "(SELECT max(lock.locked_until) FROM failed_sign_in lock WHERE lock.person_id = person.id) AS locked_until"
_PERSON_COLUMNS = f"id, name, subject, password_hash, state, is_operator, {_LOCKED}, created_at"
_PERSON = f"SELECT {_PERSON_COLUMNS} FROM person"
_MEMBER = f"""
SELECT person.id, person.name, person.subject, person.state, membership.role, person.is_operator, {_LOCKED},
    (SELECT count(*) FROM membership other WHERE other.person_id = person.id) AS accounts, membership.created_at
FROM membership JOIN person ON person.id = membership.person_id
"""


async def account_by_name(connection: Connection, name: str, *, lock: bool = False) -> AccountRow | None:
    """The account of this name; with `lock`, nobody else changes it or its members until the transaction ends."""
    async with connection.cursor(row_factory=class_row(AccountRow)) as cursor:
        await cursor.execute(f"{_ACCOUNT} WHERE name = %s {'FOR UPDATE' if lock else ''}", (name,))
        return await cursor.fetchone()


async def accounts_by_names(connection: Connection, names: list[str]) -> list[AccountRow]:
    """Those of the named accounts that exist."""
    async with connection.cursor(row_factory=class_row(AccountRow)) as cursor:
        await cursor.execute(f"{_ACCOUNT} WHERE name = ANY(%s)", (names,))
        return await cursor.fetchall()


async def list_accounts(
    connection: Connection, *, after: str, limit: int, names: list[str] | None = None
) -> list[AccountRow]:
    """Accounts after a name, in the order of their names; only those of `names`, if given."""
    async with connection.cursor(row_factory=class_row(AccountRow)) as cursor:
        await cursor.execute(
            f"{_ACCOUNT} WHERE name > %s AND (%s::text[] IS NULL OR name = ANY(%s)) ORDER BY name LIMIT %s",
            (after, names, names, limit),
        )
        return await cursor.fetchall()


async def add_account(connection: Connection, name: str, email: str) -> AccountRow | None:
    """A new account; None if the name is taken."""
    async with connection.cursor(row_factory=class_row(AccountRow)) as cursor:
        await cursor.execute(
            "INSERT INTO account (name, email) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING"
            " RETURNING id, name, email, state, created_at",
            (name, email),
        )
        return await cursor.fetchone()


async def change_account(
    connection: Connection, account_id: int, *, email: str | None = None, state: AccountState | None = None
) -> None:
    """Change what is not None."""
    await connection.execute(
        "UPDATE account SET email = coalesce(%s, email), state = coalesce(%s, state) WHERE id = %s",
        (email, state, account_id),
    )


async def person_by_name(connection: Connection, name: str) -> PersonRow | None:
    """The person of this name."""
    return await _person(connection, "name = %s", name)


async def person_by_id(connection: Connection, person_id: int) -> PersonRow | None:
    """The person of this number."""
    return await _person(connection, "id = %s", person_id)


async def person_by_subject(connection: Connection, subject: str) -> PersonRow | None:
    """The person that an identity provider calls so."""
    return await _person(connection, "subject = %s", subject)


async def _person(connection: Connection, condition: str, value: Any) -> PersonRow | None:
    async with connection.cursor(row_factory=class_row(PersonRow)) as cursor:
        await cursor.execute(f"{_PERSON} WHERE {condition}", (value,))
        return await cursor.fetchone()


async def add_person(connection: Connection, person: NewPerson) -> PersonRow | None:
    """A new person; None if the name or the subject is taken."""
    async with connection.cursor(row_factory=class_row(PersonRow)) as cursor:
        await cursor.execute(
            "INSERT INTO person (name, password_hash, subject, is_operator) VALUES (%s, %s, %s, %s) ON CONFLICT DO NOTHING"
            f" RETURNING {_PERSON_COLUMNS}",
            (person.name, person.password_hash, person.subject, person.is_operator),
        )
        return await cursor.fetchone()


async def change_person(connection: Connection, person_id: int, change: PersonChange) -> None:
    """Change what is not None. A new password ends all locks."""
    await connection.execute(
        """
        UPDATE person SET password_hash = coalesce(%(hash)s, password_hash), state = coalesce(%(state)s, state),
            is_operator = coalesce(%(operator)s, is_operator)
        WHERE id = %(id)s
        """,
        {"hash": change.password_hash, "state": change.state, "operator": change.is_operator, "id": person_id},
    )
    if change.password_hash is not None:
        await connection.execute("DELETE FROM failed_sign_in WHERE person_id = %s", (person_id,))


async def delete_person(connection: Connection, person_id: int) -> None:
    """Forget a person, its memberships and its keys."""
    await connection.execute("DELETE FROM person WHERE id = %s", (person_id,))


async def memberships_of(connection: Connection, person_id: int) -> tuple[Membership, ...]:
    """To which accounts a person belongs, the first joined first."""
    async with connection.cursor(row_factory=class_row(Membership)) as cursor:
        await cursor.execute(
            """
            SELECT account.id AS account_id, account.name AS account, account.state, membership.role
            FROM membership JOIN account ON account.id = membership.account_id
            WHERE membership.person_id = %s ORDER BY membership.created_at, account.id
            """,
            (person_id,),
        )
        return tuple(await cursor.fetchall())


async def members_of(connection: Connection, account_id: int, *, after: str, limit: int) -> list[Member]:
    """An account's persons after a name, in the order of their names."""
    async with connection.cursor(row_factory=class_row(Member)) as cursor:
        await cursor.execute(
            f"{_MEMBER} WHERE membership.account_id = %s AND person.name > %s ORDER BY person.name LIMIT %s",
            (account_id, after, limit),
        )
        return await cursor.fetchall()


async def member_by_name(connection: Connection, account_id: int, name: str) -> Member | None:
    """The person of this name, if it belongs to the account."""
    async with connection.cursor(row_factory=class_row(Member)) as cursor:
        await cursor.execute(f"{_MEMBER} WHERE membership.account_id = %s AND person.name = %s", (account_id, name))
        return await cursor.fetchone()


async def add_membership(connection: Connection, account_id: int, person_id: int, role: Role) -> bool:
    """Let a person belong to an account; False if it does already."""
    cursor = await connection.execute(
        "INSERT INTO membership (account_id, person_id, role) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        (account_id, person_id, role),
    )
    return cursor.rowcount == 1


async def change_role(connection: Connection, account_id: int, person_id: int, role: Role) -> None:
    """Give a member another role."""
    await connection.execute(
        "UPDATE membership SET role = %s WHERE account_id = %s AND person_id = %s", (role, account_id, person_id)
    )


async def remove_membership(connection: Connection, account_id: int, person_id: int) -> None:
    """Let a person no longer belong to an account."""
    await connection.execute("DELETE FROM membership WHERE account_id = %s AND person_id = %s", (account_id, person_id))


async def lock_accounts_of(connection: Connection, person_id: int) -> None:
    """Until the transaction ends, nobody else changes the members of the accounts that a person belongs to."""
    await connection.execute(
        "SELECT FROM account WHERE id IN (SELECT account_id FROM membership WHERE person_id = %s) ORDER BY id FOR UPDATE",
        (person_id,),
    )


async def lock_operators(connection: Connection) -> None:
    """Until the transaction ends, nobody else makes or unmakes operators."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_OPERATORS_LOCK,))


async def accounts_without_admin(connection: Connection, person_id: int) -> list[str]:
    """Names of the accounts where this person is admin and no other person that is enabled is."""
    cursor = await connection.execute(
        """
        SELECT account.name FROM membership JOIN account ON account.id = membership.account_id
        WHERE membership.person_id = %s AND membership.role = 'admin' AND NOT EXISTS (
            SELECT FROM membership other JOIN person ON person.id = other.person_id
            WHERE other.account_id = account.id AND other.role = 'admin' AND person.state = 'enabled'
                AND other.person_id <> membership.person_id)
        ORDER BY 1
        """,
        (person_id,),
    )
    return [name for (name,) in await cursor.fetchall()]


async def other_operators(connection: Connection, person_id: int) -> int:
    """How many enabled operators there are beside this person."""
    cursor = await connection.execute(
        "SELECT count(*) FROM person WHERE is_operator AND state = 'enabled' AND id <> %s", (person_id,)
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def is_empty(connection: Connection) -> bool:
    """Is there no account at all?"""
    cursor = await connection.execute("SELECT NOT EXISTS (SELECT FROM account)")
    return await cursor.fetchone() == (True,)


async def claim_attempt(connection: Connection, name: str, network: str, now: datetime, lock: Lock) -> PersonRow | None:
    """Count a sign-in from a network as failed before it is tried, so that many at the same time are counted too; None: unknown, or locked.

    The commit does not wait for the disk: a name that exists must not take longer than one that does not.
    """
    await connection.execute("SET LOCAL synchronous_commit = off")
    async with connection.cursor(row_factory=class_row(PersonRow)) as cursor:
        await cursor.execute(
            f"""
            WITH claimed AS (
                INSERT INTO failed_sign_in AS known (person_id, network, failed, last_at)
                SELECT id, %(network)s, 1, %(now)s FROM person WHERE name = %(name)s
                ON CONFLICT (person_id, network) DO UPDATE SET failed = known.failed + 1, last_at = %(now)s,
                    locked_until = CASE WHEN known.failed + 1 >= %(free)s THEN %(now)s::timestamptz + make_interval(
                        secs => least(%(longest)s::float8, %(first)s::float8 * 2 ^ least(known.failed + 1 - %(free)s, 30))) END
                WHERE known.locked_until IS NULL OR known.locked_until <= %(now)s
                RETURNING person_id
            )
            SELECT {_PERSON_COLUMNS} FROM person WHERE id IN (SELECT person_id FROM claimed)
            """,
            {
                "name": name,
                "network": network,
                "now": now,
                "free": lock.free,
                "first": lock.first,
                "longest": lock.longest,
            },
        )
        return await cursor.fetchone()


async def forget_failures(connection: Connection, person_id: int, network: str, rehashed: str = "") -> None:
    """A sign-in from a network succeeded; `rehashed` replaces a hash of older parameters."""
    await connection.execute("DELETE FROM failed_sign_in WHERE person_id = %s AND network = %s", (person_id, network))
    if rehashed:
        await connection.execute("UPDATE person SET password_hash = %s WHERE id = %s", (rehashed, person_id))


async def forget_old_failures(connection: Connection, before: datetime) -> int:
    """Forget the failures of networks from which nobody tried since; returns how many."""
    return (await connection.execute("DELETE FROM failed_sign_in WHERE last_at < %s", (before,))).rowcount
