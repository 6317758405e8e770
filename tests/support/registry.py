"""Registries for tests: a fake one that can misbehave, Debian's real one, and a proxy that cuts connections."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.support.images import INDEX, MANIFEST, Blobs

Headers = dict[str, str]
Canned = tuple[int, Headers, bytes]
_PIECE = 1 << 16
"""What a slow registry gives at once."""


@dataclass
class FakeRegistry:
    """A registry with one repository, `shop`, and `others`: their tags by name. Its fields say how it behaves; `log` is what it was asked.

    `answers` are given first, one a request. `login` (user, password) is wanted by `scheme`, basic or bearer. `redirect`
    sends blobs elsewhere. `cut_after` bytes of a blob the connection breaks, `cuts` times. `digests` says what it tells of a
    manifest's digest: false, true or none at all; `etags` whether it gives them, and answers 304. A path with a part that it `refuses` is
    answered with that status and headers. `rate`: how many bytes of a blob come in a second (0: all at once). `address`: where it listens.
    """

    blobs: Blobs
    tags: dict[str, str] = field(default_factory=dict)
    repository: str = "shop"
    others: dict[str, dict[str, str]] = field(default_factory=dict)
    answers: list[Canned] = field(default_factory=list)
    login: tuple[str, str] | None = None
    scheme: str = "bearer"
    anonymous: bool = True
    identity_token: str = ""
    answer_field: str = "token"
    token_lives: int = 1_000_000
    realm: str = ""
    redirect: str = ""
    cut_after: int = 0
    cuts: int = 0
    ignores_range: bool = False
    lies_about_range: bool = False
    digests: str = "false"
    etags: bool = False
    refuses: dict[str, tuple[int, dict[str, str]]] = field(default_factory=dict)
    log: list[tuple[str, str, Headers]] = field(default_factory=list)
    rate: int = 0
    address: str = "127.0.0.1"
    tls: ssl.SSLContext | None = None
    url: str = ""
    tokens: dict[str, int] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """Where it listens, as in a reference."""
        return urlsplit(self.url).netloc

    @contextlib.contextmanager
    def running(self) -> Iterator[FakeRegistry]:
        """Serve until the block ends."""
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else each answer waits 40 ms, for the word that its head came

            def log_message(self, format: str, *args: object) -> None:
                pass

            def do_GET(self) -> None:
                registry.serve(self)

            do_HEAD = do_GET  # noqa: N815
            do_POST = do_GET  # noqa: N815

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass

        server = Server((self.address, 0), Handler)
        if self.tls is not None:
            server.socket = self.tls.wrap_socket(server.socket, server_side=True)
        self.url = f"{'https' if self.tls else 'http'}://{self.address}:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def asked(self, part: str) -> list[Headers]:
        """The headers of every request whose path holds this."""
        return [headers for _, path, headers in self.log if part in path]

    def methods(self, part: str = "") -> list[str]:
        """The methods of every request whose path holds this."""
        return [method for method, path, _ in self.log if part in path]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        headers = {name.lower(): value for name, value in handler.headers.items()}
        body = handler.rfile.read(int(headers.get("content-length", "0")))
        self.log.append((handler.command, handler.path, headers))
        if self.answers:
            status, more, answer = self.answers.pop(0)
        else:
            status, more, answer = self.answer(handler.path, headers, body)
        cut = self.cut_after and self.cuts and "/blobs/" in handler.path and len(answer) > self.cut_after
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(answer)), **more}.items():
            handler.send_header(name, value)
        handler.end_headers()
        if handler.command == "HEAD":
            return
        if cut:
            self.cuts -= 1
            answer = answer[: self.cut_after]
            handler.close_connection = True
        if not self.rate or "/blobs/" not in handler.path:
            handler.wfile.write(answer)
            return
        with contextlib.suppress(OSError):  # who listens may be gone meanwhile
            for start in range(0, len(answer), _PIECE):
                handler.wfile.write(answer[start : start + _PIECE])
                rate = self.rate  # a test may set it to 0 meanwhile
                time.sleep(_PIECE / rate if rate else 0)

    def answer(self, path: str, headers: Headers, body: bytes) -> Canned:
        """What a registry answers."""
        parts = urlsplit(path)
        if parts.path == "/token":
            return self._token(parse_qs(parts.query), headers, parse_qs(body.decode()))
        if (self.login or not self.anonymous) and not self._is_in(headers.get("authorization", "")):
            return 401, {"WWW-Authenticate": self._challenge()}, b"{}"
        repository = next((each for each in self.others if parts.path.startswith(f"/v2/{each}/")), self.repository)
        tags = self.others.get(repository, self.tags)
        prefix = f"/v2/{repository}/"
        kind, _, name = parts.path.removeprefix(prefix).partition("/")
        digest = tags.get(name, name)
        refused = next((refuse for part, refuse in self.refuses.items() if part in path), None)
        if refused is not None:
            return *refused, b"{}"
        if parts.path == f"{prefix}tags/list":
            return 200, {}, json.dumps({"name": repository, "tags": sorted(tags)}).encode()
        if not parts.path.startswith(prefix) or digest not in self.blobs.held:
            return 404, {}, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}'
        found = self.blobs.held[digest]
        if kind == "manifests":
            return self._manifest(digest, found, headers.get("if-none-match", ""))
        if self.redirect:
            return 307, {"Location": f"{self.redirect}{parts.path}?signature=secret"}, b""
        return self._blob(found, headers.get("range", ""))

    def _manifest(self, digest: str, body: bytes, known: str) -> Canned:
        told = {"Content-Type": INDEX if b'"manifests"' in body else MANIFEST}
        if self.digests != "none":
            told["Docker-Content-Digest"] = digest if self.digests == "true" else "sha256:" + "0" * 64
        if self.etags:
            told["ETag"] = f'"{digest}"'
            if known == told["ETag"]:
                return 304, told, b""
        return 200, told, body

    def _blob(self, body: bytes, wanted: str) -> Canned:
        if not wanted or self.ignores_range:
            return 200, {}, body
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        said = start + 1 if self.lies_about_range else start
        return 206, {"Content-Range": f"bytes {said}-{len(body) - 1}/{len(body)}"}, body[start:]

    def _challenge(self) -> str:
        if self.scheme == "basic":
            return 'Basic realm="shop"'
        realm = self.realm or f"{self.url}/token"
        return f'Bearer realm="{realm}",service="shop, inc",scope="repository:{self.repository}:pull"'

    def _is_in(self, authorization: str) -> bool:
        if self.scheme == "basic":
            return authorization == f"Basic {encoded(self.login)}"
        token = authorization.removeprefix("Bearer ")
        if self.tokens.get(token, 0) <= 0:
            return False
        self.tokens[token] -= 1
        return True

    def _token(self, query: dict[str, list[str]], headers: Headers, form: dict[str, list[str]]) -> Canned:
        refreshed = bool(self.identity_token) and form.get("refresh_token") == [self.identity_token]
        by_login = headers.get("authorization") == f"Basic {encoded(self.login)}"
        if not (by_login or refreshed or (self.anonymous and self.login is None)):
            return 401, {}, b"{}"
        asked = form or query
        assert asked["service"] == ["shop, inc"]
        assert asked["scope"] == [f"repository:{self.repository}:pull"]
        token = f"token-{len(self.tokens)}"
        self.tokens[token] = self.token_lives
        return 200, {}, json.dumps({self.answer_field: token}).encode()


def encoded(login: tuple[str, str] | None) -> str:
    """A login as HTTP Basic has it."""
    return base64.b64encode(":".join(login or ("", "")).encode()).decode()


class CuttingProxy:
    """Passes bytes on between its `port` and a target; `left` cuts are still to come."""

    def __init__(self, target: tuple[str, int], after: int, times: int) -> None:
        self._target, self._after, self.left = target, after, times
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                server = socket.create_connection(self._target)
                self._ends += [client, server]
                for pair in ((client, server, 0), (server, client, self._after if self.left > 0 else 0)):
                    self._threads.append(threading.Thread(target=self._pump, args=pair))
                    self._threads[-1].start()

    def _pump(self, source: socket.socket, target: socket.socket, limit: int) -> None:
        given = 0
        with contextlib.suppress(OSError):
            while piece := source.recv(min(65536, limit - given) if limit else 65536):
                target.sendall(piece)
                given += len(piece)
                if limit and given >= limit:
                    self.left -= 1
                    break
        for side in (source, target):
            _shut(side)

    def stop(self) -> None:
        """Close everything."""
        _shut(self.listener)
        self._threads[0].join()
        for end in self._ends:
            _shut(end)
        for thread in self._threads[1:]:
            thread.join()
        for end in (*self._ends, self.listener):
            end.close()


def _shut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def cutting_proxy(host: str, port: int, after: int, times: int) -> Iterator[CuttingProxy]:
    """A TCP proxy that breaks a connection once it gave `after` bytes to the client, `times` times."""
    proxy = CuttingProxy((host, port), after, times)
    try:
        yield proxy
    finally:
        proxy.stop()


@dataclass(frozen=True)
class Certificates:
    """An own CA, and a certificate for 127.0.0.1 and localhost that it signed: paths of PEM files."""

    ca: Path
    certificate: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        """TLS settings for a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        return context


