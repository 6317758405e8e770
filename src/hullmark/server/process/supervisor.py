"""Runs everything on one machine: an embedded PostgreSQL and a process for each role. Restarts what dies, and stops all in order."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol

import msgspec
import structlog

from hullmark.model.errors import HullmarkError
from hullmark.server.postgres.embedded import EmbeddedPostgres
from hullmark.server.process.process import PARENT, first_start
from hullmark.server.stories.services import services_for
from hullmark.server.stories.settings import Settings, environment_of
from hullmark.server.tables.database import DatabaseUnreachable
from hullmark.server.tables.migrate import migrate

_log = structlog.get_logger("hullmark.serve")
_POLL = 0.2
_STOP_WAIT = 30.0
_BEGINNINGS = 10
_LONGEST_PAUSE = 5.0
_STEADY = 10.0


class Role(Protocol):
    """A process in a role, as its supervisor needs it."""

    @property
    def returncode(self) -> int | None:
        """How it ended, if it has."""

    def terminate(self) -> None:
        """Have it end. Raises ProcessLookupError if it has."""

    def kill(self) -> None:
        """End it. Raises ProcessLookupError if it has ended."""

    async def wait(self) -> object:
        """Until it has ended."""


async def start_role(role: str, environment: Mapping[str, str]) -> Role:
    """Start a process in this role, in a session of its own, so that it gets no signals from our terminal."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "hullmark.server.process.process",
        role,
        env=environment,
        start_new_session=True,
    )


class Child:
    """A process that is kept running: it is started again when it ends, after a pause that grows while it keeps failing early."""

    def __init__(self, name: str, role: str, environment: dict[str, str]) -> None:
        self.name = name
        self._role = role
        self._environment = environment
        self._process: Role | None = None
        self._started = 0.0
        self._pause = 0.0
        self._due = 0.0

    async def tend(self) -> None:
        """Start it if it is not running and its pause is over."""
        process = self._process
        if process is not None and process.returncode is None:
            return
        now = time.monotonic()
        if process is not None:
            lasted = now - self._started
            self._pause = 0.2 if lasted > _STEADY else min(max(self._pause * 2, 0.2), _LONGEST_PAUSE)
            self._due = now + self._pause
            self._process = None
            _log.warning("ended", process=self.name, status=process.returncode, again_in=self._pause)
        if now >= self._due:
            self._process = await start_role(self._role, self._environment)
            self._started = now

    async def moved(self, database_url: str) -> None:
        """Restart it with the new address of the database."""
        self._environment = {**self._environment, "HULLMARK_DATABASE_URL": database_url}
        await self.stop()

    async def stop(self) -> None:
        """Ask it to finish or hand back its work; kill it after `_STOP_WAIT` seconds."""
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_WAIT)
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def serve(settings: Settings, say: Callable[[str], None]) -> None:
    """Run everything until SIGTERM or SIGINT. Raises HullmarkError where it cannot begin."""
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    # Others may pass through it, as the database's user does, and see nothing in it.
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o711)
    embedded = None if settings.database_url else EmbeddedPostgres(settings.data / "postgres")
    try:
        settings, password = await _start_database(settings, embedded)
        if password:
            say(f"the first person is admin; the password is in {password}")
        say(f"listening on http://{settings.listen}")
        await _tend(settings, embedded, stopping)
    finally:
        if embedded is not None:
            await asyncio.to_thread(embedded.stop)


async def _start_database(settings: Settings, embedded: EmbeddedPostgres | None) -> tuple[Settings, str]:
    """The database runs and is in form, and there is somebody who can sign in; answers also where the first password is ("": given).

    An embedded database that ends meanwhile is started again, some times.
    """
    left = _BEGINNINGS
    while True:
        left -= 1
        if embedded is not None:
            settings = msgspec.structs.replace(settings, database_url=await asyncio.to_thread(embedded.start))
        try:
            await asyncio.to_thread(migrate, settings.database_url)
            return settings, await first_start(services_for(settings, dict(os.environ)))
        except DatabaseUnreachable as error:
            if embedded is None or not left:
                raise
            _log.warning("begins again", reason=str(error))
        await asyncio.sleep(_POLL)


async def _tend(settings: Settings, embedded: EmbeddedPostgres | None, stopping: asyncio.Event) -> None:
    environment = {**os.environ, **environment_of(settings), PARENT: str(os.getpid())}
    quiet = {**environment, "HULLMARK_METRICS_LISTEN": ""}  # one address, one listener: the API's
    children = [Child("api", "api", environment), Child("scheduler", "scheduler", quiet)]
    children += [Child(f"worker-{number + 1}", "worker", quiet) for number in range(settings.workers)]
    reviving: asyncio.Task[None] | None = None
    try:
        while not stopping.is_set():
            if embedded is not None and embedded.poll() is not None and (reviving is None or reviving.done()):
                reviving = asyncio.create_task(_revive(embedded, settings.database_url, children))
            for child in children:
                await child.tend()
            await _wait(stopping, _POLL)
    finally:
        _log.info("stopping")
        if reviving is not None:
            reviving.cancel()
        await asyncio.gather(*(child.stop() for child in children))
        if reviving is not None:
            with suppress(asyncio.CancelledError):
                await reviving


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


async def _revive(embedded: EmbeddedPostgres, address: str, children: list[Child]) -> None:
    """The database server died: it is restarted as often as needed. If its address changes, all processes restart."""
    _log.warning("ended", process="postgres", status=embedded.poll())
    now = ""
    while not now:
        starting = asyncio.create_task(asyncio.to_thread(embedded.start))
        try:
            now = await asyncio.shield(starting)
        except asyncio.CancelledError:
            with suppress(HullmarkError):
                await starting  # a stop must find it complete
            raise
        except HullmarkError as error:
            _log.error("cannot start", process="postgres", reason=str(error), advice=error.advice)
            await asyncio.sleep(1.0)
    if now != address:
        for child in children:
            await child.moved(now)
