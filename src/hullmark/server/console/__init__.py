"""The console: pages for people, over what stories and tables know. To add a page, write a module in pages/ and name it in _MODULES."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from litestar import Router
from litestar.di import Provide

from hullmark.server.console import front, static_files
from hullmark.server.console.failures import HANDLERS
from hullmark.server.console.visit import provide_visit

_MODULES = (
    "home",
    "now",
    "cause",
    "message",
    "verdict",
    "search",
    "images",
    "image",
    "minimality",
    "diff",
    "advisories",
    "exceptions",
    "fleet",
    "placed",
    "applications",
    "rebuild",
    "policies",
    "policy",
    "policy_actions",
    "trials",
    "time_machine",
    "add",
    "operations",
    "admin",
    "accounts",
    "audit_log",
    "channels",
    "chart_gallery",
    "collectors",
    "keys",
    "people",
    "profile",
    "registries",
    "signin",
    "silences",
    "subscriptions",
)

PAGES: tuple[Any, ...] = tuple(import_module(f"{__name__}.pages.{name}") for name in _MODULES)
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
