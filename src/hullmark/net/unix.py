"""HTTP to a daemon: over a Unix socket, plain TCP, or TLS with a certificate of the client's (Docker Engine API's transports)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hullmark.net.errors import AnswerTooLarge, Cut, TimedOut, Unreachable

if TYPE_CHECKING:
    import http.client
    import ssl

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
    """GET a path from `unix:///PATH`, `tcp://HOST:PORT` or `tls://HOST:PORT#FOLDER`, a folder with ca.pem, cert.pem and key.pem as docker's
    client has them. Raises Unreachable, TimedOut, Cut."""
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


def _context(folder: str) -> ssl.SSLContext:
    """What a folder says of TLS: whom to trust (else the system's authorities), and who we are. Raises Unreachable."""
    import ssl

    authority, certificate, key = (Path(folder, f"{name}.pem") for name in ("ca", "cert", "key"))
    try:
        context = ssl.create_default_context(cafile=str(authority) if authority.exists() else None)
        if certificate.exists():
            context.load_cert_chain(certificate, key)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Unreachable(
            f"the certificates in {folder} cannot be used ({reason})",
            advice="DOCKER_CERT_PATH names a folder with ca.pem, cert.pem and key.pem",
        ) from error
    return context


def _connection(address: str, timeout: float) -> http.client.HTTPConnection:
    import http.client
    import socket

    scheme, _, rest = address.partition("://")
    if scheme == "tcp":
        return http.client.HTTPConnection(rest, timeout=timeout)
    if scheme == "tls":
        host, _, folder = rest.partition("#")
        return http.client.HTTPSConnection(host, timeout=timeout, context=_context(folder))

    class OverUnixSocket(http.client.HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self.sock.settimeout(timeout)
            self.sock.connect(rest)

    return OverUnixSocket("localhost", timeout=timeout)
