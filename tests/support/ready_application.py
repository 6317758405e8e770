"""The interface's application, made ahead in a process that forks servers: making its routes takes longer than most tests ask it for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litestar import Litestar

from hullmark.server.api import app as interface
from hullmark.server.console import routes
from hullmark.server.listening import Listeners
from hullmark.server.stories.services import Services, services_for
from hullmark.server.stories.settings import Settings


def keep_application() -> None:
    """Have `create_app` hand out one that is there already, with the console's pages, to whoever does not bound bodies otherwise.

    An application holds these bounds itself; for all else it asks its services at each request.
    """
    create = interface.create_app
    nowhere = services_for(Settings(data=Path("/nonexistent"), database_url="postgresql://nowhere/x"), {})
    ready = create(nowhere, routes())

    def create_app(services: Services, pages: Sequence[Any] = ()) -> Litestar:
        if _bounds(services) != _bounds(nowhere):
            return create(services, pages)
        ready.state.clear()
        ready.state.update({"services": services, "listeners": Listeners(services.settings.database_url)})
        return ready

    interface.create_app = create_app


def _bounds(services: Services) -> tuple[object, ...]:
    return services.settings.request_limit, services.settings.body_wait
