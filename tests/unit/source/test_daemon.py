"""Container engines over their sockets, against one in this process."""

from __future__ import annotations

import contextlib
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer, ThreadingMixIn, UnixStreamServer
from typing import Any

import pytest
from msgspec.structs import replace

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.net.errors import Cut, NetError
from hullmark.source import ImageNotFound, SourceOptions, open_image
from hullmark.source.engine import NoEngine, docker_engine, podman_engine
from tests.support.images import LAYERS, docker_files, sha256, stored, tar_of, to_json
from tests.support.registry import make_certificates
from tests.unit.source.test_docker_archives import todays_save

OPTIONS = SourceOptions(timeout=5)


@dataclass
class FakeEngine:
    """Exports one image, `shop:1`; `claims` more bytes than it gives."""

    export: bytes
    claims: int = 0
    status: int = 200
    tls: ssl.SSLContext | None = None
    paths: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def listening(self, path: Path | None) -> Iterator[FakeEngine]:
        """On a Unix socket, or on a port of its own if there is no path."""
        engine = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: object) -> None:
                pass

            def address_string(self) -> str:
                return ""

            def do_GET(self) -> None:
                engine.serve(self)

        server: Any = _Tcp(("127.0.0.1", 0), Handler) if path is None else _Unix(str(path), Handler)
        self.address = f"tcp://127.0.0.1:{server.server_address[1]}" if path is None else f"unix://{path}"
        if self.tls is not None:
            server.socket = self.tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        self.paths.append(handler.path)
        known = handler.path.startswith("/images/shop:1/")
        body = b"{}" if handler.path.endswith("/json") or not known else self.export
        handler.send_response(self.status if known else 404)
        handler.send_header("Content-Length", str(len(body) + (self.claims if body is self.export else 0)))
        handler.end_headers()
        handler.wfile.write(body)


