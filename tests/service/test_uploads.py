"""Uploads over real sockets to a real process and PostgreSQL: what is taken, what is refused, and what nobody can do to the others."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import http.client
import io
import json
import os
import re
import socket
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest

from hullmark.model.errors import HullmarkError
from hullmark.server.api.bodies import BodyLimits, BoundedBody
from hullmark.server.api.problems import Refusal
from hullmark.server.objects.objects import Objects, open_objects
from hullmark.server.stories.images.stored_archive import archive_at
from hullmark.server.stories.images.uploads import forget_upload, opened_upload, sweep_uploads
from hullmark.server.stories.services import Services, services_for
from hullmark.server.stories.settings import Settings
from hullmark.server.tables.database import Database
from tests.support.buckets import s3_bucket
from tests.support.database import fresh_database
from tests.support.fork_server import Launched, RunRequest, launch
from tests.support.images import (
    LAYERS,
    Blobs,
    config_of,
    docker_files,
    gz,
    layout_files,
    sha256,
    stored,
    tagged,
    tar_of,
    to_json,
    with_platform,
)
from tests.support.places import REPOSITORY, corpus

MIB = 1 << 20
PASSWORD = "the operator's words"  # noqa: S105
BASIC = "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
PATH = "/api/v1/uploads?reference=registry.example/team/shop:1"
PEAK_MIB = 320
"""More than the interface's process ever needs, whatever is sent: it is some 130 MiB before the first request."""

Limits = dict[str, float]


@dataclass
class Answer:
    """What was answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """The interface, its store and its database."""

    port: int
    pid: int
    objects: Objects
    database_url: str
    services: Services
    errors: Path
    sockets: list[socket.socket] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: Any = None, *, account: str = "", chunked: bool = False, **headers: str
    ) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if account:
            named["X-Hullmark-Account"] = account
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Authorization": BASIC, **named}, encode_chunked=chunked)
            answer = connection.getresponse()
            return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def upload(self, body: Any, path: str = PATH, **more: Any) -> Answer:
        return self.ask("POST", path, body, **more)

    def connected(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        self.sockets.append(made)
        return made

    def sent(self, text: str, body: bytes = b"", path: str = PATH) -> socket.socket:
        """A connection that a request's head (`text`: more headers) and a part of its body were sent on."""
        made = self.connected()
        head = f"POST {path} HTTP/1.1\r\nHost: here\r\nAuthorization: {BASIC}\r\n{text}\r\n"
        made.sendall(head.encode() + body)
        return made

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(question).fetchall()

    def kept(self) -> tuple[list[str], list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """What there is of uploads: objects, rows, images."""
        keys = sorted(each.key for each in self.objects.list("uploads"))
        return keys, self.rows("SELECT state FROM upload"), self.rows("SELECT digest FROM image")

    def is_clean(self) -> bool:
        """Becomes true when nothing is left of any upload."""
        return wait_for(lambda: self.kept() == ([], [], []))

    def peak_mib(self) -> float:
        text = Path(f"/proc/{self.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", text)
        assert found is not None
        return int(found[1]) / 1024


def wait_for(fact: Callable[[], bool], seconds: float = 20.0) -> bool:
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


Serve = Callable[..., Server]


@contextlib.contextmanager
def started(database_url: str, folder: Path) -> Iterator[Serve]:
    """Starts the interface with the settings that it is called with; `limits` are the connections'. All end with the context."""
    running: list[tuple[Launched, Server]] = []

    def start(*, limits: Limits | None = None, environment: dict[str, str] | None = None, **settings: str) -> Server:
        data = folder / "data"
        variables = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "HULLMARK_DATA": str(data),
            "HULLMARK_DATABASE_URL": database_url,
            "HULLMARK_ADMIN_PASSWORD": PASSWORD,
            "HULLMARK_RATE": "0",
            **{f"HULLMARK_{name.upper()}": value for name, value in settings.items()},
            **(environment or {}),
        }
        listening = socket.create_server(("127.0.0.1", 0))
        errors = folder / "errors"
        with listening, errors.open("wb") as log:
            code = "from tests.service.upload_server import main; main()"
            request = RunRequest(["-c", code, json.dumps(limits or {})], variables, str(REPOSITORY))
            process = launch(request, log.fileno(), listening.fileno())
            assert process is not None
            port = listening.getsockname()[1]
        place = settings.get("objects") or str(data / "objects")
        mine = Settings(data=data, database_url=database_url, objects=place)
        services = services_for(mine, dict(environment or {}), connections=2)
        server = Server(port, process.pid, open_objects(place, environment or {}), database_url, services, errors)
        running.append((process, server))
        assert wait_for(lambda: process.poll() is not None or answers(server), 60)
        assert process.poll() is None, errors.read_text()
        return server

    yield start
    for process, server in running:
        for each in server.sockets:
            each.close()
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)
    for _, server in running:
        assert "Traceback" not in server.errors.read_text(), server.errors.read_text()


