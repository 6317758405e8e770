"""`/metrics` and `/healthz` on a listener of its own, for collectors and probes that do not sign in: nothing else is there.

Each role has it where the settings say so; beneath a supervisor the API alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from litestar import Litestar, get

from hullmark.server.metrics import exposition
from hullmark.server.stories.services import Services


class QuietServer(uvicorn.Server):
    """A server beside something else, which is who hears of signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear of none."""
        yield


def create_metrics_app(services: Services) -> Litestar:
    """The application over services that somebody else opens."""

    @get("/metrics", media_type="text/plain; version=0.0.4")
    async def metrics() -> bytes:
        return await exposition(services)

    @get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return Litestar(route_handlers=[metrics, healthz], openapi_config=None, logging_config=None, debug=False)


@asynccontextmanager
async def metrics_beside(services: Services) -> AsyncIterator[None]:
    """Answer at `metrics_listen` meanwhile; nowhere where there is none."""
    if not services.settings.metrics_listen:
        yield
        return
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
    server = QuietServer(config)
    serving = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        await serving
