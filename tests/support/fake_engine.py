"""A container engine in this process that answers whatever it is told to, on a Unix socket."""

from __future__ import annotations

import contextlib
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.images import to_json

Answer = bytes | object | Callable[[dict[str, str]], "bytes | int"]


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""


@dataclass
class FakeEngine:
    """`answers` by path: bytes as they are, a function of the query, or anything that becomes JSON. Others are not found."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def listening(self, folder: Path) -> Iterator[str]:
        """Its address."""
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

            def address_string(self) -> str:
                return ""

            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                engine.asked.append(unquote(self.path))
                query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
                found: Any = engine.answers.get(unquote(parts.path), 404)
                if callable(found):
                    found = found(query)
                status = found if isinstance(found, int) else 200
                body = b'{"message": "no such thing"}' if isinstance(found, int) else to_json(found)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        server = _Server(str(folder / "engine.sock"), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"unix://{folder}/engine.sock"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def packed(name: str, body: bytes = b"", mode: int = 0o755, kind: bytes = tarfile.REGTYPE, mtime: int = 5) -> bytes:
    """A file as an engine hands it out."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size, info.mode, info.type, info.mtime = len(body), mode, kind, mtime
        tar.addfile(info, io.BytesIO(body))
    return out.getvalue()