@pytest.fixture
def serve(database_url: str, tmp_path: Path) -> Iterator[Serve]:
    """Starts an interface of the test's own."""
    with started(database_url, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def module_server(database_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with started(fresh_database(database_server), tmp_path_factory.mktemp("shared")) as start:
        yield start(limits={"head_seconds": 2.0})


@pytest.fixture
def shared(module_server: Server) -> Iterator[Server]:
    """An interface for tests after which nothing is left of any upload; its connections have two seconds for a head."""
    yield module_server
    for each in module_server.sockets:
        each.close()
    module_server.sockets.clear()
    assert module_server.is_clean()
    assert module_server.peak_mib() < PEAK_MIB


def answers(server: Server) -> bool:
    try:
        return server.ask("GET", "/api/v1/images").status == 200
    except OSError:
        return False


def read_answer(connection: socket.socket, seconds: float = 30) -> Answer:
    """What comes on a connection until it is closed; status 0: nothing."""
    connection.settimeout(seconds)
    whole = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(65536):
            whole += piece
    head, _, body = whole.partition(b"\r\n\r\n")
    if not head:
        return Answer(0, {}, b"")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return Answer(int(first.split()[1]), headers, body)


def run(work: Callable[[Services], Any], services: Services) -> Any:
    """An asynchronous story of the server, with a database that is open meanwhile."""
    fresh = Services(
        database=Database(services.settings.database_url, most=2),
        objects=services.objects,
        settings=services.settings,
        vault=services.vault,
        guard=services.guard,
    )

    async def inside() -> Any:
        async with fresh.database:
            return await work(fresh)

    return asyncio.run(inside())


@contextlib.contextmanager
def bystander(server: Server) -> Iterator[list[float]]:
    """Somebody else asks all the while; how many seconds each answer took, all of which were good."""
    stop, took, bad = threading.Event(), [], []

    def asking() -> None:
        while not stop.wait(0.02):
            began = time.monotonic()
            try:
                status = server.ask("GET", "/api/v1/images").status
            except OSError as error:
                status = error.errno or -1
            took.append(time.monotonic() - began)
            if status != 200:
                bad.append(status)

    thread = threading.Thread(target=asking)
    thread.start()
    try:
        yield took
    finally:
        stop.set()
        thread.join()
    assert bad == []
    assert took


def docker_archive(**more: Any) -> bytes:
    files, entry = docker_files(**more)
    return tar_of({**files, "manifest.json": to_json([entry])})


def oci_archive(blobs: Blobs, *entries: Any) -> bytes:
    return tar_of(layout_files(blobs, entries))


def canonical(config: bytes, layers: list[bytes]) -> str:
    """The digest of a docker archive's image, by its rule."""
    described = [{"digest": sha256(layer), "size": len(layer)} for layer in layers]
    manifest = {"config": {"digest": sha256(config)}, "layers": described, "schemaVersion": 2}
    return sha256(json.dumps(manifest, separators=(",", ":"), sort_keys=True).encode())


# --- what is taken ------------------------------------------------------------------------------------------------


def test_a_docker_archive_becomes_an_image_that_waits(serve: Serve) -> None:
    server = serve()
    body = docker_archive()
    answer = server.upload(body, PATH + "&" + urlencode({"annotations": '{"team":"blue"}'}))
    digest = canonical(to_json(config_of(LAYERS)), list(LAYERS))
    assert (answer.status, answer.headers["location"]) == (201, f"/api/v1/images/{digest}")
    assert answer.document == {
        "digest": digest,
        "state": "waiting",
        "is_new": True,
        "tag": "registry.example/team/shop:1",
        "archive": sha256(body),
        "size": len(body),
    }
    [image] = server.ask("GET", "/api/v1/images").document["items"]
    assert (image["digest"], image["kind"], image["platform"]) == (digest, "upload", "linux/amd64")
    assert (image["annotations"], image["size"]) == ({"team": "blue"}, sum(map(len, LAYERS)))
    [(key, state, size, whole)] = server.rows("SELECT object, state, size, digest FROM upload")
    assert (state, size, whole) == ("used", len(body), sha256(body))
    assert server.rows("SELECT task_name FROM procrastinate_jobs WHERE queue_name = 'analysis'") == [("analyse",)]
    assert server.rows("SELECT upload, state FROM image") == [(key, "waiting")]
    assert server.rows("SELECT action, resource FROM audit WHERE action = 'image.upload'") == [("image.upload", digest)]
    with opened_upload(server.objects, key) as found:
        assert found.digest == digest
        assert tuple(stored(layer) for layer in found.layers) == LAYERS


def test_an_oci_archive_goes_by_the_digest_of_its_manifest(serve: Serve) -> None:
    server = serve()
    blobs = Blobs()
    descriptor = blobs.image()
    answer = server.upload(oci_archive(blobs, tagged(descriptor, "1")), chunked=True)
    assert (answer.status, answer.document["digest"]) == (201, descriptor["digest"])
    [(key,)] = server.rows("SELECT object FROM upload")
    with opened_upload(server.objects, key) as found:
        assert [layer.digest for layer in found.layers] == [sha256(gz(layer)) for layer in LAYERS]


def test_the_same_again_is_one_image_and_one_archive_and_two_accounts_share_it(serve: Serve) -> None:
    server = serve()
    assert (
        server.ask("POST", "/api/v1/accounts", json.dumps({"name": "blue"}), content_type="application/json").status
        == 201
    )
    digests = {server.upload(docker_archive(), account=name).document["digest"] for name in ("", "", "blue")}
    assert len(digests) == 1
    [(key, *_)] = server.rows("SELECT upload FROM image")
    assert server.rows("SELECT object, state FROM upload") == [(key, "used")]
    assert [each.key for each in server.objects.list("uploads")].sort() == [key, f"{key}.image"].sort()
    assert server.rows("SELECT count(*) FROM account_image") == [(2,)]


def test_of_several_images_the_one_that_the_reference_names_is_taken(serve: Serve) -> None:
    server = serve()
    one, first = docker_files(("team/shop:1",))
    two, second = docker_files(("team/shop:2",), (tar_of({"b": b"2"}),))
    body = tar_of({**one, **two, "manifest.json": to_json([first, second])})
    answer = server.upload(body, "/api/v1/uploads?reference=registry.example/team/shop:2")
    assert answer.document["digest"] == canonical(to_json(config_of((tar_of({"b": b"2"}),))), [tar_of({"b": b"2"})])
    [(key,)] = server.rows("SELECT object FROM upload")
    with opened_upload(server.objects, key) as found:
        assert found.digest == answer.document["digest"]
    refused = server.upload(body, "/api/v1/uploads?reference=other:9")
    assert refused.status == 422
    assert "several images" in refused.document["detail"]
    assert "reference" in refused.document["advice"]


def test_an_archive_for_several_platforms_gives_every_worker_the_same_image(serve: Serve) -> None:
    server = serve()
    blobs = Blobs()
    arm, amd = (blobs.image((tar_of({"a": name.encode()}),), platform=name) for name in ("linux/arm64", "linux/amd64"))
    index = blobs.index([with_platform(arm, "linux/arm64"), with_platform(amd, "linux/amd64")])
    assert server.upload(oci_archive(blobs, tagged(index, "1"))).document["digest"] == amd["digest"]


# --- what is refused ----------------------------------------------------------------------------------------------


def zip_of_nothing() -> bytes:
    return b"PK\x05\x06" + bytes(600)


@pytest.mark.parametrize(
    ("body", "detail", "advice"),
    [
        (gz(docker_archive()), "compressed with gzip", "gunzip -k FILE"),
        (b"\x28\xb5\x2f\xfd" + bytes(9000), "compressed with zstd", "unzstd"),
        (zip_of_nothing(), "not a tar archive", "docker or podman save"),
        (b"", "not a tar archive", "docker or podman save"),
        (b"x" * 10, "not a tar archive", "docker or podman save"),
        (tar_of({"a": b"1"}), "without an image", "docker save"),
        (docker_archive()[:3000], "ends in the middle", "again"),
        (tar_of({"manifest.json": b"[" * 100_000}), "manifest.json", ""),
        (tar_of({"manifest.json": to_json([{"Config": "../../etc/passwd", "Layers": []}])}), "outside of it", "do not trust"),
        (tar_of({"manifest.json": to_json([{"Config": "c", "Layers": []}])}), "not in the archive", "save the image again"),
    ],
)  # fmt: skip
def test_what_is_no_image_archive_is_refused_and_not_kept(
    shared: Server, body: bytes, detail: str, advice: str
) -> None:
    answer = shared.upload(body)
    assert (answer.status, answer.headers["content-type"]) == (422, "application/problem+json")
    assert detail in answer.document["detail"]
    assert advice in answer.document.get("advice", "")


def test_layers_that_are_not_what_the_manifest_says_are_refused(shared: Server) -> None:
    """Else a manifest alone would show what is known of another's image, or have it fail for everybody."""
    blobs = Blobs()
    descriptor = blobs.image()
    for digest, body in list(blobs.held.items()):
        if body == gz(LAYERS[1]):
            blobs.held[digest] = bytes(len(body))
    answer = shared.upload(oci_archive(blobs, tagged(descriptor, "1")))
    assert answer.status == 422
    assert "other bytes than its name says" in answer.document["detail"]


def test_docker_archives_with_other_layers_below_the_same_config_are_other_images(serve: Serve) -> None:
    server = serve()
    files, entry = docker_files()
    forged = {name: tar_of({"forged": b"1"}) if name.endswith("layer.tar") else body for name, body in files.items()}
    digests = {
        server.upload(tar_of({**some, "manifest.json": to_json([entry])})).document["digest"]
        for some in (files, forged)
    }
    assert len(digests) == 2


@pytest.mark.parametrize(
    "query",
    ["", "reference=", "reference=UPPER", "reference=a@sha256:" + "0" * 64, "reference=a:1&annotations=[]",
     "reference=a:1&annotations=" + "[" * 3000, "reference=a:1&annotations=" + urlencode({"": '{"a":"\\u0000"}'})[1:]],
)  # fmt: skip
def test_requests_that_cannot_be_met_are_refused_before_the_body(shared: Server, query: str) -> None:
    connection = shared.sent("Content-Length: 100000\r\nExpect: 100-continue\r\n", path=f"/api/v1/uploads?{query}")
    answer = read_answer(connection)
    assert answer.status in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


# --- lengths ------------------------------------------------------------------------------------------------------


def test_no_byte_is_asked_for_before_the_permission_is_checked(serve: Serve) -> None:
    server = serve()
    nobody = server.connected()
    nobody.sendall(f"POST {PATH} HTTP/1.1\r\nHost: h\r\nContent-Length: 9999\r\nExpect: 100-continue\r\n\r\n".encode())
    assert read_answer(nobody).status == 401
    too_long = server.sent(f"Content-Length: {1 << 50}\r\nExpect: 100-continue\r\n")
    assert read_answer(too_long).status == 413
    body = docker_archive()
    good = server.sent(f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\nConnection: close\r\n")
    assert good.recv(25) == b"HTTP/1.1 100 Continue\r\n\r\n"
    good.sendall(body)
    assert read_answer(good).status == 201


def test_an_endless_upload_ends_at_the_limit(serve: Serve) -> None:
    server = serve(upload_limit=str(40 * MIB))
    connection = server.sent("Transfer-Encoding: chunked\r\n")
    head = tarfile.TarInfo("endless")
    head.size = 1 << 50
    chunk = b"100000\r\n" + bytes(MIB) + b"\r\n"
    sent = 0
    with bystander(server), contextlib.suppress(ConnectionError):
        first = head.tobuf(tarfile.GNU_FORMAT)
        connection.sendall(b"200\r\n" + first[:512] + b"\r\n")
        while sent < 4000:
            connection.sendall(chunk)
            sent += 1
    assert sent < 400
    answer = read_answer(connection)
    assert answer.status == 413
    assert str(40 * MIB) in answer.document["detail"]
    assert server.is_clean()
    assert server.peak_mib() < PEAK_MIB


def test_what_never_was_an_archive_ends_at_its_first_bytes(shared: Server) -> None:
    connection = shared.sent("Transfer-Encoding: chunked\r\n")
    with contextlib.suppress(ConnectionError):
        for _ in range(4000):
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")
    assert read_answer(connection).status == 422


def test_a_length_that_promises_more_than_comes(shared: Server) -> None:
    body = docker_archive()
    half_closed = shared.sent(f"Content-Length: {len(body) + 1}\r\n", body)
    time.sleep(0.2)
    half_closed.shutdown(socket.SHUT_WR)
    answer = read_answer(half_closed)
    assert (answer.status, answer.headers["content-type"]) == (400, "application/problem+json")
    for linger in (b"\1\0\0\0\0\0\0\0", b"\0\0\0\0\0\0\0\0"):  # reset, or just closed
        gone = shared.sent(f"Content-Length: {len(body) + 40 * MIB}\r\n", body + bytes(20 * MIB))
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        gone.close()


@pytest.mark.parametrize("cut", [1, 700, 3000])
def test_a_length_that_promises_less_than_comes(shared: Server, cut: int) -> None:
    """What follows the promised bytes is not a request; the archive in them is cut off, or its sender is gone."""
    files, entry = docker_files()
    body = tar_of({**files, "manifest.json": to_json([entry])}).rstrip(b"\0")
    connection = shared.sent(f"Content-Length: {len(body) - cut}\r\n", body)
    assert read_answer(connection).status in (400, 422)


def test_bodies_of_other_routes_are_bounded_too(serve: Serve) -> None:
    server = serve(request_limit="1000", body_wait="1")
    accounts = "/api/v1/accounts"
    answer = server.ask("POST", accounts, json.dumps({"name": "x" * 2000}), content_type="application/json")
    assert (answer.status, answer.headers["content-type"]) == (413, "application/problem+json")
    endless = server.sent("Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n", path=accounts)
    with contextlib.suppress(ConnectionError):
        for _ in range(2000):
            endless.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")
    assert read_answer(endless).status == 413
    for more in ("", "Idempotency-Key: once\r\n"):
        slow = server.sent(f"Content-Length: 100\r\nContent-Type: application/json\r\n{more}", b"{", path=accounts)
        assert read_answer(slow).status == 408
    body = docker_archive()
    assert len(body) > 1000
    assert server.upload(body, idempotency_key="once").status == 201


# --- slowness and numbers -----------------------------------------------------------------------------------------


def test_a_client_that_falls_silent_is_told_so(serve: Serve) -> None:
    server = serve(body_wait="1")
    connection = server.sent("Content-Length: 100000\r\n", docker_archive()[:2000])
    with bystander(server):
        answer = read_answer(connection)
    assert answer.status == 408
    assert server.is_clean()


def body_of(messages: list[tuple[float, bytes]], limits: BodyLimits) -> bytes:
    """A body whose pieces come after so many seconds each, by a clock that needs no time; it never ends by itself."""
    now = [0.0]

    async def receive() -> Any:
        if not messages:
            return {"type": "http.disconnect"}
        seconds, piece = messages.pop(0)
        now[0] += seconds
        return {"type": "http.request", "body": piece, "more_body": True}

    async def read() -> bytes:
        scope: Any = {"type": "http", "headers": []}
        return b"".join([piece async for piece in BoundedBody(scope, receive, limits, lambda: now[0]).chunks()])

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("pieces", "status", "left"),
    [
        ([(20.0, b"x")] * 100, 408, 94),  # a drip: two minutes of it are enough
        ([(1.0, bytes(5000))] * 1000, 400, 0),  # slow, but steady: it ends by itself
        ([(1.0, bytes(100_000))] * 100 + [(20.0, b"x")] * 100, 408, 93),  # what came before does not count for ever
        ([(0.0, b"")] * 1000, 400, 0),
        ([(0.0, bytes(1000))] * 1000, 413, 0),
    ],
)  # fmt: skip
def test_a_body_may_be_slow_but_not_for_long(pieces: list[tuple[float, bytes]], status: int, left: int) -> None:
    most = 900_000 if status == 413 else 100 * MIB
    messages = list(pieces)
    with pytest.raises(Refusal) as refused:
        body_of(messages, BodyLimits(most=most))
    assert refused.value.status == status
    assert len(messages) == left or status == 413


def test_uploads_have_slots_and_others_go_on_without(serve: Serve) -> None:
    server = serve()
    for name in ("blue", "red"):
        account = json.dumps({"name": name})
        assert server.ask("POST", "/api/v1/accounts", account, content_type="application/json").status == 201
    body = docker_archive()
    head = f"Content-Length: {len(body)}\r\n"
    held = [server.sent(f"{head}X-Hullmark-Account: {name}\r\n", body[:1024]) for name in ("admin", "admin", "blue")]
    assert wait_for(lambda: len(server.rows("SELECT FROM upload")) == 3)
    refused = server.upload(body)
    assert (refused.status, "retry-after" in refused.headers) == (503, True)
    held.append(server.sent(f"{head}X-Hullmark-Account: blue\r\n", body[:1024]))
    assert wait_for(lambda: len(server.rows("SELECT FROM upload")) == 4)
    assert server.upload(body, account="red").status == 503
    with bystander(server):
        time.sleep(0.3)
    for connection in held[1:]:
        connection.close()
    held[0].sendall(body[1024:])
    assert wait_for(lambda: server.upload(body, account="red").status == 201)


def test_heads_that_do_not_come_in_time_end_their_connections(shared: Server) -> None:
    ways: list[tuple[bytes, bytes, int]] = [
        (b"", b"", 0),
        (b"GET / HTTP/1.1\r\n", b"", 408),
        (b"GET / HTTP/1.1\r\n", b"a: b\r\n", 408),
        (b"", b"\r\n", 0),
        (b"GET /", b"a", 408),
    ]
    connections = [shared.connected() for _ in ways]
    for connection, (start, _, _) in zip(connections, ways, strict=True):
        connection.sendall(start)
    began = time.monotonic()
    with bystander(shared):
        while time.monotonic() - began < 2.5:
            for connection, (_, drip, _) in zip(connections, ways, strict=True):
                with contextlib.suppress(ConnectionError):
                    connection.sendall(drip)
            time.sleep(0.1)
    answers = [read_answer(connection).status for connection in connections]
    assert answers == [status for _, _, status in ways]


@pytest.mark.parametrize(
    ("start", "piece", "status"),
    [
        (b"GET / HTTP/1.1\r\nA: ", b"x" * 4096, 431),
        (b"GET /", b"x" * 4096, 431),
        (b"GET / HTTP/1.1\r\n", b"A: b\r\n" * 512, 431),
        (b"\r\n", b"\r\n" * 4096, 400),
        (b"nonsense", b"\xff" * 4096, 400),
    ],
)
def test_an_endless_head_ends_the_connection(shared: Server, start: bytes, piece: bytes, status: int) -> None:
    connection = shared.connected()
    until = time.monotonic() + 60
    with contextlib.suppress(ConnectionError):
        connection.sendall(start)
        while time.monotonic() < until:
            connection.sendall(piece)
    assert time.monotonic() < until
    assert read_answer(connection).status in (status, 0)


def test_too_many_headers_are_refused_at_once(shared: Server) -> None:
    connection = shared.connected()
    connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * 200 + b"\r\n")
    assert read_answer(connection).status == 431


@pytest.mark.parametrize("framing", [b"5;" + b"x" * 65536, b"0\r\nA: " + b"x" * 65536, b"0\r\n" + b"A: b\r\n" * 9000])
def test_framing_without_content_ends_the_connection(shared: Server, framing: bytes) -> None:
    connection = shared.sent("Transfer-Encoding: chunked\r\n", framing)
    sent = 0
    with contextlib.suppress(ConnectionError):
        while sent < 2000:
            connection.sendall(framing[-60_000:])
            sent += 1
    assert sent < 2000
    assert read_answer(connection).status in (400, 0)


def test_one_address_has_so_many_connections_and_gets_them_back(serve: Serve) -> None:
    server = serve(limits={"per_address": 5})
    idle = [server.connected() for _ in range(5)]
    time.sleep(0.3)
    refused = read_answer(server.connected())
    assert (refused.status, "retry-after" in refused.headers) == (503, True)
    for connection in idle:
        connection.close()
    assert wait_for(lambda: answers(server))


@pytest.mark.slow
def test_who_goes_on_sending_after_the_answer_still_sees_it_and_is_cut_off(serve: Serve) -> None:
    server = serve(limits={"linger_seconds": 1.0})
    connection = server.sent("Content-Length: 900000000000\r\n", bytes(1000))
    until = time.monotonic() + 60
    with contextlib.suppress(ConnectionError):
        while time.monotonic() < until:
            connection.sendall(bytes(1000))
            time.sleep(0.01)
    assert time.monotonic() < until
    assert read_answer(connection).status == 413


@pytest.mark.slow
def test_who_does_not_read_the_answers_is_cut_off(serve: Serve) -> None:
    server = serve(limits={"stall_seconds": 1.0})
    connection = server.connected()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    asked = f"GET /api/v1/openapi/openapi.json HTTP/1.1\r\nHost: h\r\nAuthorization: {BASIC}\r\n\r\n".encode()
    with bystander(server), contextlib.suppress(ConnectionError):
        connection.sendall(asked * 200)
        time.sleep(4)
    connection.settimeout(20)
    whole = b""
    with contextlib.suppress(ConnectionError):
        while piece := connection.recv(1 << 20):
            whole += piece
    assert whole.count(b"HTTP/1.1 200") < 200
    assert server.peak_mib() < PEAK_MIB


def test_requests_in_a_row_on_one_connection_are_served(serve: Serve) -> None:
    server = serve(limits={"head_seconds": 2.0})
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    body = docker_archive()
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("POST", PATH, body, {"Authorization": BASIC})
            answer = connection.getresponse()
            assert (answer.status, json.loads(answer.read())["size"]) == (201, len(body))
            time.sleep(0.7)
    pipelined = server.connected()
    one = f"GET /api/v1/images HTTP/1.1\r\nHost: h\r\nAuthorization: {BASIC}\r\n"
    pipelined.sendall(f"{one}\r\n{one}\r\n{one}Connection: close\r\n\r\n".encode())
    pipelined.settimeout(20)
    whole = b""
    while piece := pipelined.recv(65536):
        whole += piece
    assert whole.count(b"HTTP/1.1 200") == 3


# --- size ---------------------------------------------------------------------------------------------------------


class LargeArchive(io.RawIOBase):
    """A docker archive with one layer that holds a file of so many MiB, never whole in memory."""

    def __init__(self, mib: int) -> None:
        super().__init__()
        header = tarfile.TarInfo("large")
        header.size = mib * MIB
        zeros = bytes(MIB)
        ends = header.tobuf(tarfile.GNU_FORMAT), bytes(1024)
        hashed = hashlib.sha256(ends[0])
        for _ in range(mib):
            hashed.update(zeros)
        hashed.update(ends[1])
        layer = tarfile.TarInfo("layer.tar")
        layer.size = len(ends[0]) + header.size + len(ends[1])
        diff_id = f"sha256:{hashed.hexdigest()}"
        config = to_json({**config_of(()), "rootfs": {"type": "layers", "diff_ids": [diff_id]}, "history": []})
        entry = {"Config": "config.json", "RepoTags": ["shop:1"], "Layers": ["layer.tar"]}
        rest = tar_of({"config.json": config, "manifest.json": to_json([entry])})
        self.parts = [layer.tobuf(tarfile.GNU_FORMAT), ends[0], *[zeros] * mib, ends[1], rest]
        self.size = sum(map(len, self.parts))

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.parts)


