"""Serving over TLS: certificates that are read anew when they change, and an end that loses no request.

The listening socket is handed in: who restarts a gate keeps it open, so that what connects meanwhile waits for the next process.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import uvicorn

from hullmark.model.errors import HullmarkError
from hullmark.places.gates.kubernetes.webhook import Webhook

_LOOK_SECONDS = 1.0
_DRAIN_SECONDS = 5.0
"""So long connections stay open that ask nothing when a process ends: who asks by one of them is answered, and told to connect anew."""
_QUIET_SECONDS = 0.5
"""A connection may be on its way, in the middle of its handshake: so long there must be none before all are taken to be gone."""


class Certificate:
    """A certificate with its key, in files that somebody else may replace at any time."""

    def __init__(self, certificate: Path, key: Path, say: Callable[[str], None]) -> None:
        """Raises HullmarkError where they cannot be used."""
        self._files = certificate, key
        self._say = say
        self._seen = self._state()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            self.context.load_cert_chain(certificate, key)
        except (OSError, ssl.SSLError) as error:
            raise HullmarkError(
                f"cannot use the certificate {certificate} with the key {key}: {error}",
                advice="hullmark admit certificate makes one",
            ) from error

    def renew(self) -> bool:
        """Read the files anew if they have changed; whether they had. What is half written counts when it is whole."""
        state = self._state()
        if state == self._seen or None in state:
            return False
        try:
            # Tried aside first: a certificate without its key would break those that connect meanwhile.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*self._files)
            self.context.load_cert_chain(*self._files)
        except (OSError, ssl.SSLError):
            return False
        self._seen = state
        self._say("the certificate was renewed")
        return True

    def _state(self) -> tuple[tuple[int, int, int] | None, ...]:
        found: list[tuple[int, int, int] | None] = []
        for file in self._files:
            try:
                status = file.stat()
            except OSError:
                found.append(None)
            else:
                found.append((status.st_ino, status.st_size, status.st_mtime_ns))
        return tuple(found)


class _Server(uvicorn.Server):
    """A server that is told to end by `serve` alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear of no signal."""
        yield


def ending_by_signals() -> asyncio.Event:
    """Set once SIGTERM or SIGINT comes. For the main thread, in its loop."""
    ending, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    return ending


async def serve(
    webhook: Webhook,
    listener: socket.socket,
    certificate: Certificate,
    ready: Callable[[], None],
    ending: asyncio.Event,
) -> None:
    """Answer what comes to a listening socket until `ending` is set, then what is still asked. `ready` is called once it answers."""
    config = uvicorn.Config(
        webhook,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=180,
        timeout_graceful_shutdown=10,
        backlog=1024,
    )
    config.load()
    config.ssl = certificate.context
    server = _Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    looking = asyncio.create_task(_look(certificate))
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)
    if server.started:
        ready()
    waiting = asyncio.create_task(ending.wait())
    await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)
    if not serving.done():
        await _drain(server, webhook)
        server.should_exit = True
    looking.cancel()
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    await serving


async def _drain(server: uvicorn.Server, webhook: Webhook) -> None:
    """Accept no more; answer what is asked by connections that are there, and have each closed behind it."""
    webhook.is_draining = True
    for listening in server.servers:
        listening.close()
    loop = asyncio.get_running_loop()
    until, quiet_until = loop.time() + _DRAIN_SECONDS, loop.time() + _QUIET_SECONDS
    while loop.time() < min(until, quiet_until):
        await asyncio.sleep(0.02)
        if server.server_state.connections:
            quiet_until = loop.time() + _QUIET_SECONDS


async def _look(certificate: Certificate) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        certificate.renew()
