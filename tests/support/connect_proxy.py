"""A proxy that gives names to servers of a test: CONNECT (RFC 9110, 9.3.6) to a name leads to a port of this machine."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class ConnectProxy:
    """Where it listens, and which names it was asked for."""

    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextlib.contextmanager
def connect_proxy(names: Mapping[str, int]) -> Iterator[ConnectProxy]:
    """A proxy that knows these names (of port 443, or HOST:PORT), and no other."""
    proxy = ConnectProxy()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

        def do_CONNECT(self) -> None:
            name = self.path.removesuffix(":443")
            proxy.asked.append(name)
            if name not in names:
                self.send_error(502)
                return
            with socket.create_connection(("127.0.0.1", names[name])) as target:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=_pump, args=(target, self.connection))
                back.start()
                _pump(self.connection, target)
                back.join()

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    proxy.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextlib.contextmanager
def port_forward(address: str, port: int, target: int) -> Iterator[None]:
    """Connections to a port of one of this machine's addresses lead to the port `target`, until the block ends."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with socket.create_connection(("127.0.0.1", target)) as there:
                back = threading.Thread(target=_pump, args=(there, self.request))
                back.start()
                _pump(self.request, there)
                back.join()

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

    server = Server((address, port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    for end in (source, target):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
