"""A conversation that takes no longer than it may, however slowly the other side talks; and connections for it, under a guard."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import Any, TypeVar

from hullmark.net.errors import ForbiddenAddress, TimedOut, Unreachable
from hullmark.net.guard import Guard

T = TypeVar("T")


class Connections:
    """The connections of one conversation, each of which can be broken off from outside while another thread waits in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self._is_over = False

    def watch(self, made: socket.socket) -> None:
        """Take a connection in. One that comes after the end is broken off at once."""
        with self._lock:
            if self._is_over:
                _break(made)
            else:
                # A descriptor of our own: whatever TLS makes of the socket, it is the same connection.
                self._held.append(made.dup())

    def end(self) -> None:
        """Break all of them off. May be called twice."""
        with self._lock:
            self._is_over = True
            for held in self._held:
                _break(held)
                held.close()
            self._held.clear()


def _break(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def within(seconds: float, talk: Callable[[Connections], T], what: str) -> T:
    """What a conversation answers. Raises TimedOut if it takes longer than `seconds`, else whatever it raises.

    It runs in a thread of its own, since the name of a host may be sought for longer than anybody can be told to wait.
    """
    connections = Connections()
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="conversation")
    try:
        future = pool.submit(talk, connections)
        if wait((future,), seconds).not_done:
            raise TimedOut(f"{what} was not done within {seconds:g} seconds", advice="try again")
        return future.result()
    finally:
        connections.end()
        pool.shutdown(wait=False)


def connected(host: str, port: int, guard: Guard | None, seconds: float) -> socket.socket:
    """A connection to the first address of a host that may be, and can be, connected to. Raises Forbidden, Unreachable."""
    refused: ForbiddenAddress | None = None
    failed = "it has no address"
    for family, kind, protocol, _, address in _addresses(host, port):
        try:
            if guard is not None:
                guard.check(str(address[0]))
        except ForbiddenAddress as error:
            refused = error
            continue
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(seconds)
            made.connect(address)
        except OSError as error:
            made.close()
            failed = error.strerror or str(error)
        else:
            return made
    if refused is not None:
        raise refused
    raise Unreachable(f"{host}:{port} cannot be reached ({failed})", advice="check the address and the network")


def _addresses(host: str, port: int) -> list[tuple[Any, ...]]:
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"the host {host[:100]!r} is not known", advice="check the name, and the network") from error
