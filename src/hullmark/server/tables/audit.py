"""The audit log: who changed what, written in the transaction of the change itself, and never any secret."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from hullmark.server.tables.database import Connection

_SECRET_WORDS = ("password", "secret", "token", "credential", "private")
_SHOWN = 20_000
_DEPTH = 12
_Deed = TypeVar("_Deed")


class Actor(Protocol):
    """Who acts, in which account."""

    @property
    def account_id(self) -> int: ...
    @property
    def name(self) -> str: ...


class RequestOrigin(msgspec.Struct, frozen=True, kw_only=True):
    """The request that a change came by."""

    request_id: str = ""
    address: str = ""


class AuditRow(msgspec.Struct, frozen=True, kw_only=True):
    """A change. `before` and `after` are None where there was or is nothing."""

    id: int
    at: datetime
    actor: str
    action: str
    resource_type: str
    resource: str
    before: Any
    after: Any
    request_id: str
    address: str


class AuditFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which changes: what is "" or None is not asked for. `action` may end in an asterisk."""

    action: str = ""
    actor: str = ""
    resource_type: str = ""
    resource: str = ""
    since: datetime | None = None
    before: datetime | None = None


Entry = Callable[[Connection, _Deed], Awaitable[None]]
"""Writes the entry about a deed, in the deed's own transaction: there is no deed without its entry, nor an entry without its deed."""


async def record(  # noqa: PLR0913 - the parts of one line of the log
    connection: Connection,
    caller: Actor,
    action: str,
    resource_type: str,
    resource: str,
    before: object,
    after: object,
    request: RequestOrigin,
) -> None:
    """Write a change down, in the log of the caller's account. `before`, `after`: structs, mappings or None."""
    await record_in(connection, caller.account_id, caller, action, (resource_type, resource), (before, after), request)


async def record_in(  # noqa: PLR0913 - the parts of one line of the log
    connection: Connection,
    account_id: int,
    caller: Actor,
    action: str,
    resource: tuple[str, str],
    change: tuple[object, object],
    request: RequestOrigin,
) -> None:
    """The same in another account's log. `resource` is (type, name), `change` (before, after)."""
    before, after = (None if value is None else Jsonb(make_log_value(value)) for value in change)
    await connection.execute(
        "INSERT INTO audit (account_id, actor, action, resource_type, resource, before, after, request_id, address)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            account_id,
            caller.name[:300],
            action,
            resource[0],
            resource[1][:1000],
            before,
            after,
            request.request_id[:100],
            request.address[:100],
        ),
    )


def make_log_value(value: object) -> Any:
    """A value as the log keeps it: plain JSON, without what is called a secret, bounded."""
    plain = _without_secrets(msgspec.to_builtins(value, builtin_types=(bytes,), enc_hook=str), _DEPTH)
    return plain if len(msgspec.json.encode(plain)) <= _SHOWN else {"shortened": True}


def _without_secrets(value: object, depth: int) -> object:
    if depth == 0:
        return "…"
    if isinstance(value, Mapping):
        return {
            str(name).replace("\0", ""): (
                bool(kept)
                if any(word in str(name).lower() for word in _SECRET_WORDS)
                else _without_secrets(kept, depth - 1)
            )
            for name, kept in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [_without_secrets(child, depth - 1) for child in value]
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    return value.replace("\0", "") if isinstance(value, str) else value


async def list_audit(
    connection: Connection, account_id: int, wanted: AuditFilter, *, below: int | None, limit: int
) -> list[AuditRow]:
    """Changes below a number, the newest first."""
    async with connection.cursor(row_factory=class_row(AuditRow)) as cursor:
        await cursor.execute(
            """
            SELECT id, at, actor, action, resource_type, resource, before, after, request_id, address FROM audit
            WHERE account_id = %(account)s AND (%(below)s::bigint IS NULL OR id < %(below)s)
                AND (%(action)s = '' OR action LIKE %(pattern)s) AND (%(actor)s = '' OR actor = %(actor)s)
                AND (%(type)s = '' OR resource_type = %(type)s) AND (%(resource)s = '' OR resource = %(resource)s)
                AND (%(since)s::timestamptz IS NULL OR at >= %(since)s) AND (%(before)s::timestamptz IS NULL OR at < %(before)s)
            ORDER BY id DESC LIMIT %(limit)s
            """,
            {
                "account": account_id,
                "below": below,
                "action": wanted.action,
                "pattern": wanted.action.replace("\\", "\\\\")
                .replace("%", r"\%")
                .replace("_", r"\_")
                .replace("*", "%"),
                "actor": wanted.actor,
                "type": wanted.resource_type,
                "resource": wanted.resource,
                "since": wanted.since,
                "before": wanted.before,
                "limit": limit,
            },
        )
        return await cursor.fetchall()
