"""The HTTP interface as one application: every route, how errors are told, what each request is measured by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Router
from litestar.config.app import AppConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme

from hullmark._version import __version__
from hullmark.server.api import RESOURCES, ROOT, anchore, build_middleware
from hullmark.server.api.bodies import body_guard
from hullmark.server.api.caller import provide_caller, provide_origin
from hullmark.server.api.contract import Contract
from hullmark.server.api.measured import add_headers
from hullmark.server.listening import Listeners
from hullmark.server.stories.services import Services
from hullmark.server.tasks import end_task

PREFIX = "/api/v1"


async def provide_services(request: Request[Any, Any, Any]) -> Services:
    """The dependency `services`."""
    services: Services = request.app.state.services
    return services


async def provide_listeners(request: Request[Any, Any, Any]) -> Listeners:
    """The dependency `listeners`."""
    listeners: Listeners = request.app.state.listeners
    return listeners


def create_app(services: Services, pages: Sequence[Any] = ()) -> Litestar:
    """The application over these services, which it opens and closes. `pages` are routes of those who stand above it, as the console."""
    routes: Sequence[Any] = [handler for module in RESOURCES for handler in module.ROUTES]
    root: Sequence[Any] = [handler for module in ROOT for handler in module.ROUTES]
    return Litestar(
        route_handlers=[Router(PREFIX, route_handlers=routes), anchore.router(), *anchore.ROOT, *root, *pages],
        lifespan=[_open],
        dependencies={
            "services": Provide(provide_services),
            "listeners": Provide(provide_listeners),
            "caller": Provide(provide_caller),
            "origin": Provide(provide_origin),
        },
        exception_handlers=anchore.FAILURES,
        state=State({"services": services, "listeners": Listeners(services.settings.database_url)}),
        openapi_config=_openapi(),
        on_app_init=[_add_middleware],
        before_send=[add_headers],
        request_max_body_size=services.settings.request_limit,
        logging_config=None,
        debug=False,
    )


@asynccontextmanager
async def _open(app: Litestar) -> AsyncIterator[None]:
    """What is open while the application runs."""
    services: Services = app.state.services
    listeners: Listeners = app.state.listeners
    async with services.database:
        listening = asyncio.create_task(listeners.run())
        try:
            yield
        finally:
            await end_task(listening)


def _add_middleware(config: AppConfig) -> AppConfig:
    """Everything behind sign-in; the outermost middleware first."""
    config.middleware = [body_guard(config.state["services"].settings), *build_middleware(config), *config.middleware]
    return config


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Hullmark",
        version=__version__,
        description="Says what is inside a container image, whether it may be deployed, and when it no longer may.",
        path=f"{PREFIX}/openapi",
        use_handler_docstrings=True,
        render_plugins=[Contract(path="/openapi.json")],
        components=Components(
            security_schemes={
                "bearer": SecurityScheme(type="http", scheme="bearer", description="An API key, or an OIDC token."),
                "basic": SecurityScheme(type="http", scheme="basic", description="A person's name and password."),
            }
        ),
        security=[{"bearer": []}, {"basic": []}],
    )
