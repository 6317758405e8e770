"""Policies of accounts: their versions, where which is in force, and the exceptions from them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging import policy_costs


class PolicyVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a policy, as it was written."""

    id: int
    policy_id: int
    name: str
    version: int
    text: str
    digest: str
    kind: Literal["native", "anchore"]
    note: str
    is_draft: bool
    created_by: str
    created_at: datetime


class PolicyHead(msgspec.Struct, frozen=True, kw_only=True):
    """A policy without its text: its newest version. `judged` images took `seconds_each` of processor time on average (None: none was
    judged by it), and the dearest one `seconds_most`."""

    id: int
    name: str
    version: int
    digest: str
    kind: Literal["native", "anchore"]
    is_draft: bool
    is_active: bool
    created_at: datetime
    updated_at: datetime
    is_costly: bool
    judged: int
    seconds_each: float | None
    seconds_most: float | None


class NewVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes a version. `is_costly`: judging by it is expected to take long, until that is measured."""

    name: str
    text: str
    digest: str
    kind: Literal["native", "anchore"]
    note: str = ""
    is_draft: bool = False
    by: str = ""
    is_costly: bool = False


class Activation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a version is in force: in an environment ("": any), for the references that the selector's wildcards fit.

    A shadow judges too, and counts for nothing.
    """

    id: int
    environment: str
    selector: str
    policy_id: int
    name: str
    version: int
    version_id: int
    is_shadow: bool
    created_by: str
    created_at: datetime


class ExceptionRow(msgspec.Struct, frozen=True, kw_only=True):
    """An exception: `body` says what it covers."""

    id: UUID
    body: dict[str, Any]
    owner: str
    reason: str
    expires_at: datetime | None
    created_by: str
    created_at: datetime
    ended_at: datetime | None


_COST = "coalesce(cost.images, 0) AS judged, cost.seconds / cost.images AS seconds_each, cost.most AS seconds_most"
_VERSION = """version.id, version.policy_id, policy.name, version.version, version.text, version.digest, version.kind, version.note,
    version.is_draft, version.created_by, version.created_at"""
_FROM_VERSION = "FROM policy_version version JOIN policy ON policy.id = version.policy_id"
_ACTIVATION = """active.id, active.environment, active.selector, version.policy_id, policy.name, version.version, active.version_id,
    active.is_shadow, active.created_by, active.created_at"""
_FROM_ACTIVATION = """FROM activation active JOIN policy_version version ON version.id = active.version_id
    JOIN policy ON policy.id = version.policy_id"""
_EXCEPTION = "id, body, owner, reason, expires_at, created_by, created_at, ended_at"


async def keep_version(connection: Connection, account_id: int, new: NewVersion) -> tuple[PolicyVersion, bool]:
    """Keep a text as the next version of its policy; returns it, and whether it is new: the newest one's own digest is not kept
    twice."""
    policy_id = await _lock_policy(connection, account_id, new.name)
    newest = await version_of(connection, account_id, new.name)
    if newest is not None and newest.text == new.text and newest.is_draft == new.is_draft:
        return newest, False
    await connection.execute(
        """
        INSERT INTO policy_version (account_id, policy_id, version, text, digest, kind, note, is_draft, created_by, is_costly)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            account_id,
            policy_id,
            newest.version + 1 if newest else 1,
            new.text,
            new.digest,
            new.kind,
            new.note,
            new.is_draft,
            new.by,
            new.is_costly or (newest is not None and await policy_costs.is_costly(connection, newest.id)),
        ),
    )
    kept = await version_of(connection, account_id, new.name)
    assert kept is not None  # noqa: S101 - it was inserted above
    return kept, True


async def _lock_policy(connection: Connection, account_id: int, name: str) -> int:
    """The number of a policy, new or not, locked until the transaction ends: nobody else keeps a version of it.

    The lock lets verdicts refer to the policy meanwhile: who writes them may be who this transaction is to wait for, if it activates.
    """
    while True:
        await connection.execute(
            "INSERT INTO policy (account_id, name) VALUES (%s, %s) ON CONFLICT (account_id, name) DO NOTHING",
            (account_id, name),
        )
        cursor = await connection.execute(
            "SELECT id FROM policy WHERE account_id = %s AND name = %s FOR NO KEY UPDATE", (account_id, name)
        )
        # It may have been deleted in between.
        if (row := await cursor.fetchone()) is not None:
            return int(row[0])


async def version_of(
    connection: Connection, account_id: int, name: str, version: int | None = None
) -> PolicyVersion | None:
    """A version of a policy by its name: the newest, or that of a number."""
    async with connection.cursor(row_factory=class_row(PolicyVersion)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_VERSION} {_FROM_VERSION}
            WHERE policy.account_id = %s AND policy.name = %s AND (%s::integer IS NULL OR version.version = %s)
            ORDER BY version.version DESC LIMIT 1
            """,
            (account_id, name, version, version),
        )
        return await cursor.fetchone()


