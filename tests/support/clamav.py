"""ClamAV for tests: the test file that all scanners know, signatures for it, a real daemon, and a fake one that can misbehave."""

from __future__ import annotations

import shutil
import socketserver
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)" + rb"7}$EICAR-STANDARD-" + rb"ANTIVIRUS-TEST-FILE!$H+H*"
"""The test file of the European Institute for Computer Antivirus Research. Put together here, so that no scanner takes this file for it."""

SIGNATURE = "Test.Eicar.UNOFFICIAL"
"""ClamAV's name for signatures that are not its makers' own ends so."""

RULE = 'rule eicar { strings: $a = "EICAR-STANDARD-" $b = "ANTIVIRUS-TEST-FILE" condition: $a and $b }\n'


def write_signatures(folder: Path) -> Path:
    """A database of ClamAV with one signature: the test file anywhere in a file of any kind (extended format, .ndb)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "test.ndb").write_text(f"Test.Eicar:0:*:{EICAR.hex()}\n")
    return folder


def clamscan_program() -> str:
    """Where clamscan is; skips the test where it is not."""
    program = shutil.which("clamscan")
    if program is None:
        pytest.skip("clamscan is not installed")
    return program


@contextmanager
def real_clamd(folder: Path, settings: str = "") -> Iterator[str]:
    """The address of a daemon with the test's own signatures and further settings; skips the test where clamd is not installed."""
    program = shutil.which("clamd") or shutil.which("clamd", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("clamd is not installed")
    folder.mkdir(parents=True, exist_ok=True)
    socket_path = folder / "clamd.sock"
    config = folder / "clamd.conf"
    config.write_text(
        f"LocalSocket {socket_path}\nDatabaseDirectory {write_signatures(folder / 'signatures')}\n"
        f"TemporaryDirectory {folder}\nForeground yes\n{settings}\n"
    )
    with (folder / "clamd.log").open("wb") as log:
        daemon = subprocess.Popen([program, f"--config-file={config}"], stdout=log, stderr=log)
        try:
            for _ in range(600):
                if socket_path.exists() or daemon.poll() is not None:
                    break
                time.sleep(0.05)
            if not socket_path.exists():
                pytest.fail(f"clamd does not start: {(folder / 'clamd.log').read_text()[-500:]}")
            yield f"unix://{socket_path}"
        finally:
            daemon.kill()
            daemon.wait()


@dataclass
class FakeClamd:
    """A daemon that answers what it is told to, and finds the test file.

    `answer` is given to every file, in place of what is true; `dies_after` files it is gone, in the middle of the next; `size_limit`
    is what it takes; `is_silent` never answers a file; `breaks_off` ends the connection without an answer but goes on.
    """

    version: bytes = b"ClamAV 1.4.2/27500/Tue Jan  7 09:00:00 2025"
    answer: bytes = b""
    dies_after: int = -1
    size_limit: int = -1
    is_silent: bool = False
    breaks_off: bool = False
    files: list[bytes] = field(default_factory=list)
    connections: int = 0
    address: str = ""

    @property
    def is_dead(self) -> bool:
        """Whether it has looked at all the files that it will."""
        return 0 <= self.dies_after <= len(self.files)


class _Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        server = self.server
        assert isinstance(server, _UnixServer | _TcpServer)
        fake = server.fake
        fake.connections += 1
        command = self._command()
        if fake.is_dead:
            return
        if command == b"zVERSION":
            self.wfile.write(fake.version + b"\0")
        elif command == b"zPING":
            self.wfile.write(b"PONG\0")
        elif command == b"zINSTREAM":
            self._file(fake, server)

    def _command(self) -> bytes:
        command = bytearray()
        while (byte := self.rfile.read(1)) not in (b"\0", b""):
            command += byte
        return bytes(command)

    def _file(self, fake: FakeClamd, server: _UnixServer | _TcpServer) -> None:
        body = bytearray()
        while length := int.from_bytes(self.rfile.read(4), "big"):
            if 0 <= fake.size_limit < len(body) + length:
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
            body += self.rfile.read(length)
        fake.files.append(bytes(body))
        if fake.is_silent:
            server.stopped.wait()
        elif not fake.breaks_off:
            found = b"Test.Eicar FOUND" if EICAR in body else b"OK"
            self.wfile.write((fake.answer or b"stream: " + found) + b"\0")


class _UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    request_queue_size = 50
    fake: FakeClamd
    stopped: threading.Event


class _TcpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 50
    fake: FakeClamd
    stopped: threading.Event


@contextmanager
def fake_clamd(folder: Path, fake: FakeClamd, *, is_tcp: bool = False) -> Iterator[FakeClamd]:
    """The daemon at work, its address set. A scanner's first contact hands it a file too."""
    path = folder / "fake.sock"
    server: _UnixServer | _TcpServer
    if is_tcp:
        server = _TcpServer(("127.0.0.1", 0), _Handler)
        fake.address = f"tcp://127.0.0.1:{server.server_address[1]}"
    else:
        server = _UnixServer(str(path), _Handler)
        fake.address = f"unix://{path}"
    server.fake, server.stopped = fake, threading.Event()
    with server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield fake
        finally:
            server.stopped.set()
            server.shutdown()
            thread.join()
            path.unlink(missing_ok=True)