def make_certificates(folder: Path, names: str = "IP:127.0.0.1,DNS:localhost,DNS:registry.test") -> Certificates:
    """Have openssl make them; skips the test where it is missing."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    made = Certificates(folder / "ca.crt", folder / "server.crt", folder / "server.key")
    extensions = folder / "san.cnf"
    # From Python 3.13 on, what RFC 5280 asks of certificates is checked.
    extensions.write_text(f"subjectAltName={names}\nauthorityKeyIdentifier=keyid\n")
    new = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    usage = ("-addext", "keyUsage=critical,keyCertSign,cRLSign")
    _openssl(*new, "-x509", *usage, "-subj", "/CN=test CA", "-days", "2", "-keyout", folder / "ca.key", "-out", made.ca)
    _openssl(*new, "-subj", "/CN=server", "-keyout", made.key, "-out", folder / "server.csr")
    _openssl(
        *("x509", "-req", "-in", folder / "server.csr", "-CA", made.ca, "-CAkey", folder / "ca.key", "-days", "2"),
        *("-CAcreateserial", "-extfile", extensions, "-out", made.certificate),
    )
    return made


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


def bcrypt_line(user: str, password: str) -> str:
    """A line of a password file. Perl's crypt(3) makes it; skips the test where it cannot."""
    script = "print crypt($ARGV[0], q($2y$05$abcdefghijklmnopqrstuu))"
    perl = shutil.which("perl")
    made = subprocess.run([perl, "-e", script, password], capture_output=True, text=True, check=False) if perl else None
    if made is None or not made.stdout.startswith("$2y$"):
        pytest.skip("no perl with bcrypt to make a password file")
    return f"{user}:{made.stdout}\n"


@contextlib.contextmanager
def debian_registry(folder: Path, certificates: Certificates, login: tuple[str, str]) -> Iterator[int]:
    """Debian's docker-registry on TLS with a login; its port. Skips the test where it is missing."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    folder.mkdir()
    (folder / "htpasswd").write_text(bcrypt_line(*login))
    port = free_port()
    (folder / "config.yml").write_text(
        json.dumps(
            {
                "version": 0.1,
                "log": {"level": "error"},
                "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
                "http": {
                    "addr": f"127.0.0.1:{port}",
                    "secret": "x",
                    "tls": {"certificate": str(certificates.certificate), "key": str(certificates.key)},
                },
                "auth": {"htpasswd": {"realm": "test", "path": str(folder / "htpasswd")}},
            }
        )
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        wait_for_port(port, process, folder / "log")
        yield port
    finally:
        process.terminate()
        process.wait(10)


def free_port() -> int:
    """A port that nothing listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until something listens, or fail with the log."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    pytest.fail(f"nothing listens on the port: {log.read_text()[-1000:]}")
