"""The snapshots of advisories that this process has at hand."""

from __future__ import annotations

from typing import cast

from litestar import Litestar

from hullmark.server.stories.advisories.advisories import SnapshotCache
from hullmark.server.stories.services import Services

_NAME = "snapshot_cache"


def snapshot_cache_of(app: Litestar) -> SnapshotCache:
    """Those of an application, made when they are first needed."""
    if _NAME not in app.state:
        services: Services = app.state.services
        app.state[_NAME] = SnapshotCache(services.objects, services.settings.data / "cache" / "snapshots")
    return cast("SnapshotCache", app.state[_NAME])
