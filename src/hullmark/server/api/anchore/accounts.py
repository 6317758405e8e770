"""Accounts, as Anchore's clients make and close them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from hullmark.report.anchore import accounts as shapes
from hullmark.report.anchore.accounts import Account, AccountInfo
from hullmark.report.anchore.requests import AccountRequest, StateRequest
from hullmark.report.anchore.words import Json
from hullmark.server.api.anchore.failures import make_refusal, missing
from hullmark.server.api.caller import Caller
from hullmark.server.api.permissions import SIGNED_IN
from hullmark.server.api.resources import accounts as native
from hullmark.server.api.resources.accounts import AccountBody, AccountChange, AccountName
from hullmark.server.stories.identity.bootstrap import ADMIN
from hullmark.server.stories.services import Services
from hullmark.server.tables.identity import accounts
from hullmark.server.tables.identity.accounts import AccountRow

_PAGE = 1000
_STATES = ("enabled", "disabled", "deleting")


def _make_account_view(row: AccountRow) -> Account:
    return shapes.account(
        AccountInfo(
            name=row.name, state=row.state, created_at=row.created_at, email=row.email, is_operator=row.name == ADMIN
        )
    )


async def _row(services: Services, name: str) -> AccountRow:
    async with services.database.system() as connection:
        row = await accounts.account_by_name(connection, name) if "\0" not in name else None
    if row is None:
        raise missing(f"account {name}", "list them")
    return row


@get("/account", opt={"permission": SIGNED_IN})
async def own_account(services: NamedDependency[Services], caller: NamedDependency[Caller]) -> Account:
    """The account that the request is for."""
    return _make_account_view(await _row(services, caller.account))


@get("/accounts", opt={"permission": "accounts:read"})
async def list_accounts(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    wanted: Annotated[str, QueryParameter(name="state")] = "",
) -> list[Account]:
    """All accounts for operators, else those that the caller belongs to."""
    if wanted and wanted not in _STATES:
        raise make_refusal(400, f"{wanted[:50]!r} is not a state of an account", f"it is one of {', '.join(_STATES)}")
    names = None if caller.is_operator else [membership.account for membership in caller.memberships]
    found: list[Account] = []
    after = ""
    async with services.database.system() as connection:
        while True:
            rows = await accounts.list_accounts(connection, after=after, limit=_PAGE, names=names)
            found += [_make_account_view(row) for row in rows if wanted in ("", row.state)]
            if len(rows) < _PAGE:
                return found
            after = rows[-1].name


@post("/accounts", status_code=200, opt={"permission": "system:write"})
async def add_account(
    data: JSONBody[AccountRequest], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Account:
    """A new account without users."""
    try:
        request = msgspec.convert({"name": data.name, "email": data.email or ""}, AccountBody)
    except msgspec.ValidationError as error:
        raise make_refusal(
            400, f"the account cannot be made: {error}", "use small letters, digits, dots and dashes"
        ) from error
    await native.add_account.fn(data=request, services=services, caller=caller)
    return _make_account_view(await _row(services, data.name))


@get("/accounts/{name:str}", opt={"permission": "accounts:read", "of": "name"})
async def get_account(
    name: AccountName, services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Account:
    """One account."""
    return _make_account_view(await _row(services, caller.account))


@put("/accounts/{name:str}/state", opt={"permission": "system:write", "of": "name"})
async def change_state(
    name: AccountName,
    data: JSONBody[StateRequest],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> Json:
    """Enable or disable an account."""
    change = AccountChange(state=data.state)
    await native.change_account.fn(name=name, data=change, services=services, caller=caller, request=request)
    row = await _row(services, name)
    return shapes.account_status(AccountInfo(name=row.name, state=row.state, created_at=row.created_at))


@delete("/accounts/{name:str}", status_code=200, opt={"permission": "system:write", "of": "name"})
async def delete_account(
    name: AccountName,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> dict[str, str]:
    """Delete a disabled account, with all that it has."""
    if (await _row(services, name)).state == "enabled":
        raise make_refusal(400, f"Invalid account state change requested: {name} is enabled", "disable it first")
    await native.delete_account.fn(name=name, services=services, caller=caller, request=request)
    return {}


ROUTES = [own_account, list_accounts, add_account, get_account, change_state, delete_account]
