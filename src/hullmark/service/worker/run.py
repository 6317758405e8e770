"""The worker process: takes jobs until it is told to stop, and then finishes what it does or hands it back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import procrastinate
import structlog
from procrastinate import RetryStrategy

from hullmark.app.server.advisories import Books
from hullmark.app.server.services import Services
from hullmark.service.worker.tasks import TASKS, Work, worker_name

_log = structlog.get_logger("hullmark.worker")
_GRACE = 20.0
_POLL = 5.0
_RETRIES = 25


def jobs_app(url: str, work: Work | None = None) -> procrastinate.App:
    """Procrastinate's application with every task; without `work` it can only look at jobs."""
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=url, min_size=1, max_size=4))
    for name, (queue, run) in TASKS.items():
        retry = RetryStrategy(max_attempts=_RETRIES, exponential_wait=2)
        app.task(name=name, queue=queue, retry=retry)(_bound(run, work))
    return app


def _bound(run: Callable[..., Awaitable[None]], work: Work | None) -> Callable[..., Awaitable[None]]:
    async def task(**args: Any) -> None:
        if work is not None:
            await run(work, **args)

    return task


async def run_worker(services: Services) -> None:
    """Take jobs until SIGTERM or SIGINT. One analysis at a time: it needs a whole processor; run more workers for more."""
    settings = services.settings
    work = Work(
        services=services,
        books=Books(services.objects, settings.data / "cache" / "snapshots"),
        worker=worker_name(),
    )
    async with services.database:
        app = jobs_app(settings.database_url, work)
        async with app.open_async():
            _log.info("working", worker=work.worker)
            await app.run_worker_async(
                name=work.worker,
                concurrency=1,
                wait=True,
                fetch_job_polling_interval=_POLL,
                shutdown_graceful_timeout=_GRACE,
                listen_notify=True,
                delete_jobs="successful",
                update_heartbeat_interval=settings.heartbeat,
                stalled_worker_timeout=settings.silence,
            )
    await asyncio.sleep(0)
