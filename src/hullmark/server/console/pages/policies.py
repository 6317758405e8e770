"""Policies: all of the account, what is in force where, and a new one."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from hullmark.policy.starting_point import starting_policy
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.views import render, rights
from hullmark.server.stories.services import Services
from hullmark.server.tables.judging import policies
from hullmark.server.tables.judging.policies import Activation, PolicyHead

ENTRY = Entry(title="Policies", path="policies", icon="policy", group="rules", permission="policies:read", order=10)

_COLUMNS: tuple[Column[PolicyHead], ...] = (
    Column("policy", "Policy", lambda row: row.name),
    Column("version", "Version", lambda row: row.version, "number"),
    Column("state", "State", lambda row: state_of(row)),
    Column("kind", "Language", lambda row: row.kind),
    Column("judged", "Images judged", lambda row: row.judged, "number"),
    Column("updated_at", "Changed", lambda row: row.updated_at, "time"),
)
_IN_FORCE: tuple[Column[Activation], ...] = (
    Column("environment", "Environment", lambda row: row.environment),
    Column("selector", "Images", lambda row: row.selector, "code"),
    Column("policy", "Policy", lambda row: row.name),
    Column("version", "Version", lambda row: row.version, "number"),
    Column("stage", "Stage", lambda row: "shadow" if row.is_shadow else "in force"),
    Column("by", "By", lambda row: row.created_by),
    Column("since", "Since", lambda row: row.created_at, "time"),
)


class PoliciesView(msgspec.Struct, kw_only=True):
    """What the page shows: policies by name, and what is in force."""

    policies: ShownPage[PolicyHead]
    in_force: ShownPage[Activation]


def state_of(row: PolicyHead) -> str:
    """How far a policy has come, in a word."""
    return "in force" if row.is_active else "draft" if row.is_draft else "kept"


@get("/{account:str}/policies", opt=rights("policies:read"))
async def policies_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """The policies of the account."""
    lists: tuple[Listing[Any], ...] = (_policies(services, caller), _in_force(services, caller))
    for listing in lists:
        if wants_export(request, listing.name):
            return export(request, listing)
    view = PoliciesView(policies=await lists[0].shown(request), in_force=await lists[1].shown(request))
    return render(request, "pages/policies.html", view=view, state_of=state_of)


@get("/{account:str}/new-policy", opt=rights("policies:write"))
async def new_policy_page(request: Request[Any, Any, Any]) -> Response[Any]:
    """A policy to begin with, to be edited and kept."""
    return render(
        request, "pages/new_policy.html", text=starting_policy("my-policy", "policy.yaml"), note="", mistakes=()
    )


def _policies(services: Services, caller: Caller) -> Listing[PolicyHead]:
    async def fetch(cursor: str, limit: int) -> Page[PolicyHead]:
        after = values_in(cursor, str) or ""
        async with services.database.tenant(caller.account_id) as connection:
            rows = await policies.list_policies(connection, caller.account_id, after, limit + 1)
        return page(rows, limit, lambda row: row.name)

    return Listing(name="policies", columns=_COLUMNS, fetch=fetch)


def _in_force(services: Services, caller: Caller) -> Listing[Activation]:
    async def fetch(cursor: str, limit: int) -> Page[Activation]:
        after = values_in(cursor, int) or 0
        async with services.database.tenant(caller.account_id) as connection:
            rows = sorted(await policies.activations(connection, caller.account_id), key=lambda row: row.id)
        rest = [row for row in rows if row.id > after]
        return page(rest[: limit + 1], limit, lambda row: row.id)

    return Listing(name="in-force", columns=_IN_FORCE, fetch=fetch, cursor_name="in-force.cursor")


ROUTES = [policies_page, new_policy_page]
