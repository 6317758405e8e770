"""The desk's application behind a real HTTP server, in a thread with a loop of its own: for clients that are not asynchronous."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import uvicorn

from hullmark.server.api.protocol import protocol_class
from tests.support.desk import Desk, desk

T = TypeVar("T")


class Standing:
    """A server that runs. `url` is its address, `run` has something done where it lives."""

    def __init__(self, port: int, at: Desk, loop: asyncio.AbstractEventLoop) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self.at = at
        self._loop = loop

    def run(self, what: Coroutine[Any, Any, T], seconds: float = 120) -> T:
        """Wait for something that is done in the server's loop."""
        return asyncio.run_coroutine_threadsafe(what, self._loop).result(seconds)


async def _serve(at: Desk, ready: Callable[[int], None], stop: asyncio.Event, port: int) -> None:
    # asyncio sends at once only where a socket says that it is TCP's; else a body waits 40 ms for the word that its head came.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    config = uvicorn.Config(
        at.app,
        http=protocol_class(),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=5,
    )
    server = uvicorn.Server(config)
    # The signals are the test run's own.
    server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:
        await asyncio.sleep(0.01)
    ready(listener.getsockname()[1])
    await stop.wait()
    server.should_exit = True
    await serving


@contextlib.contextmanager
def standing(
    database_url: str,
    folder: Path,
    furnish: Callable[[Desk], Awaitable[None]] | None = None,
    *,
    port: int = 0,
    **changes: Any,
) -> Iterator[Standing]:
    """A server over this database; `furnish` is done before it begins. `port` 0: any that is free."""
    made: list[Standing] = []
    failed: list[BaseException] = []
    is_ready, loop, stop = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def main() -> None:
        async with desk(database_url, folder, **changes) as at:
            if furnish is not None:
                await furnish(at)

            def ready(port: int) -> None:
                made.append(Standing(port, at, loop))
                is_ready.set()

            await _serve(at, ready, stop, port)

    def live() -> None:
        try:
            loop.run_until_complete(main())
        except BaseException as error:  # noqa: BLE001 - told to whom waits for it
            failed.append(error)
        finally:
            is_ready.set()
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    thread = threading.Thread(target=live, daemon=True)
    thread.start()
    is_ready.wait(180)
    if failed:
        raise failed[0]
    try:
        yield made[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
    assert not thread.is_alive()
    if failed:
        raise failed[0]
