"""HTTP to a daemon on this machine: over a Unix socket, or plain TCP (Docker Engine API's two transports)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from hullmark.net.errors import AnswerTooLarge, Cut, TimedOut, Unreachable

if TYPE_CHECKING:
    import http.client

_CHUNK = 1 << 18


class LocalAnswer:
    """An answer whose body is still to come. Close it, also when nothing was read."""

    def __init__(self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, where: str) -> None:
        self._connection = connection
        self._response = response
        self._where = where
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.getheaders()}

    def readinto(self, buffer: memoryview) -> int:
        """Fill some of the buffer; 0 at the end. Raises Cut or TimedOut if the body breaks off."""
        import http.client

        try:
            n = self._response.readinto(buffer)
        except TimeoutError as error:
            raise TimedOut(f"{self._where} fell silent", advice="try again") from error
        except (http.client.HTTPException, OSError) as error:
            raise Cut(f"the connection to {self._where} broke", advice="try again") from error
        # The library takes a body that ends before its Content-Length for a whole one.
        if not n and self._response.length:
            raise Cut(f"the connection to {self._where} broke", advice="try again")
        return n

    def body(self, limit: int) -> bytes:
        """All of the body. Raises AnswerTooLarge for more than `limit` bytes."""
        body, buffer = bytearray(), memoryview(bytearray(_CHUNK))
        while n := self.readinto(buffer):
            body += buffer[:n]
            if len(body) > limit:
                raise AnswerTooLarge(f"{self._where} answered with more than {limit} bytes", advice="check the address")
        return bytes(body)

    def close(self) -> None:
        """Close the connection. May be called twice."""
        self._response.close()
        self._connection.close()


def ask(address: str, path: str, timeout: float) -> LocalAnswer:
    """GET a path from `unix:///PATH` or `tcp://HOST:PORT`. Raises Unreachable, TimedOut, Cut."""
    import http.client

    connection = _connection(address, timeout)
    try:
        connection.connect()
    except OSError as error:
        connection.close()
        reason = error.strerror or str(error)
        raise Unreachable(f"{address} cannot be reached ({reason})", advice="is the daemon running?") from error
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        return LocalAnswer(connection, connection.getresponse(), address)
    except TimeoutError as error:
        connection.close()
        raise TimedOut(f"{address} fell silent", advice="try again") from error
    except (http.client.HTTPException, OSError) as error:
        connection.close()
        raise Cut(f"the connection to {address} broke", advice="try again") from error


def _connection(address: str, timeout: float) -> http.client.HTTPConnection:
    import http.client
    import socket

    scheme, _, rest = address.partition("://")
    if scheme == "tcp":
        return http.client.HTTPConnection(rest, timeout=timeout)

    class OverUnixSocket(http.client.HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(timeout)
            self.sock.connect(rest)

    return OverUnixSocket("localhost", timeout=timeout)
