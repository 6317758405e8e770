"""One process of the server, in one role; settings come from the environment. `python -m hullmark.server.process.process ROLE`."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext, suppress

import structlog

from hullmark.model.errors import HullmarkError
from hullmark.net.guard import parse_networks
from hullmark.server.logs import set_up
from hullmark.server.stories.identity.bootstrap import bootstrap
from hullmark.server.stories.services import Services, services_for
from hullmark.server.stories.settings import ROLES, Settings, settings_from
from hullmark.server.tables.database import DatabaseUnreachable
from hullmark.server.tables.forms import require_newest
from hullmark.server.tracing import flush

_log = structlog.get_logger("hullmark.serve")
_PAUSE = 1.0
PARENT = "HULLMARK_PARENT"
"""The variable with the number of the process that a role is to end with."""

_PR_SET_PDEATHSIG = 1
_HURRIED = 3
_GARBAGE = (20_000, 20, 50)
_CONNECTIONS = {"api": 20, "worker": 20, "scheduler": 20}


def run_role(role: str, settings: Settings) -> None:
    """Run until stopped. Raises HullmarkError for settings that cannot be used."""
    if not settings.database_url:
        raise HullmarkError("this role needs a database", advice="set HULLMARK_DATABASE_URL=postgresql://…")
    set_up(settings.log_level)
    hurried = _HURRIED if role == "api" else 0
    services = services_for(settings, dict(os.environ), connections=_CONNECTIONS[role], hurried=hurried)
    asyncio.run(_run(role, services))


async def _api(services: Services) -> None:
    import uvicorn

    from hullmark.server.api.app import create_app
    from hullmark.server.api.metrics_app import metrics_beside
    from hullmark.server.api.protocol import ConnectionLimits, protocol_class
    from hullmark.server.console import routes

    settings = services.settings
    await _first_person(settings)
    app = create_app(services, routes())
    trusted = parse_networks(settings.trusted_proxies)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=protocol_class(ConnectionLimits(proxies=settings.trusted_proxies)),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(trusted),
        forwarded_allow_ips=[str(network) for network in trusted],
        timeout_keep_alive=30,
        timeout_graceful_shutdown=15,
        backlog=1024,
    )
    # What was imported stays: looking through it again and again for garbage would hold up requests for milliseconds.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
    # The server sends itself again the signal that ended it, for those who have something to do before they end by it.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: None)
    async with metrics_beside(services):
        await uvicorn.Server(config).serve()


async def _first_person(settings: Settings) -> None:
    """Somebody must be able to sign in, also where no supervisor saw to it. Waits for the database as long as it takes."""
    while True:
        services = services_for(settings, dict(os.environ), connections=1)
        try:
            async with services.database:
                await bootstrap(services)
                return
        except DatabaseUnreachable as error:
            _log.warning("waiting for the database", reason=str(error))
        await asyncio.sleep(_PAUSE)


async def _worker(services: Services) -> None:
    from hullmark.server.process.worker.run import run_worker

    async with _metrics(services):
        await run_worker(services)
    # A thread may still read an image that was handed back; only the end of the process ends it.
    flush()
    sys.stderr.flush()
    os._exit(0)


async def _scheduler(services: Services) -> None:
    from hullmark.server.process.scheduler import run_scheduler

    task = asyncio.create_task(run_scheduler(services))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, task.cancel)
    async with _metrics(services):
        with suppress(asyncio.CancelledError):
            await task


def _metrics(services: Services) -> AbstractAsyncContextManager[None]:
    """The listener for metrics; what it needs is loaded only where there is one."""
    if not services.settings.metrics_listen:
        return nullcontext()
    from hullmark.server.api.metrics_app import metrics_beside

    return metrics_beside(services)


async def _run(role: str, services: Services) -> None:
    await _in_form(services.settings.database_url)
    await _RUN[role](services)


async def _in_form(url: str) -> None:
    """Waits for the database as long as it takes. Raises HullmarkError if it is not in the form that this program works with."""
    while True:
        try:
            return await asyncio.to_thread(require_newest, url)
        except DatabaseUnreachable as error:
            _log.warning("waiting for the database", reason=str(error))
        await asyncio.sleep(_PAUSE)


_RUN: dict[str, Callable[[Services], Awaitable[None]]] = {"api": _api, "worker": _worker, "scheduler": _scheduler}


def bound_to(parent: int) -> None:
    """Be ended with the process that started us: its database is gone then, and its address is to be free for the next one.

    The kernel does it, whichever way the parent ends. Nothing is lost by it: what we do counts once it is committed.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


async def first_start(services: Services) -> str:
    """Make the first account and person if there is none; returns the file with the first password, "" if there is none."""
    async with services.database:
        path = await bootstrap(services)
    return str(path) if path is not None else ""


def main(argv: list[str]) -> int:
    """Run the role of the arguments; returns the exit status."""
    if len(argv) != 1 or argv[0] not in ROLES:
        sys.stderr.write(f"a role is one of {', '.join(ROLES)}\n")
        return 2
    if parent := os.environ.pop(PARENT, ""):
        bound_to(int(parent))
    try:
        run_role(argv[0], settings_from(os.environ))
    except HullmarkError as error:
        sys.stderr.write(f"hullmark: {error}\n  {error.advice}\n")
        return 2
    finally:
        flush()
    return 0


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(main(sys.argv[1:]))
