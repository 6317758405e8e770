"""Accounts of the whole server, for its operators."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.server.api.problems import Refusal
from hullmark.server.api.resources import accounts
from hullmark.server.api.resources.accounts import AccountBody, AccountChange, AccountView
from hullmark.server.console.forms import Fields, fields_of
from hullmark.server.console.listing import Column, export, wants_export
from hullmark.server.console.pages.admin import show
from hullmark.server.console.views import rights
from hullmark.server.console.visit import Visit

_COLUMNS: tuple[Column[AccountView], ...] = (
    Column("name", "Name", lambda row: row.name),
    Column("email", "Mail", lambda row: row.email),
    Column("state", "State", lambda row: row.state),
    Column("since", "Since", lambda row: row.created_at, "time"),
    Column("actions", "", lambda row: row.role or ""),
)
_DONE = {
    "added": "The account is there: add its first person.",
    "changed": "It is changed.",
    "deleted": "It is being deleted.",
}


@get("/{account:str}/admin/accounts", opt=rights("system:write"))
async def accounts_page(visit: NamedDependency[Visit]) -> Response[Any]:
    """All accounts."""
    return await _accounts(visit)


@post("/{account:str}/admin/accounts", opt=rights("system:write"))
async def add_account(visit: NamedDependency[Visit]) -> Response[Any]:
    """Another one, without people."""
    given = await fields_of(visit.request)
    wanted = {"name": given.word("name"), "email": given.word("email")}
    wrong = await visit.attempt(accounts.add_account, (AccountBody, wanted))
    return await _accounts(visit, wrong, given) if wrong else visit.back("admin/accounts", "added")


@post("/{account:str}/admin/accounts/{name:str}/switch", opt=rights("system:write"))
async def switch_account(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[Any]:
    """Disabled, it answers nobody and keeps all that it has; or enabled again."""
    state = "enabled" if (await fields_of(visit.request)).is_set("on") else "disabled"
    await visit.do(accounts.change_account, (AccountChange, {"state": state}), name=name)
    return visit.back("admin/accounts", "changed")


@post("/{account:str}/admin/accounts/{name:str}/delete", opt=rights("system:write"))
async def delete_account(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[Any]:
    """With everything that it has; it must be disabled before."""
    await visit.do(accounts.delete_account, name=name)
    return visit.back("admin/accounts", "deleted")


async def _accounts(visit: Visit, wrong: Refusal | None = None, given: Fields | None = None) -> Response[Any]:
    listing = visit.listing("accounts", _COLUMNS, accounts.list_accounts)
    if wants_export(visit.request, listing.name):
        return export(visit.request, listing)
    return show(visit, "accounts", wrong=wrong, given=given, done=_DONE, accounts=await listing.shown(visit.request))


ROUTES = [accounts_page, add_account, switch_account, delete_account]
