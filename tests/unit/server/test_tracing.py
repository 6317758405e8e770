"""Traces reach a collector where one is set, and cost nothing where none is."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="needs the extra `telemetry`")

_PROGRAM = """
from hullmark.server.tracing import flush, span
with span("GET /healthz", {"http.route": "/healthz"}):
    pass
flush()
import os
os._exit(0)
"""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A collector's address, and what it was sent: path and body."""
    got: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", got
    server.shutdown()
    server.server_close()
    thread.join()


def test_spans_are_sent_before_a_process_ends_at_once(collector: tuple[str, list[tuple[str, bytes]]]) -> None:
    url, got = collector
    environment = {**os.environ, "OTEL_EXPORTER_OTLP_ENDPOINT": url}
    subprocess.run([sys.executable, "-c", _PROGRAM], env=environment, check=True, timeout=60)
    assert [path for path, _ in got] == ["/v1/traces"]
    assert b"GET /healthz" in got[0][1]
    assert b"hullmark" in got[0][1]


def test_nothing_is_imported_where_nobody_collects() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OTEL_")}
    program = _PROGRAM.replace("import os\n", "import os, sys\nassert 'opentelemetry' not in sys.modules\n")
    subprocess.run([sys.executable, "-c", program], env=environment, check=True, timeout=60)
