"""urllib3's connections, made to addresses that a guard has seen. Imported only where there is a guard."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, LocationParseError, NameResolutionError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from hullmark.net.errors import ForbiddenAddress
from hullmark.net.guard import Guard


def guard_pools(
    manager: urllib3.PoolManager, guard: Guard, watch: Callable[[socket.socket], None] | None = None
) -> None:
    """Have all connections of a manager, those to its proxy too, made to addresses that `guard` lets pass; `watch` is shown each."""

    def connect_and_watch(connection: HTTPConnection) -> socket.socket:
        found = connect(connection, guard)
        if watch is not None:
            watch(found)
        return found

    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return connect_and_watch(self)

    class Secure(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return connect_and_watch(self)

    class PlainPool(urllib3.HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(urllib3.HTTPSConnectionPool):
        ConnectionCls = Secure

    manager.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}


def check_target(url: str, guard: Guard) -> None:
    """Check the host of a URL that is handed to a proxy, as all who read the URL on the way may understand it.

    Raises Forbidden.
    """
    parts = urlsplit(url)
    if "\\" in parts.netloc or "@" in parts.netloc:
        raise ForbiddenAddress(
            "an address with a user or a backslash in it is not handed to a proxy", advice="leave it out"
        )
    for host in (parts.hostname, urllib3.util.parse_url(url).host):
        guard.check_name(host or "")


def connect(connection: HTTPConnection, guard: Guard) -> socket.socket:
    """A socket to one of the addresses that the host has now, the first that may be and can be connected to.

    Raises Forbidden if none may be, else urllib3's errors.
    """
    refused: ForbiddenAddress | None = None
    failed: OSError | None = None
    for family, kind, protocol, _, address in _addresses(connection):
        try:
            guard.check(str(address[0]))
        except ForbiddenAddress as error:
            refused = error
            continue
        try:
            return _open_socket(connection, (family, kind, protocol), address)
        except OSError as error:
            failed = error
    if isinstance(failed, TimeoutError):
        raise ConnectTimeoutError(connection, "the connection timed out") from failed
    if failed is None and refused is not None:
        raise refused
    raise NewConnectionError(connection, f"no connection: {failed or 'no address'}") from failed


def _addresses(connection: HTTPConnection) -> list[tuple[Any, ...]]:
    # `_dns_host` is the name with its last dot, which `host` has lost: with it no search domain is tried.
    host = connection._dns_host.strip("[]")
    try:
        host.encode("idna")
    except UnicodeError:
        raise LocationParseError(f"'{host}', label empty or too long") from None
    try:
        return list(socket.getaddrinfo(host, connection.port, allowed_gai_family(), socket.SOCK_STREAM))
    except socket.gaierror as error:
        raise NameResolutionError(connection.host, connection, error) from error


def _open_socket(connection: HTTPConnection, of: tuple[int, int, int], address: Any) -> socket.socket:
    opened = socket.socket(*of)
    with ExitStack() as undo:
        undo.callback(opened.close)
        for option in connection.socket_options or ():
            opened.setsockopt(*option)
        opened.settimeout(connection.timeout)
        opened.connect(address)
        undo.pop_all()
    return opened
