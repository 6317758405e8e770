"""`/metrics` on a listener of its own, for collectors that do not sign in: nothing else is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from litestar import Litestar, get

from hullmark.server.metrics import exposition
from hullmark.server.stories.services import Services


class QuietServer(uvicorn.Server):
    """A server beside another one, which is who hears of signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear of none."""
        yield


def create_metrics_app(services: Services) -> Litestar:
    """The application over services that are open."""

    @get("/metrics", media_type="text/plain; version=0.0.4")
    async def metrics() -> bytes:
        return await exposition(services)

    return Litestar(route_handlers=[metrics], openapi_config=None, logging_config=None, debug=False)


def metrics_server(services: Services) -> QuietServer:
    """A server for the address that the settings give. Its `should_exit` ends it."""
    host, _, port = services.settings.metrics_listen.rpartition(":")
    config = uvicorn.Config(
        create_metrics_app(services),
        host=host.strip("[]"),
        port=int(port),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=2,
    )
    return QuietServer(config)
