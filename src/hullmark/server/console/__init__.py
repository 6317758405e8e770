"""The console: pages for people, over what stories and tables know. To add a page, write a module in pages/ and name it in PAGES."""

from __future__ import annotations

from typing import Any

from litestar import Router

from hullmark.server.console import front, static_files
from hullmark.server.console.failures import HANDLERS
from hullmark.server.console.pages import diff, home, image, images, message, now, search, verdict

PAGES: tuple[Any, ...] = (
    diff,
    home,
    image,
    images,
    message,
    now,
    search,
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
        exception_handlers=HANDLERS,
        include_in_schema=False,
    )


def routes() -> list[Any]:
    """What the application serves for the console."""
    return [router(), *front.ROUTES, *static_files.ROUTES]
