"""API keys of the account. A secret is shown once, in the answer to the form that had it made."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.server.api.permissions import PERMISSIONS, ROLES
from hullmark.server.api.problems import Refusal
from hullmark.server.api.resources import keys
from hullmark.server.api.resources.keys import KeyBody, KeyView, SecretView
from hullmark.server.console.forms import Fields, fields_of
from hullmark.server.console.listing import Column, export, wants_export
from hullmark.server.console.pages.admin import show
from hullmark.server.console.views import rights
from hullmark.server.console.visit import Visit

_COLUMNS: tuple[Column[KeyView], ...] = (
    Column("name", "Name", lambda row: row.name),
    Column("prefix", "Begins with", lambda row: row.prefix, "code"),
    Column("role", "Role", lambda row: row.role),
    Column("scopes", "Only for", lambda row: " ".join(row.scopes)),
    Column("person", "Acts for", lambda row: row.person or ""),
    Column("used", "Last used", lambda row: row.last_used_at, "time"),
    Column("expires", "Ends", lambda row: row.expires_at, "time"),
    Column("actions", "", lambda row: "revoked" if row.revoked_at else ""),
)
_DONE = {"revoked": "The key is worth nothing from now on."}


@get("/{account:str}/admin/keys", opt=rights("keys:read"))
async def keys_page(visit: NamedDependency[Visit]) -> Response[Any]:
    """The account's keys."""
    return await _keys(visit)


@post("/{account:str}/admin/keys", opt=rights("keys:write"))
async def add_key(visit: NamedDependency[Visit]) -> Response[Any]:
    """Another key; the answer holds its secret."""
    given = await fields_of(visit.request)
    wanted = {
        "name": given.word("name"),
        "role": given.word("role"),
        "scopes": given.texts("scopes"),
        "person": given.word("person"),
        "expires_at": f"{given.word('expires')}T00:00:00Z" if given.word("expires") else None,
    }
    try:
        secret: SecretView = await visit.do(keys.add_key, (KeyBody, wanted))
    except Refusal as error:
        return await _keys(visit, error, given)
    return await _keys(visit, secret=secret)


@post("/{account:str}/admin/keys/{name:str}/rotate", opt=rights("keys:write"))
async def rotate_key(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[Any]:
    """Another secret for a key."""
    secret: SecretView = await visit.do(keys.rotate_key, name=name)
    return await _keys(visit, secret=secret)


@post("/{account:str}/admin/keys/{name:str}/revoke", opt=rights("keys:write"))
async def revoke_key(visit: NamedDependency[Visit], name: FromPath[str]) -> Response[Any]:
    """The end of a key."""
    await visit.do(keys.revoke_key, name=name)
    return visit.back("admin/keys", "revoked")


async def _keys(
    visit: Visit, wrong: Refusal | None = None, given: Fields | None = None, secret: SecretView | None = None
) -> Response[Any]:
    is_all = visit.request.query_params.get("revoked") == "yes"
    listing = visit.listing("keys", _COLUMNS, keys.list_keys, revoked=is_all)
    if wants_export(visit.request, listing.name):
        return export(visit.request, listing)
    may = visit.caller.permissions
    values: dict[str, Any] = {
        "keys": await listing.shown(visit.request),
        "secret": secret,
        "roles": [(role, role) for role, allowed in ROLES.items() if allowed <= may],
        "scopes": sorted(PERMISSIONS & may),
        "is_all": is_all,
    }
    return show(visit, "keys", wrong=wrong, given=given, done=_DONE, **values)


ROUTES = [keys_page, add_key, rotate_key, revoke_key]