class _Quiet(ThreadingMixIn):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are part of the tests."""


class _Unix(_Quiet, UnixStreamServer):
    pass


class _Tcp(_Quiet, TCPServer):
    pass


def saved() -> bytes:
    files, entry = docker_files()
    return tar_of({**files, "manifest.json": to_json([entry])})


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[FakeEngine]:
    with FakeEngine(saved()).listening(tmp_path / "docker.sock") as listening:
        yield listening


def options(engine: FakeEngine, **environment: str) -> SourceOptions:
    return replace(OPTIONS, environment={"DOCKER_HOST": engine.address, **environment})


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_the_export_is_read_as_an_archive_and_vanishes(engine: FakeEngine, tmp_path: Path) -> None:
    before = open_files()
    image = open_image("docker:shop:1", options(engine, TMPDIR=str(tmp_path)))
    assert engine.paths == ["/images/shop:1/json", "/images/shop:1/get"]
    assert (image.kind, image.tags, image.reference) == ("docker", ("shop:1",), "docker:shop:1")
    one, two = (layer.open() for layer in image.layers)
    buffer = memoryview(bytearray(100))
    assert one.readinto(buffer) == two.readinto(buffer) == 100
    assert [stored(layer) for layer in image.layers] == list(LAYERS)
    assert [layer.stamp for layer in image.layers] == ["", ""]
    assert [path.name for path in tmp_path.iterdir()] == ["docker.sock"]
    one.close()
    two.close()
    del image, one, two
    deadline = time.monotonic() + 5
    while open_files() > before and time.monotonic() < deadline:  # the fake engine's side of the connection
        time.sleep(0.01)
    assert open_files() == before


def test_todays_export_has_digests(engine: FakeEngine) -> None:
    engine.export = tar_of(todays_save())
    image = open_image("docker:shop:1", options(engine))
    assert image.kind == "docker"
    assert image.digest
    assert [layer.digest for layer in image.layers] == [sha256(layer) for layer in LAYERS]


def test_podman_is_found_at_the_users_socket(tmp_path: Path) -> None:
    (tmp_path / "podman").mkdir()
    with FakeEngine(saved()).listening(tmp_path / "podman" / "podman.sock") as engine:
        environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
        assert podman_engine(environment).address == engine.address
        assert open_image("podman:shop:1", replace(OPTIONS, environment=environment)).kind == "podman"


def test_docker_may_be_reached_by_tcp() -> None:
    with FakeEngine(saved()).listening(None) as engine:
        assert open_image("docker:shop:1", options(engine)).kind == "docker"


def test_a_bare_reference_is_looked_for_in_the_engines_first(engine: FakeEngine) -> None:
    assert open_image("shop:1", options(engine)).kind == "docker"


def test_an_image_that_an_engine_has_not_is_not_found(engine: FakeEngine) -> None:
    with pytest.raises(ImageNotFound, match="docker has no image other") as caught:
        open_image("docker:other", options(engine))
    assert "pull" in caught.value.advice


def test_a_name_cannot_leave_its_place_in_the_path(engine: FakeEngine) -> None:
    with pytest.raises(ImageNotFound):
        open_image("docker:a?b#c%2f d\r\nX: y", options(engine))
    assert engine.paths == ["/images/a%3Fb%23c%252f%20d%0D%0AX:%20y/json"]


def test_an_export_that_breaks_off_is_a_cut(engine: FakeEngine) -> None:
    engine.claims = 10
    with pytest.raises(Cut):
        open_image("docker:shop:1", options(engine))


def test_an_export_that_is_no_archive_is_refused(engine: FakeEngine) -> None:
    for export in (b"", b"<html>", saved()[:700]):
        engine.export = export
        with pytest.raises(HullmarkError):
            open_image("docker:shop:1", options(engine))
    engine.export = saved()[: -len(saved()) // 2]
    with pytest.raises(BrokenImage):
        open_image("docker:shop:1", options(engine))


def test_an_engine_in_trouble_is_named(engine: FakeEngine) -> None:
    engine.status = 500
    with pytest.raises(NetError, match="docker answered with status 500"):
        open_image("docker:shop:1", options(engine))


def test_docker_without_a_socket_is_said_with_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(NoEngine, match=f"Docker has no socket at {tmp_path}/none.sock") as caught:
        open_image("docker:shop", replace(OPTIONS, environment={"DOCKER_HOST": f"unix://{tmp_path}/none.sock"}))
    assert caught.value.advice == "start it (systemctl start docker), or name its socket in DOCKER_HOST"


def test_where_podman_is_there_instead_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "podman").mkdir()
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/none.sock", "XDG_RUNTIME_DIR": str(tmp_path)}
    with FakeEngine(saved()).listening(tmp_path / "podman" / "podman.sock"), pytest.raises(NoEngine) as caught:
        open_image("docker:shop", replace(OPTIONS, environment=nowhere))
    assert caught.value.advice == "podman has one: podman:shop"


def test_podman_without_a_socket_is_said_with_how_it_comes_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(NoEngine) as caught:
        open_image("podman:shop", replace(OPTIONS, environment={"CONTAINER_HOST": f"unix://{tmp_path}/none.sock"}))
    assert str(caught.value) == f"podman has no socket at {tmp_path}/none.sock"
    assert caught.value.advice.startswith("start it: systemctl --user start podman.socket")


def test_a_name_that_no_registry_has_either_says_which_sockets_were_looked_for(tmp_path: Path) -> None:
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/docker.sock", "CONTAINER_HOST": f"unix://{tmp_path}/podman.sock"}
    with pytest.raises(HullmarkError) as caught:
        open_image("localhost:1/shop:1", replace(OPTIONS, environment=nowhere))
    assert f"there is no socket at {tmp_path}/docker.sock, {tmp_path}/podman.sock" in caught.value.advice
    assert "systemctl --user start podman.socket" in caught.value.advice


def test_where_an_engine_was_asked_nothing_is_said_of_sockets(engine: FakeEngine) -> None:
    with pytest.raises(HullmarkError) as caught:
        open_image("localhost:1/other:1", options(engine))
    assert "socket" not in caught.value.advice


def test_an_answer_that_is_no_http_is_a_cut(tmp_path: Path) -> None:
    path = tmp_path / "odd.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"hello\n\n")

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Cut):
            open_image("docker:shop", replace(OPTIONS, environment={"DOCKER_HOST": f"unix://{path}"}))
        thread.join()


@pytest.mark.parametrize(
    "environment",
    [
        {"DOCKER_HOST": "ssh://me@host"},
        {"DOCKER_HOST": "npipe:////./x"},
    ],
)
def test_ways_that_are_not_supported_are_refused_with_another_way(environment: dict[str, str]) -> None:
    with pytest.raises(HullmarkError, match="not supported") as caught:
        docker_engine(environment)
    assert "docker save" in caught.value.advice


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as docker's client has it; the server's certificate serves the client too, as one authority made both."""
    made = tmp_path_factory.mktemp("certificates")
    certificates = make_certificates(made)
    for name, path in (("ca", certificates.ca), ("cert", certificates.certificate), ("key", certificates.key)):
        shutil.copy(path, made / f"{name}.pem")
    return made


@pytest.fixture
def protected(folder: Path) -> Iterator[FakeEngine]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.pem"))
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    with FakeEngine(saved(), tls=context).listening(None) as listening:
        yield listening


def test_an_engine_is_asked_by_tls_with_the_certificates_of_dockers_client(protected: FakeEngine, folder: Path) -> None:
    environment = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(folder)}
    assert open_image("docker:shop:1", options(protected, **environment)).tags == ("shop:1",)


@pytest.mark.parametrize("missing", ["ca.pem", "cert.pem", "key.pem"])
def test_an_engine_that_is_not_trusted_or_does_not_trust_us_is_not_asked(
    protected: FakeEngine, folder: Path, tmp_path: Path, missing: str
) -> None:
    shutil.copytree(folder, tmp_path / "some")
    (tmp_path / "some" / missing).unlink()
    environment = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(tmp_path / "some")}
    with pytest.raises(NetError):
        open_image("docker:shop:1", options(protected, **environment))
    assert protected.paths == []


def test_a_folder_without_space_is_said(engine: FakeEngine, tmp_path: Path) -> None:
    with pytest.raises(HullmarkError) as caught:
        open_image("docker:shop:1", options(engine, TMPDIR=str(tmp_path / "none")))
    assert "TMPDIR" in caught.value.advice


def test_an_export_that_is_larger_than_may_be_is_not_kept(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hullmark.source.engine._EXPORT_LIMIT", 1000)
    made = options(engine)
    kept = replace(made, environment={**made.environment, "TMPDIR": str(tmp_path)})
    with pytest.raises(HullmarkError, match="the image has more than 1000 bytes") as caught:
        open_image("docker:shop:1", kept)
    assert caught.value.advice == "scan a smaller one"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
