"""The console: pages for people, over what stories and tables know. To add a page, write a module in pages/ and name it in PAGES."""

from __future__ import annotations

from typing import Any

from litestar import Router
from litestar.di import Provide

from hullmark.server.console import static_files
from hullmark.server.console.failures import HANDLERS
from hullmark.server.console.pages import (
    applications,
    exceptions,
    fleet,
    home,
    minimality,
    now,
    placed,
    rebuild,
    search,
    signin,
)
from hullmark.server.console.pages import home, now, policies, policy, policy_deeds, search, time_machine, trials
    accounts,
    admin,
    audit_log,
    channels,
    collectors,
    home,
    keys,
    now,
    people,
    profile,
    registries,
    search,
    signin,
    silences,
    subscriptions,
)
from hullmark.server.console.visit import provide_visit
from hullmark.server.console.pages import advisories, cause, exceptions, home, now, search
from hullmark.server.console.pages import diff, home, image, images, message, now, search, verdict

PAGES: tuple[Any, ...] = (
    diff,
    home,
    image,
    images,
    message,
    now,
    fleet,
    placed,
    applications,
    rebuild,
    minimality,
    search,
    signin,
    advisories,
    cause,
    exceptions,
    policies,
    policy,
    policy_deeds,
    trials,
    time_machine,
    profile,
    admin,
    people,
    keys,
    registries,
    channels,
    subscriptions,
    silences,
    collectors,
    audit_log,
    accounts,
    verdict,
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
    return [router(), *static_files.ROUTES]