@pytest.mark.slow
def test_a_large_upload_is_never_in_memory_and_others_are_answered(serve: Serve) -> None:
    server = serve()
    archive = LargeArchive(int(os.environ.get("HULLMARK_TEST_UPLOAD_MIB", "300")))
    with bystander(server) as took:
        answer = server.upload(iter(archive), content_length=str(archive.size))
    assert answer.status == 201, answer.body
    assert answer.document["size"] == archive.size
    print(f"peak {server.peak_mib():.0f} MiB; slowest of {len(took)} answers to others {max(took):.3f} s")
    assert server.peak_mib() < PEAK_MIB
    [(key,)] = server.rows("SELECT object FROM upload")
    head = server.objects.head(key)
    assert head is not None
    assert head.size == archive.size


@pytest.mark.slow
def test_with_a_bucket_nothing_touches_the_disk(serve: Serve, tmp_path: Path) -> None:
    with s3_bucket() as environment:
        server = serve(environment=environment, objects="s3://marks/here")
        archive = LargeArchive(40)
        assert server.upload(iter(archive), content_length=str(archive.size)).status == 201
        [(key,)] = server.rows("SELECT object FROM upload")
        with opened_upload(server.objects, key) as image:
            assert [layer.size for layer in image.layers] == [40 * MIB + 512 + 1024]
        assert sum(path.stat().st_size for path in (tmp_path / "data").rglob("*") if path.is_file()) < MIB


