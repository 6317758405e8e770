"""One process of the server, in one role; settings come from the environment. `python -m hullmark.service.process ROLE`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress

import uvicorn

from hullmark.app.server.bootstrap import bootstrap
from hullmark.app.server.services import Services, services_for
from hullmark.app.server.settings import ROLES, Settings, settings_from
from hullmark.model.errors import HullmarkError
from hullmark.service.logs import set_up
from hullmark.service.protocol import protocol_class

_CONNECTIONS = {"api": 20, "worker": 4, "scheduler": 3}


def run_role(role: str, settings: Settings) -> None:
    """Run until told to stop. Raises HullmarkError for settings that cannot be used."""
    if not settings.database_url:
        raise HullmarkError("this role needs a database", advice="set HULLMARK_DATABASE_URL=postgresql://…")
    set_up(settings.log_level)
    services = services_for(settings, dict(os.environ), connections=_CONNECTIONS[role])
    asyncio.run(_run(role, services))


async def _api(services: Services) -> None:
    from hullmark.service.api.app import create_app

    settings = services.settings
    app = create_app(services)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=protocol_class(),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=15,
        backlog=1024,
    )
    await uvicorn.Server(config).serve()


async def _worker(services: Services) -> None:
    from hullmark.service.worker.run import run_worker

    await run_worker(services)


async def _scheduler(services: Services) -> None:
    from hullmark.service.scheduler import run_scheduler

    task = asyncio.create_task(run_scheduler(services))
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, task.cancel)
    with suppress(asyncio.CancelledError):
        await task


async def _run(role: str, services: Services) -> None:
    await _RUN[role](services)


_RUN: dict[str, Callable[[Services], Awaitable[None]]] = {"api": _api, "worker": _worker, "scheduler": _scheduler}


async def first_start(services: Services) -> str:
    """Make the first account and person if there is none; answers the file with the first password, "" if there is none."""
    async with services.database:
        path = await bootstrap(services)
    return str(path) if path is not None else ""


def main(argv: list[str]) -> int:
    """Run the role of the arguments; answers the exit status."""
    if len(argv) != 1 or argv[0] not in ROLES:
        sys.stderr.write(f"a role is one of {', '.join(ROLES)}\n")
        return 2
    try:
        run_role(argv[0], settings_from(os.environ))
    except HullmarkError as error:
        sys.stderr.write(f"hullmark: {error}\n  {error.advice}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.stdout.flush()
    os._exit(main(sys.argv[1:]))