async def version_by_id(connection: Connection, version_id: int) -> PolicyVersion | None:
    """A version by its number in the database."""
    return (await versions_by_ids(connection, (version_id,))).get(version_id)


async def versions_by_ids(connection: Connection, version_ids: Collection[int]) -> dict[int, PolicyVersion]:
    """Versions by their numbers in the database; those that there are."""
    async with connection.cursor(row_factory=class_row(PolicyVersion)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_VERSION} {_FROM_VERSION}
            WHERE version.id = ANY(%s::bigint[])
            """,
            (sorted(version_ids),),
        )
        return {row.id: row for row in await cursor.fetchall()}


async def list_policies(connection: Connection, account_id: int, after: str, limit: int) -> list[PolicyHead]:
    """Policies by name, after a name."""
    async with connection.cursor(row_factory=class_row(PolicyHead)) as cursor:
        await cursor.execute(
            f"""
            SELECT policy.id, policy.name, newest.version, newest.digest, newest.kind, newest.is_draft, policy.created_at,
                newest.created_at AS updated_at, newest.is_costly, {_COST},
                EXISTS (SELECT FROM activation active JOIN policy_version version
                    ON version.id = active.version_id WHERE version.policy_id = policy.id AND active.ended_at IS NULL
                    AND NOT active.is_shadow) AS is_active
            FROM policy JOIN LATERAL (SELECT * FROM policy_version version WHERE version.policy_id = policy.id
                ORDER BY version.version DESC LIMIT 1) newest ON true
            LEFT JOIN policy_cost cost ON cost.version_id = newest.id
            WHERE policy.account_id = %s AND policy.name > %s ORDER BY policy.name LIMIT %s
            """,
            (account_id, after, limit),
        )
        return await cursor.fetchall()


async def versions_of(
    connection: Connection, account_id: int, name: str, before: int | None, limit: int
) -> list[PolicyVersion]:
    """The versions of a policy, the newest first."""
    async with connection.cursor(row_factory=class_row(PolicyVersion)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_VERSION} {_FROM_VERSION}
            WHERE policy.account_id = %s AND policy.name = %s AND (%s::integer IS NULL OR version.version < %s)
            ORDER BY version.version DESC LIMIT %s
            """,
            (account_id, name, before, before, limit),
        )
        return await cursor.fetchall()


async def forget_policy(connection: Connection, account_id: int, name: str) -> bool:
    """Remove a policy with its versions and verdicts; what they once said stays in the history."""
    cursor = await connection.execute("DELETE FROM policy WHERE account_id = %s AND name = %s", (account_id, name))
    return cursor.rowcount == 1


async def activate(  # noqa: PLR0913 - all but three by name
    connection: Connection,
    account_id: int,
    version_id: int,
    *,
    environment: str,
    selector: str,
    is_shadow: bool,
    by: str,
) -> int:
    """Put a version in force; the one before it of the same environment and selector is no longer. Returns the activation's
    number. Waits for those who write verdicts by what was in force."""
    await _change_what_is_in_force(connection, account_id)
    await connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", (f"activation {environment}", account_id)
    )
    if not is_shadow:
        await connection.execute(
            """
            UPDATE activation SET ended_at = now()
            WHERE account_id = %s AND environment = %s AND selector = %s AND ended_at IS NULL AND NOT is_shadow
            """,
            (account_id, environment, selector),
        )
    cursor = await connection.execute(
        """
        INSERT INTO activation (account_id, environment, selector, version_id, is_shadow, created_by)
        VALUES (%s, %s, %s, %s, %s, %s) RETURNING id
        """,
        (account_id, environment, selector, version_id, is_shadow, by),
    )
    row = await cursor.fetchone()
    assert row is not None  # noqa: S101 - an INSERT … RETURNING answers
    return int(row[0])


async def replaced_by(connection: Connection, account_id: int, activation_id: int) -> Activation | None:
    """The activation that another one ended as it came; None if that was not another version of the same policy, or if the policy
    is in force elsewhere in the same environment. In the transaction that activates."""
    async with connection.cursor(row_factory=class_row(Activation)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_ACTIVATION} {_FROM_ACTIVATION} JOIN activation new ON new.account_id = active.account_id AND new.id = %s
            JOIN policy_version latest ON latest.id = new.version_id
            WHERE active.account_id = %s AND active.ended_at = new.created_at AND active.selector = new.selector
                AND active.environment = new.environment AND NOT active.is_shadow AND NOT new.is_shadow
                AND version.policy_id = latest.policy_id AND version.id <> latest.id
                AND NOT EXISTS (SELECT FROM activation other JOIN policy_version ON policy_version.id = other.version_id
                    WHERE other.account_id = active.account_id AND other.id <> new.id AND other.ended_at IS NULL
                        AND NOT other.is_shadow AND other.environment = new.environment AND policy_version.policy_id = latest.policy_id)
            """,
            (activation_id, account_id),
        )
        return await cursor.fetchone()


_IN_FORCE = 0x464F5243
"""Beside an account's number: who holds it, alone or with others, writes verdicts by what is in force, or changes that."""