def test_images_of_the_hostile_corpus_do_no_harm(serve: Serve, tmp_path: Path) -> None:
    folder = corpus("hostile")
    server = serve()
    statuses: dict[str, int] = {}
    with bystander(server):
        for case in sorted(folder.iterdir()):
            if case.name == "cases.json":
                continue
            path = case
            if case.is_dir():
                path = tmp_path / "case.tar"
                with tarfile.open(path, "w") as tar:
                    tar.add(case, ".")
            with path.open("rb") as file:
                answer = server.upload(file, content_length=str(path.stat().st_size))
            statuses[case.name] = answer.status
            if answer.status != 201:
                assert answer.document["detail"], case.name
    assert set(statuses.values()) == {201, 422}, statuses
    refused = {name for name, status in statuses.items() if status == 422}
    assert {"digest-mismatch", "missing-layer", "docker-traversal.tar", "docker-truncated.tar"} <= refused
    assert {"bomb-gzip", "whiteouts", "many-layers"}.isdisjoint(refused)
    assert server.peak_mib() < PEAK_MIB


_READS = """
import json, sys
from pathlib import Path
from hullmark.scanning.scan import scan_image
from hullmark.server.stories.images.uploads import opened_upload
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.model.errors import HullmarkError
from hullmark.server.objects.objects import open_objects
said = ""
with opened_upload(open_objects(sys.argv[1], {}), sys.argv[2]) as image:
    try:
        found = scan_image(image, ScanRequest(files=True), ScanResources())
        said = " ".join(problem.reason for problem in found.inventory.problems)
    except HullmarkError as error:
        said = str(error)
# What getrusage tells counts the process that started this one, too.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps([said, int(peak.split()[1]) / 1024]))
"""


