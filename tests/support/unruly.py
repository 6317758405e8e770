"""A receiver of webhooks that keeps all that it is sent, and often answers as none should."""

from __future__ import annotations

import contextlib
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_WAYS = ("error", "error", "close", "half", "wait", "hang")


@dataclass(frozen=True)
class Got:
    """A message that came whole: at which path, its id, and how it was answered: `well`, or as one of the ways that are none."""

    path: str
    id: str
    body: bytes
    way: str

    @property
    def notice(self) -> Any:
        """What the event tells."""
        return json.loads(self.body)["data"]


@dataclass
class Unruly:
    """`share` of what comes to a path (`/flaky`) is answered badly: by an error, by hanging up before or within the answer, late, never."""

    share: dict[str, float]
    made: random.Random
    got: list[Got] = field(default_factory=list)
    port: int = 0
    _calm: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def url(self, path: str) -> str:
        """Where a path is."""
        return f"http://127.0.0.1:{self.port}{path}"

    def calm(self) -> None:
        """Answer everything well from now on."""
        self._calm.set()

    def take(self, path: str, number: str, body: bytes) -> str:
        """Keep what came; how it is answered."""
        with self._lock:
            is_bad = not self._calm.is_set() and self.made.random() < self.share.get(path, 0.0)
            way = self.made.choice(_WAYS) if is_bad else "well"
            self.got.append(Got(path, number, body, way))
        return way

    def wait(self, seconds: float) -> None:
        """Wait, but not when calm."""
        self._calm.wait(seconds)

    @contextmanager
    def running(self) -> Iterator[Unruly]:
        """The receiver, listening."""
        server = _Quiet(("127.0.0.1", 0), _handler(self))
        self.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.calm()
            server.shutdown()
            server.server_close()
            thread.join()


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Who was killed hangs up: that is not a fault."""


def _handler(receiver: Unruly) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            body = self.rfile.read(length)
            if len(body) < length:
                return  # the sender was killed within
            way = receiver.take(self.path, self.headers["webhook-id"], body)
            with contextlib.suppress(OSError):
                self.answer(way)

        def answer(self, way: str) -> None:
            if way == "hang":
                receiver.wait(25.0)
            if way == "wait":
                receiver.wait(2.0)
            if way in ("hang", "close"):
                self.close_connection = True
                return
            if way == "half":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
                self.close_connection = True
                return
            self.send_response(500 if way == "error" else 204)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