async def hold_in_force(connection: Connection, account_id: int) -> None:
    """What is in force in an account stays so until the transaction ends. Before it is read, and before rows of verdicts are locked.

    Else a verdict by an older version could appear behind those who bring verdicts to the newer one.
    """
    await connection.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", (_IN_FORCE, account_id % (1 << 31)))


async def _change_what_is_in_force(connection: Connection, account_id: int) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (_IN_FORCE, account_id % (1 << 31)))


async def is_in_force(connection: Connection, account_id: int, activation_id: int) -> bool:
    """Whether an activation counts."""
    cursor = await connection.execute(
        "SELECT FROM activation WHERE account_id = %s AND id = %s AND ended_at IS NULL", (account_id, activation_id)
    )
    return await cursor.fetchone() is not None


async def deactivate(connection: Connection, account_id: int, activation_id: int) -> bool:
    """End an activation. Waits for those who write verdicts by it."""
    await _change_what_is_in_force(connection, account_id)
    cursor = await connection.execute(
        "UPDATE activation SET ended_at = now() WHERE account_id = %s AND id = %s AND ended_at IS NULL",
        (account_id, activation_id),
    )
    return cursor.rowcount == 1


async def activations(connection: Connection, account_id: int, as_of: datetime | None = None) -> list[Activation]:
    """All that is in force in an account, or was at a moment, shadows too."""
    async with connection.cursor(row_factory=class_row(Activation)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_ACTIVATION} {_FROM_ACTIVATION} WHERE active.account_id = %s
                AND CASE WHEN %s::timestamptz IS NULL THEN active.ended_at IS NULL
                    ELSE active.created_at <= %s AND (active.ended_at IS NULL OR active.ended_at > %s) END
            ORDER BY active.environment, active.selector, active.id
            """,
            (account_id, as_of, as_of, as_of),
        )
        return await cursor.fetchall()


async def texts_in_force(connection: Connection, word: str) -> dict[int, list[str]]:
    """The texts of versions in force, shadows too, in which a word stands, by account."""
    cursor = await connection.execute(
        """
        SELECT active.account_id, array_agg(DISTINCT version.text) FROM activation active
        JOIN policy_version version ON version.id = active.version_id
        WHERE active.ended_at IS NULL AND strpos(version.text, %s) > 0 GROUP BY 1 ORDER BY 1
        """,
        (word,),
    )
    return {int(account_id): list(texts) for account_id, texts in await cursor.fetchall()}


async def add_exception(
    connection: Connection, account_id: int, key: UUID, body: dict[str, Any], expires_at: datetime | None, by: str
) -> None:
    """Keep an exception."""
    await connection.execute(
        """
        INSERT INTO exception (id, account_id, body, owner, reason, expires_at, created_by) VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        (key, account_id, Jsonb(body), body["owner"], body["reason"], expires_at, by),
    )


async def end_exception(connection: Connection, account_id: int, key: UUID) -> bool:
    """End an exception now."""
    cursor = await connection.execute(
        "UPDATE exception SET ended_at = now() WHERE account_id = %s AND id = %s AND ended_at IS NULL",
        (account_id, key),
    )
    return cursor.rowcount == 1


async def exceptions(
    connection: Connection,
    account_id: int,
    *,
    ended: bool = False,
    as_of: datetime | None = None,
    after: UUID | None = None,
    limit: int = 10_000,
) -> list[ExceptionRow]:
    """The exceptions of an account that are not ended by hand, or also those that are, or that there were at a moment; by id."""
    async with connection.cursor(row_factory=class_row(ExceptionRow)) as cursor:
        await cursor.execute(
            f"""
            SELECT {_EXCEPTION} FROM exception WHERE account_id = %s AND (%s::uuid IS NULL OR id > %s)
                AND CASE WHEN %s::timestamptz IS NULL THEN (%s OR ended_at IS NULL)
                    ELSE created_at <= %s AND (ended_at IS NULL OR ended_at > %s) END
            ORDER BY id LIMIT %s
            """,
            (account_id, after, after, as_of, ended, as_of, as_of, limit),
        )
        return await cursor.fetchall()


async def exception_by_id(connection: Connection, account_id: int, key: UUID) -> ExceptionRow | None:
    """An exception by its id."""
    async with connection.cursor(row_factory=class_row(ExceptionRow)) as cursor:
        await cursor.execute(f"SELECT {_EXCEPTION} FROM exception WHERE account_id = %s AND id = %s", (account_id, key))
        return await cursor.fetchone()