def bomb(gibibytes: int) -> bytes:
    """A small archive whose only layer is gzip of a file that is so large."""
    header = tarfile.TarInfo("zeros")
    header.size = gibibytes << 30
    body = gz(header.tobuf(tarfile.GNU_FORMAT)) + gz(bytes(256 * MIB)) * (4 * gibibytes) + gz(bytes(1024))
    blobs = Blobs()
    descriptor = blobs.image(
        (b"",), manifest=lambda made: {**made, "layers": [blobs.put(body, made["layers"][0]["mediaType"])]}
    )
    return oci_archive(blobs, tagged(descriptor, "1"))


@pytest.mark.slow
def test_a_bomb_is_taken_and_its_analysis_ends_by_limits(serve: Serve) -> None:
    server = serve()
    body = bomb(50)
    assert len(body) < 60 * MIB
    answer = server.upload(body)
    assert answer.status == 201, answer.body
    assert server.peak_mib() < PEAK_MIB
    [(key,)] = server.rows("SELECT object FROM upload")
    command = [sys.executable, "-c", _READS, server.objects.where, key]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=900, check=True)
    said, peak = json.loads(ran.stdout)
    assert said
    assert peak < 512


# --- leftovers ----------------------------------------------------------------------------------------------------


def test_what_uploads_leave_behind_is_swept_and_what_is_needed_stays(serve: Serve) -> None:
    server = serve()
    assert server.upload(docker_archive()).status == 201
    needed = server.kept()[0]
    with psycopg.connect(server.database_url) as connection:
        for name, state, age in (("old", "receiving", 3700), ("done", "received", 3700), ("fresh", "receiving", 60)):
            server.objects.put(f"uploads/{name}", b"x")
            connection.execute(
                "INSERT INTO upload (id, account_id, object, state, created_at)"
                " VALUES (gen_random_uuid(), 1, %s, %s, now() - make_interval(secs => %s))",
                (f"uploads/{name}", state, age),
            )
        connection.execute("UPDATE upload SET created_at = now() - interval '2 hours' WHERE state = 'used'")
    server.objects.put("uploads/unknown", b"x")
    server.objects.put("uploads/unknown.image", b"x")
    assert run(sweep_uploads, server.services) == 2
    assert server.kept()[0] == sorted([*needed, "uploads/fresh", "uploads/unknown", "uploads/unknown.image"])
    assert run(lambda services: sweep_uploads(services, 0), server.services) == 2  # fresh, and what nobody knows of
    assert server.kept()[0] == needed
    assert run(sweep_uploads, server.services) == 0
    run(lambda services: forget_upload(services, needed[0]), server.services)
    run(lambda services: forget_upload(services, needed[0]), server.services)
    assert server.kept()[:2] == ([], [])
    with pytest.raises(HullmarkError, match="no longer there"), opened_upload(server.objects, needed[0]):
        pass
    with pytest.raises(HullmarkError, match="no longer there"):
        archive_at(server.objects, needed[0])


def test_a_killed_interface_leaves_nothing_that_is_not_swept(serve: Serve) -> None:
    server = serve()
    connection = server.sent(f"Content-Length: {100 * MIB}\r\n", docker_archive() + bytes(30 * MIB))
    assert wait_for(lambda: len(server.rows("SELECT FROM upload")) == 1)
    os.kill(server.pid, 9)
    connection.close()
    assert run(lambda services: sweep_uploads(services, 0), server.services) == 1
    assert server.objects.sweep(0) <= 1
    assert server.is_clean()
