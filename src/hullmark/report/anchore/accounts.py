"""Accounts, their users, and their registry logins. Passwords are never shown."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from hullmark.report.anchore.words import Json, stamp

AccountState = Literal["enabled", "disabled", "deleting"]

_HIDDEN = "*********"


class AccountInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An account as the server keeps it. `is_operator`: it runs the server."""

    name: str
    state: AccountState
    created_at: datetime
    updated_at: datetime | None = None
    email: str = ""
    is_operator: bool = False


class UserInfo(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody with a password, or (`is_foreign`) whom an identity provider vouches for."""

    name: str
    created_at: datetime
    updated_at: datetime | None = None
    is_foreign: bool = False


class RegistryInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A registry: host and port, or a pattern with `*`; who signs in there; the password is not part of it."""

    account: str
    registry: str
    username: str
    is_verified: bool
    created_at: datetime
    updated_at: datetime | None = None
    name: str = ""
    kind: str = "docker_v2"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """An account."""

    created_at: str | None
    email: str
    last_updated: str | None
    name: str
    state: str
    type: str


class User(msgspec.Struct, frozen=True, kw_only=True):
    """A user."""

    created_at: str | None
    last_updated: str | None
    source: str
    type: str
    username: str


class Registry(msgspec.Struct, frozen=True, kw_only=True):
    """A registry."""

    created_at: str | None
    last_updated: str | None
    registry: str
    registry_name: str
    registry_type: str
    registry_user: str
    registry_verify: bool
    user_id: str = msgspec.field(name="userId")


def account(info: AccountInfo) -> Account:
    """An account."""
    return Account(
        created_at=stamp(info.created_at),
        email=info.email,
        last_updated=stamp(info.updated_at or info.created_at),
        name=info.name,
        state=info.state,
        type="admin" if info.is_operator else "user",
    )


def account_status(info: AccountInfo) -> Json:
    """The answer to a change of state."""
    return {"state": info.state}


def user(info: UserInfo) -> User:
    """A user."""
    return User(
        created_at=stamp(info.created_at),
        last_updated=stamp(info.updated_at or info.created_at),
        source="external" if info.is_foreign else "native",
        type="external" if info.is_foreign else "native",
        username=info.name,
    )


def credentials(info: UserInfo) -> list[Json]:
    """A user's kind of credential, without its value."""
    if info.is_foreign:
        return []
    return [{"created_at": stamp(info.updated_at or info.created_at), "type": "password", "value": _HIDDEN}]


def registry(info: RegistryInfo) -> Registry:
    """A registry."""
    return Registry(
        created_at=stamp(info.created_at),
        last_updated=stamp(info.updated_at or info.created_at),
        registry=info.registry,
        registry_name=info.name or info.registry,
        registry_type=info.kind,
        registry_user=info.username,
        registry_verify=info.is_verified,
        user_id=info.account,
    )
