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
    """The connections of one conversation. Each can be broken off from outside while another thread waits in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: list[socket.socket] = []
        self._is_over = False

    def watch(self, connection: socket.socket) -> None:
        """Take a connection in. One that comes after the end is broken off at once."""
        with self._lock:
            if self._is_over:
                _break(connection)
            else:
                # A descriptor of our own: it stays the same connection, whatever TLS does with the socket.
                self._held.append(connection.dup())

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

    It runs in a thread of its own, because looking up a host name has no time limit.
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


def connect_to_host(host: str, port: int, guard: Guard | None, seconds: float) -> socket.socket:
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
        connection = socket.socket(family, kind, protocol)
        try:
            connection.settimeout(seconds)
            connection.connect(address)
        except OSError as error:
            connection.close()
            failed = error.strerror or str(error)
        else:
            return connection
    if refused is not None:
        raise refused
    raise Unreachable(f"{host}:{port} cannot be reached ({failed})", advice="check the address and the network")


def _addresses(host: str, port: int) -> list[tuple[Any, ...]]:
    try:
        return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    except (OSError, UnicodeError) as error:
        raise Unreachable(f"the host {host[:100]!r} is not known", advice="check the name, and the network") from error
