"""Admin: the account's people, keys, registries, and whoever tells and is told, on pages beside each other."""

from __future__ import annotations

from typing import Any

import msgspec
from litestar import Response, get
from litestar.di import NamedDependency

from hullmark.server.api.permissions import SIGNED_IN
from hullmark.server.console.navigation import Entry
from hullmark.server.console.views import rights
from hullmark.server.console.visit import Visit

ENTRY = Entry(title="Admin", path="admin", icon="admin", group="server", permission="accounts:read", order=90)


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """One of the pages below Admin; `permission` is what one needs to see it."""

    title: str
    path: str
    permission: str


SECTIONS = (
    Section(title="People", path="people", permission="accounts:read"),
    Section(title="Keys", path="keys", permission="keys:read"),
    Section(title="Registries", path="registries", permission="registries:read"),
    Section(title="Channels", path="channels", permission="notices:read"),
    Section(title="Subscriptions", path="subscriptions", permission="notices:read"),
    Section(title="Silences", path="silences", permission="notices:read"),
    Section(title="Collectors", path="collectors", permission="places:read"),
    Section(title="Audit log", path="audit", permission="audit:read"),
    Section(title="Accounts", path="accounts", permission="system:write"),
)


def show(visit: Visit, section: str, *, template: str = "", **values: Any) -> Response[Any]:
    """The page of a section, or another `template` of it, with the way to the others."""
    sections = [section for section in SECTIONS if visit.caller.may(section.permission)]
    return visit.show(f"pages/admin/{template or section}.html", sections=sections, section=section, **values)


@get("/{account:str}/admin", opt=rights(SIGNED_IN))
async def admin_page(visit: NamedDependency[Visit]) -> Response[bytes]:
    """To the first section that one may see, else to what one may at all."""
    for section in SECTIONS:
        if visit.caller.may(section.permission):
            return visit.back(f"admin/{section.path}")
    return visit.back("profile")


ROUTES = [admin_page]
