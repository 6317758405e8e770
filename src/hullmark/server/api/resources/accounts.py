"""Accounts: made and closed by operators, kept by their admins."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import Refusal, not_found
from hullmark.server.api.resources.signin import gate_of
from hullmark.server.stories.identity.account_address import RESERVED
from hullmark.server.stories.identity.bootstrap import ADMIN
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.database import Connection
from hullmark.server.tables.identity import accounts
from hullmark.server.tables.identity.accounts import AccountRow, AccountState
from hullmark.server.tables.jobs import defer

AccountName = Annotated[str, PathParameter(max_length=63, description="An account's name.")]
Email = Annotated[str, msgspec.Meta(max_length=300, pattern=r"^[^\x00-\x1f\x7f]*$")]


class AccountBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An account to be made."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}\Z")]
    email: Email = ""


class AccountChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What becomes different of an account; null stays. Only operators change `state`."""

    email: Email | None = None
    state: Literal["enabled", "disabled"] | None = None


class AccountView(msgspec.Struct, kw_only=True):
    """An account. `role` is the caller's in it, null for an operator that does not belong to it."""

    name: str
    email: str
    state: AccountState
    role: str | None
    created_at: datetime


def _make_account_view(row: AccountRow, caller: Caller) -> AccountView:
    role = next((membership.role for membership in caller.memberships if membership.account_id == row.id), None)
    return AccountView(name=row.name, email=row.email, state=row.state, role=role, created_at=row.created_at)


@get("/accounts", opt={"permission": "accounts:read"}, summary="List accounts")
async def list_accounts(
    services: NamedDependency[Services], caller: NamedDependency[Caller], limit: Limit = 50, cursor: Cursor = ""
) -> Page[AccountView]:
    """All accounts for operators, else those that the caller belongs to."""
    names = None if caller.is_operator else [membership.account for membership in caller.memberships]
    after = values_in(cursor, str) or ""
    async with services.database.system() as connection:
        rows = await accounts.list_accounts(connection, after=after, limit=limit + 1, names=names)
    return page([_make_account_view(row, caller) for row in rows], limit, lambda view: view.name)


@post("/accounts", opt={"permission": "system:write"}, summary="Make an account")
async def add_account(
    data: JSONBody[AccountBody], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> AccountView:
    """A new account without members. Operators only."""
    check_account_name(data.name)
    async with services.database.system() as connection:
        row = await accounts.add_account(connection, data.name, data.email)
        if row is None:
            raise Refusal(409, f"the account {data.name} exists already", "choose another name")
        after = {"name": row.name, "email": row.email}
        await audit.record_in(
            connection, row.id, caller, "account.create", ("account", row.name), (None, after), caller.origin
        )
    return _make_account_view(row, caller)


def check_account_name(name: str) -> None:
    """Raise Refusal for a name that no account can have."""
    if name in RESERVED:
        raise Refusal(
            422, f"{name} cannot be an account's name: the console's own pages are called so", "choose another"
        )


@get("/accounts/{name:str}", opt={"permission": "accounts:read", "of": "name"}, summary="One account")
async def get_account(
    name: AccountName, services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> AccountView:
    """The account, if the caller belongs to it or is an operator."""
    async with services.database.system() as connection:
        return _make_account_view(await _existing(connection, name), caller)


@patch("/accounts/{name:str}", opt={"permission": "accounts:write", "of": "name"}, summary="Change an account")
async def change_account(
    name: AccountName,
    data: JSONBody[AccountChange],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> AccountView:
    """Another address for its admins; enabled or disabled by operators. A disabled account answers nobody, and keeps all that it has."""
    if data.state is not None and not caller.is_operator:
        raise Refusal(403, "only operators enable and disable accounts", "ask an operator")
    async with services.database.system() as connection:
        before = await _existing(connection, name, lock=True)
        if data.state is not None and (before.state == "deleting" or name == ADMIN):
            raise Refusal(409, f"the account {name} stays as it is", "it is being deleted, or the operators' own")
        await accounts.change_account(connection, before.id, email=data.email, state=data.state)
        after = await _existing(connection, name)
        await audit.record(
            connection,
            caller,
            "account.change",
            "account",
            name,
            _describe_for_audit(before),
            _describe_for_audit(after),
            caller.origin,
        )
    gate_of(request.app).identity.forget()
    return _make_account_view(after, caller)


@delete(
    "/accounts/{name:str}",
    status_code=202,
    opt={"permission": "system:write", "of": "name"},
    summary="Delete an account",
)
async def delete_account(
    name: AccountName,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> AccountView:
    """Everything that the account has is deleted, soon. It must be disabled before. Operators only."""
    async with services.database.system() as connection:
        before = await _existing(connection, name, lock=True)
        if before.state == "enabled":
            raise Refusal(
                409,
                f"the account {name} is enabled",
                f"disable it first: hullmark account disable {name}, or PATCH it with state disabled",
            )
        if before.state == "disabled":
            await accounts.change_account(connection, before.id, state="deleting")
            await defer(connection, "delete_account", {"account_id": before.id}, once=f"delete_account/{before.id}")
            await audit.record(
                connection, caller, "account.delete", "account", name, _describe_for_audit(before), None, caller.origin
            )
        after = await _existing(connection, name)
    gate_of(request.app).identity.forget()
    return _make_account_view(after, caller)


async def _existing(connection: Connection, name: str, *, lock: bool = False) -> AccountRow:
    row = await accounts.account_by_name(connection, name, lock=lock)
    if row is None:
        raise not_found(f"account {name}", "list them: hullmark account list, or GET /api/v1/accounts")
    return row


def _describe_for_audit(row: AccountRow) -> dict[str, str]:
    return {"email": row.email, "state": row.state}


ROUTES = [list_accounts, add_account, get_account, change_account, delete_account]
