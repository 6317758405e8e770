"""ClamAV's daemon: VERSION, PING and INSTREAM over its socket (clamd(8)), a connection for each file."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Mapping

import msgspec

from hullmark.facets.malware.clamav import engine_of, verdict
from hullmark.facets.malware.scanner import IN_MEMORY, Scan
from hullmark.facets.malware.unopened import ArchiveWatch, with_reason
from hullmark.facets.unpacking.archives import Allowance
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.malware import Engine

TIMEOUT_SECONDS = 150.0
"""The daemon itself gives a file up after two minutes (MaxScanTime), unless it is set to other values."""

CONNECT_SECONDS = 10.0
MAX_TIMEOUTS = Limit(3, "times that clamd may fail to answer for one image")

_MAX_ANSWER = Limit(64 << 10, "bytes of an answer of clamd")
_PIECE = 1 << 18
_STREAM = "stream: "
_DEEPER_THAN_ANY = 110
_SILENT = "it is not set to tell which files are beyond its limits (AlertExceedsMax)"


class ClamdScanner:
    """Implements facets.malware.scanner.Scanner with a daemon at `unix:///PATH` or `tcp://HOST:PORT`.

    Raises HullmarkError where it does not answer. What it does not see to the end later counts as not scanned; once it
    cannot be reached any more, or was silent too often, nothing is sent to it.
    """

    limit = IN_MEMORY

    def __init__(self, address: str) -> None:
        self._address = address
        self._timeouts = 0
        self._allowance = Allowance()
        self.dead = ""
        try:
            engine = engine_of(self._ask(b"zVERSION\0"))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise HullmarkError(f"clamd at {address} cannot be reached: {reason}", advice="check --clamd") from error
        if engine is None:
            raise HullmarkError(f"what answers at {address} is not a clamd", advice="check --clamd")
        self.engine: Engine = msgspec.structs.replace(engine, caveat="" if self._tells_limits() else _SILENT)

    def _tells_limits(self) -> bool:
        """Whether it says so of an archive in an archive in an archive, deeper than it can be set to look."""
        body = b""
        for _ in range(_DEEPER_THAN_ANY):
            body = gzip.compress(body, mtime=0)
        return bool(self.scan(memoryview(body)).failed)

    def _ask(self, command: bytes) -> str:
        with self.connected() as connection:
            connection.settimeout(CONNECT_SECONDS)
            connection.sendall(command)
            return answer_of(connection)

    def connected(self) -> socket.socket:
        """A new connection. Raises OSError, and ValueError for an invalid address."""
        scheme, _, rest = self._address.partition("://")
        if scheme == "unix":
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(CONNECT_SECONDS)
                connection.connect(rest)
            except BaseException:
                connection.close()
                raise
        else:
            host, _, port = rest.rpartition(":")
            if scheme != "tcp" or not port.isdecimal() or int(port) > 0xFFFF:
                raise ValueError("an address is written as unix:///PATH or tcp://HOST:PORT")
            connection = socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS)
        connection.settimeout(TIMEOUT_SECONDS)
        return connection

    def scan(self, body: memoryview) -> Scan:
        """Hand one file over."""
        stream = self.stream(len(body))
        stream.write(body)
        return stream.finish()

    def stream(self, size: int) -> ClamdStream:
        """Hand a file over as it comes."""
        return ClamdStream(self, ArchiveWatch(size, self._allowance))

    def lost(self, error: OSError) -> Scan:
        """The answer for a file if the connection was lost or nothing came. The daemon may still be running, or not."""
        if isinstance(error, TimeoutError):
            self._timeouts += 1
            if self._timeouts >= MAX_TIMEOUTS:
                self.dead = f"clamd did not answer in time for {MAX_TIMEOUTS} files, and was not asked any more"
            return Scan(failed="clamd did not answer in time", is_passing=True)
        try:
            is_there = self._ask(b"zPING\0") == "PONG"
        except OSError:
            is_there = False
        if is_there:
            return Scan(failed=f"clamd broke off ({_reason_of(error)})", is_passing=True)
        return self.gone(error)

    def gone(self, error: OSError) -> Scan:
        """The answer for every file from now on: the daemon cannot be reached."""
        self.dead = self.dead or f"clamd does not answer any more ({_reason_of(error)})"
        return Scan(failed=self.dead, is_passing=True)

    def settle(self) -> Mapping[str, Scan]:
        """Nothing is ever pending."""
        return {}


class ClamdStream:
    """One file on its way to the daemon: chunks, each after its length in four bytes, then a length of zero."""

    def __init__(self, daemon: ClamdScanner, watch: ArchiveWatch) -> None:
        self._daemon = daemon
        self._connection: socket.socket | None = None
        self._failed = Scan(failed=daemon.dead, is_passing=True)
        self._is_refused = False
        self._watch = watch
        if daemon.dead:
            return
        try:
            self._connection = daemon.connected()
        except OSError as error:
            self._failed = daemon.gone(error)
            return
        self._send(b"zINSTREAM\0")

    def write(self, piece: memoryview, /) -> None:
        """The next bytes."""
        self._watch.write(piece)
        for at in range(0, len(piece), _PIECE):
            chunk = piece[at : at + _PIECE]
            self._send(len(chunk).to_bytes(4, "big"))
            self._send(chunk)

    def _send(self, data: bytes | memoryview) -> None:
        if self._connection is None or self._is_refused:
            return
        try:
            self._connection.sendall(data)
        except TimeoutError as error:
            self._failed = self._daemon.lost(error)
            self._close()
        except OSError:
            # It stops reading files that are too large for it: its answer says whether that happened.
            self._is_refused = True

    def finish(self) -> Scan:
        """The daemon's answer."""
        self._send(bytes(4))
        if self._connection is None:
            return self._failed
        try:
            answer = verdict(answer_of(self._connection).removeprefix(_STREAM))
            return with_reason(answer, self._watch.finish())
        except OSError as error:
            return self._daemon.lost(error)
        finally:
            self._close()

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def answer_of(connection: socket.socket) -> str:
    """The answer up to its NUL byte. Raises OSError if the connection ends first, or the answer is endless."""
    answer = bytearray()
    while not answer.endswith(b"\0"):
        piece = connection.recv(4096)
        if not piece or len(answer) > _MAX_ANSWER:
            raise ConnectionResetError("the answer was cut short")
        answer += piece
    return answer[:-1].decode("utf-8", "replace").strip()


def _reason_of(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
