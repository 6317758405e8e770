"""The snapshots of advisories that this process has at hand."""

from __future__ import annotations

from typing import cast

from litestar import Litestar

from hullmark.server.stories.advisories.advisories import Books
from hullmark.server.stories.services import Services

_NAME = "books"


def books_of(app: Litestar) -> Books:
    """Those of an application, made when they are first needed."""
    if _NAME not in app.state:
        services: Services = app.state.services
        app.state[_NAME] = Books(services.objects, services.settings.data / "cache" / "snapshots")
    return cast("Books", app.state[_NAME])
