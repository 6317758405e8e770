"""The front of the authorisation plugin: a thin process that always answers dockerd, whatever becomes of the deciding one.

It needs nothing but the standard library, imports nothing of ours and starts in a twentieth of a second. What only reads, and what ends
containers, it answers itself; all else it hands to the deciding process, which it starts, and starts again when that ends. Where no answer
comes it answers by the fail mode: `closed` refuses, `open` allows. If this process is gone, dockerd refuses every call.

The decider accepts connections on a socket that it inherits (`--fd`): a message and an answer each, as JSON behind four bytes of length.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import NamedTuple

_LARGEST_MESSAGE = 16 << 20
"""The daemon hands over bodies of up to 1 MiB, in base64; nothing near this comes from it."""
_LONGEST_ANSWER = 1 << 16
_MEDIA_TYPE = "application/vnd.docker.plugins.v1.1+json"
_READS = ("GET", "HEAD", "OPTIONS")
_ENDS = re.compile(r"(?:/v[0-9.]+)?/containers/[A-Za-z0-9_.-]+/(?:stop|kill|wait)(?:\?[^#]*)?").fullmatch
_FIRST_PAUSE, _LONGEST_PAUSE, _STEADY = 0.1, 5.0, 10.0
_ALLOW: dict[str, object] = {"Allow": True}


class FrontSettings(NamedTuple):
    """Where the front listens, what it starts, how long it waits for an answer (seconds), and what it answers without one."""

    socket: Path
    decider: tuple[str, ...]
    fails_open: bool
    timeout: float


class Decider:
    """The deciding process, and the socket that it takes messages from; the socket is kept while the process is started again."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._command = tuple(command)
        self._path = folder / "decider.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(self._path))
        self._listener.listen(1024)
        self._stop = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        """Start it, and start it again whenever it ends."""
        self._thread.start()

    def stop(self) -> None:
        """End it."""
        self._stop.set()
        if self._process is not None:
            self._process.terminate()
        self._thread.join(10)
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
        self._listener.close()

    def ask(self, message: bytes, timeout: float) -> dict[str, object]:
        """Its answer. Raises OSError or ValueError where there is none."""
        until = time.monotonic() + timeout
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(str(self._path))
            connection.sendall(len(message).to_bytes(4, "big") + message)
            size = int.from_bytes(_receive_bytes(connection, 4, until), "big")
            if size > _LONGEST_ANSWER:
                raise ValueError("the answer is too long")
            answer = json.loads(_receive_bytes(connection, size, until))
        if not isinstance(answer, dict) or not isinstance(answer.get("Allow"), bool):
            raise ValueError("the answer has another form")
        return answer

    def _keep(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stop.is_set():
            began = time.monotonic()
            number = self._listener.fileno()
            try:
                command = (*self._command, "--fd", str(number))
                # Its standard input ends when this process does, and then it ends too.
                with subprocess.Popen(command, pass_fds=(number,), stdin=subprocess.PIPE) as self._process:  # noqa: S603
                    status: object = self._process.wait()
            except OSError as error:
                status = error
            if self._stop.is_set():
                return
            pause = _FIRST_PAUSE if time.monotonic() - began > _STEADY else min(pause * 2, _LONGEST_PAUSE)
            _say(f"the deciding process ended ({status}); it starts again in {pause:.1f} s")
            self._stop.wait(pause)


class Front(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """The plugin's socket. A thread for each connection of the daemon.

    It is bound under another name and gets its own when it listens: whoever sees it is answered, also while one takes over from another.
    """

    daemon_threads = True
    request_queue_size = 1024

    def __init__(self, settings: FrontSettings, decider: Decider) -> None:
        self.settings, self.decider = settings, decider
        self._bound = settings.socket.with_name(f".{os.getpid()}")
        self._bound.unlink(missing_ok=True)
        self._identity = (0, 0)
        super().__init__(str(self._bound), _Connection)

    def server_activate(self) -> None:
        super().server_activate()
        self._identity = _identity(self._bound)
        self._bound.replace(self.settings.socket)

    def server_close(self) -> None:
        """Stop listening, and remove the socket unless another front has replaced it."""
        super().server_close()
        self._bound.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if _identity(self.settings.socket) == self._identity:
                self.settings.socket.unlink()

    def answer(self, message: bytes) -> dict[str, object]:
        """The answer to a message to AuthZReq."""
        method, address = _call_of(message)
        if method in _READS or (method == "POST" and _ENDS(address)):
            return _ALLOW
        try:
            return self.decider.ask(message, self.settings.timeout)
        except (OSError, ValueError) as error:
            mode = "open" if self.settings.fails_open else "closed"
            reason = f"hullmark cannot decide ({type(error).__name__}), and fails {mode}"
            _say(f"{method} {address[:200]}: {reason}")
            return {"Allow": True} if self.settings.fails_open else {"Allow": False, "Msg": reason}


class _Connection(BaseHTTPRequestHandler):
    """HTTP/1.1 as dockerd speaks it to its plugins: POST, bodies in chunks or with a length."""

    protocol_version = "HTTP/1.1"
    server: Front

    def do_POST(self) -> None:
        try:
            body = self._body()
        except (ValueError, OSError):
            self.close_connection = True
            self._send({"Allow": False, "Msg": "hullmark cannot read the daemon's message", "Err": ""})
            return
        if self.path == "/Plugin.Activate":
            self._send({"Implements": ["authz"]})
        elif self.path == "/AuthZPlugin.AuthZReq":
            self._send({"Msg": "", "Err": "", **self.server.answer(body)})
        elif self.path == "/AuthZPlugin.AuthZRes":
            self._send({"Allow": True, "Msg": "", "Err": ""})  # what was done cannot be undone by hiding its answer
        else:
            self._send({"Err": "hullmark is an authorisation plugin"}, 404)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunks()
        size = int(self.headers.get("Content-Length") or 0)
        if not 0 <= size <= _LARGEST_MESSAGE:
            raise ValueError("too large")
        return self.rfile.read(size)

    def _chunks(self) -> bytes:
        body = bytearray()
        while True:
            line = self.rfile.readline(1024)
            size = int(line.partition(b";")[0].strip(), 16)
            if size < 0 or len(body) + size > _LARGEST_MESSAGE:
                raise ValueError("too large")
            if not size:
                break
            body += self.rfile.read(size)
            self.rfile.readline(8)
        while self.rfile.readline(4096).strip():
            pass  # trailers
        return bytes(body)

    def _send(self, answer: dict[str, object], status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", _MEDIA_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Calls are told of by whoever decides them."""


def _identity(path: Path) -> tuple[int, int]:
    """Identifies a socket file: the inode alone could be reused."""
    found = path.stat()
    return found.st_ino, found.st_mtime_ns


def _receive_bytes(connection: socket.socket, size: int, until: float) -> bytes:
    body = bytearray()
    while len(body) < size:
        connection.settimeout(max(until - time.monotonic(), 0.001))
        piece = connection.recv(size - len(body))
        if not piece:
            raise ConnectionError("the deciding process hung up")
        body += piece
    return bytes(body)


def _call_of(message: bytes) -> tuple[str, str]:
    """The method and the address; ("", "") where they cannot be told: whoever decides refuses that."""
    try:
        told = json.loads(message)
        method, address = told["RequestMethod"], told["RequestUri"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", ""
    return (method, address) if isinstance(method, str) and isinstance(address, str) else ("", "")


def _say(line: str) -> None:
    sys.stderr.write("hullmark: " + "".join(c if c.isprintable() else "?" for c in line) + "\n")
    sys.stderr.flush()


def serve(settings: FrontSettings) -> None:
    """Answer dockerd until the process is told to end."""
    settings.socket.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hullmark-gate-") as folder:
        decider = Decider(settings.decider, Path(folder))
        before = os.umask(0o177)
        front = Front(settings, decider)
        os.umask(before)
        _shut_down_by_signals(front)
        decider.start()
        _say(f"answering dockerd at {settings.socket}")
        try:
            front.serve_forever()
        finally:
            front.server_close()
            decider.stop()


def _shut_down_by_signals(front: Front) -> None:
    # The interpreter writes the signals into a pipe. A handler could not start a thread: the main thread may be starting one just then, and
    # would wait for itself.
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def listen() -> None:
        os.read(reader, 1)
        front.shutdown()

    threading.Thread(target=listen, daemon=True).start()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)


def main(argv: Sequence[str]) -> None:
    """`front.py SOCKET open|closed SECONDS COMMAND…`: as `hullmark admit docker` starts it."""
    socket_path, mode, seconds, *command = argv
    serve(FrontSettings(Path(socket_path), tuple(command), mode == "open", float(seconds)))


if __name__ == "__main__":
    main(sys.argv[1:])
