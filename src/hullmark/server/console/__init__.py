"""The console: pages for people, over what stories and tables know. To add a page, write a module in pages/ and name it in PAGES."""

from __future__ import annotations

from typing import Any

from litestar import Router
from litestar.di import Provide

from hullmark.server.console import front, static_files
from hullmark.server.console.failures import HANDLERS
from hullmark.server.console.pages import (
    accounts,
    add,
    admin,
    advisories,
    applications,
    audit_log,
    cause,
    channels,
    chart_gallery,
    collectors,
    diff,
    exceptions,
    fleet,
    home,
    image,
    images,
    keys,
    message,
    minimality,
    now,
    operations,
    people,
    placed,
    policies,
    policy,
    policy_deeds,
    profile,
    rebuild,
    registries,
    search,
    signin,
    silences,
    subscriptions,
    time_machine,
    trials,
    verdict,
)
from hullmark.server.console.visit import provide_visit

PAGES: tuple[Any, ...] = (
    home,
    now,
    search,
    cause,
    advisories,
    exceptions,
    images,
    image,
    diff,
    minimality,
    fleet,
    placed,
    applications,
    rebuild,
    policies,
    policy,
    policy_deeds,
    trials,
    time_machine,
    verdict,
    message,
    operations,
    add,
    admin,
    accounts,
    audit_log,
    channels,
    chart_gallery,
    collectors,
    keys,
    people,
    profile,
    registries,
    signin,
    silences,
    subscriptions,
)
"""Every page: ROUTES, and where the menu leads to it an ENTRY."""


def router() -> Router:
    """Everything below /console."""
    entries = tuple(module.ENTRY for module in PAGES if hasattr(module, "ENTRY"))
    return Router(
        "/console",
        route_handlers=[handler for module in PAGES for handler in module.ROUTES],
        opt={"entries": entries},
        dependencies={"visit": Provide(provide_visit)},
        exception_handlers=HANDLERS,
        include_in_schema=False,
    )


def routes() -> list[Any]:
    """What the application serves for the console."""
    return [router(), *front.ROUTES, *static_files.ROUTES]
