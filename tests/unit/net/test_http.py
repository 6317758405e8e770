"""The HTTP client against servers that misbehave."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from hullmark.model.errors import BrokenImage, HullmarkError
from hullmark.net.errors import (
    AnswerTooLarge,
    BadRedirect,
    CertificateRefused,
    Cut,
    NetError,
    NotTls,
    TimedOut,
    Unreachable,
)
from hullmark.net.http import Client, HttpSettings, Request, StreamedAnswer, origin
from hullmark.net.resume import ResumingStream
from hullmark.net.trust import Trust
from tests.support.images import Blobs
from tests.support.registry import Certificates, FakeRegistry, free_port, make_certificates

NAPS: list[float] = []
SETTINGS = HttpSettings(timeout=5, retries=3, sleep=NAPS.append, trust=Trust(certs_dirs=()))


@pytest.fixture(autouse=True)
def _no_naps() -> None:
    NAPS.clear()


@pytest.fixture
def server() -> Iterator[FakeRegistry]:
    with FakeRegistry(Blobs()).running() as running:
        yield running


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("ca"))


@contextmanager
def raw_server(*answers: bytes) -> Iterator[str]:
    """Gives each connection in turn these bytes, whatever it asks, and closes it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/x?secret=1"
    finally:
        listener.close()


def test_an_answer_is_status_headers_and_body(server: FakeRegistry) -> None:
    server.answers = [(418, {"X-Tea": "yes"}, b"short and stout")]
    answer = Client(SETTINGS).fetch(Request(f"{server.url}/pot"), 100)
    assert (answer.status, answer.headers["x-tea"], answer.body) == (418, "yes", b"short and stout")
    assert server.log[0][2]["user-agent"].startswith("hullmark/")


def test_a_body_over_the_limit_is_refused(server: FakeRegistry) -> None:
    server.answers = [(200, {}, bytes(101))] * 2
    assert len(Client(SETTINGS).fetch(Request(server.url + "/"), 101).body) == 101
    with pytest.raises(AnswerTooLarge):
        Client(SETTINGS).fetch(Request(server.url + "/"), 100)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again_with_longer_waits(server: FakeRegistry, status: int) -> None:
    server.answers = [(status, {}, b""), (status, {}, b""), (200, {}, b"ok")]
    assert Client(SETTINGS).fetch(Request(server.url + "/"), 10).body == b"ok"
    assert NAPS == [0.5, 1.0]


def test_retry_after_is_obeyed_within_bounds(server: FakeRegistry) -> None:
    server.answers = [(429, {"Retry-After": "7"}, b""), (200, {}, b"ok")]
    assert Client(SETTINGS).fetch(Request(server.url + "/"), 10).status == 200
    assert NAPS == [7.0]
    server.answers = [(429, {"Retry-After": "3600"}, b""), (200, {}, b"ok")]
    assert Client(SETTINGS).fetch(Request(server.url + "/"), 10).status == 429


def test_retries_end(server: FakeRegistry) -> None:
    server.answers = [(503, {}, b"")] * 9
    assert Client(SETTINGS).fetch(Request(server.url + "/"), 10).status == 503
    assert len(server.log) == 4


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_with_the_login_on_the_same_origin(server: FakeRegistry, status: int) -> None:
    server.answers = [(status, {"Location": "/there"}, b""), (200, {}, b"ok")]
    assert Client(SETTINGS).fetch(Request(server.url + "/here", {"Authorization": "s"}), 10).body == b"ok"
    assert server.log[1][1] == "/there"
    assert server.log[1][2]["authorization"] == "s"


def test_the_login_is_not_sent_to_another_origin(server: FakeRegistry) -> None:
    with FakeRegistry(Blobs()).running() as other:
        server.answers = [(307, {"Location": f"{other.url}/blob"}, b"")]
        other.answers = [(200, {}, b"ok")]
        headers = {"authorization": "s", "Cookie": "c", "Range": "bytes=1-"}
        assert Client(SETTINGS).fetch(Request(server.url + "/", headers), 10).body == b"ok"
        sent = other.log[0][2]
    assert "authorization" not in sent
    assert "cookie" not in sent
    assert sent["range"] == "bytes=1-"


def test_what_was_posted_is_not_sent_to_another_origin(server: FakeRegistry) -> None:
    server.answers = [(307, {"Location": "http://127.0.0.2:1/"}, b"")]
    with pytest.raises(BadRedirect):
        Client(SETTINGS).fetch(Request(server.url + "/", {}, "POST", b"refresh_token=s"), 10)


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://x/", "gopher://x", "http://[", "http://x:0/"])
def test_redirects_lead_to_web_addresses_only(server: FakeRegistry, location: str) -> None:
    server.answers = [(302, {"Location": location}, b"")]
    with pytest.raises(BadRedirect):
        Client(SETTINGS).fetch(Request(server.url + "/"), 10)


def test_redirects_end(server: FakeRegistry) -> None:
    server.answers = [(302, {"Location": "/"}, b"")] * 50
    with pytest.raises(BadRedirect):
        Client(SETTINGS).fetch(Request(server.url + "/"), 10)
    assert len(server.log) < 15


@pytest.mark.parametrize("url", ["file:///etc/passwd", "", "x", "http://", "http://a:b/", "http://[/", "http://a:0/"])
def test_only_web_addresses_are_asked(url: str) -> None:
    with pytest.raises(NetError):
        Client(SETTINGS).fetch(Request(url), 10)


def test_a_cut_body_is_asked_for_again_then_given_up() -> None:
    cut, whole = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
    with raw_server(cut, whole) as url:
        assert Client(SETTINGS).fetch(Request(url), 10).body == b"abc"
    with raw_server(*[cut] * 4) as url, pytest.raises(Cut) as caught:
        Client(SETTINGS).fetch(Request(url), 10)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("answer", [b"", b"\0" * 100, b"HTTP/1.1\r\n", b"HTTP/9.9 xx\r\n\r\n", b"<html>"])
def test_what_is_no_http_is_a_cut(answer: bytes) -> None:
    with raw_server(*[answer] * 4) as url, pytest.raises(Cut):
        Client(SETTINGS).fetch(Request(url), 10)


def test_endless_headers_are_refused() -> None:
    with raw_server(*[b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 500 + b"\r\n"] * 4) as url, pytest.raises(Cut):
        Client(SETTINGS).fetch(Request(url), 10)


def test_silence_is_a_time_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, pytest.raises(TimedOut):
        Client(replace(SETTINGS, timeout=0.1, retries=1)).fetch(
            Request(f"http://127.0.0.1:{listener.getsockname()[1]}/"), 1
        )
    assert NAPS == [0.5]


def test_a_trickle_is_a_time_out(server: FakeRegistry) -> None:
    ticks = iter(range(0, 100_000, 100))
    server.answers = [(200, {}, bytes(10))]
    with pytest.raises(TimedOut):
        Client(replace(SETTINGS, monotonic=lambda: float(next(ticks)))).fetch(Request(server.url + "/"), 10)


def test_nobody_there_is_said_at_once() -> None:
    with pytest.raises(Unreachable):
        Client(SETTINGS).fetch(Request(f"http://127.0.0.1:{free_port()}/"), 1)
    with pytest.raises(Unreachable):
        Client(SETTINGS).fetch(Request("http://no.such.host.invalid/"), 1)
    assert NAPS == []


def test_an_unknown_ca_is_refused_and_a_named_one_trusted(certificates: Certificates) -> None:
    with FakeRegistry(Blobs(), tls=certificates.server_context()).running() as server:
        server.answers = [(200, {}, b"ok")] * 9
        with pytest.raises(CertificateRefused):
            Client(SETTINGS).fetch(Request(server.url + "/"), 10)
        for trust in (
            Trust(ca_file=str(certificates.ca), certs_dirs=()),
            Trust(environment={"SSL_CERT_FILE": str(certificates.ca)}, certs_dirs=()),
            Trust(insecure=True, certs_dirs=()),
        ):
            assert Client(replace(SETTINGS, trust=trust)).fetch(Request(server.url + "/"), 10).body == b"ok"


def test_a_ca_in_certs_d_is_for_that_host_only(certificates: Certificates, tmp_path: Path) -> None:
    with FakeRegistry(Blobs(), tls=certificates.server_context()).running() as server:
        server.answers = [(200, {}, b"ok")] * 9
        client = Client(replace(SETTINGS, trust=Trust(certs_dirs=(str(tmp_path),))))
        folder = tmp_path / server.host
        folder.mkdir()
        (folder / "ca.crt").write_bytes(certificates.ca.read_bytes())
        assert client.fetch(Request(server.url + "/"), 10).body == b"ok"
        with pytest.raises(CertificateRefused):
            client.fetch(Request(server.url.replace("127.0.0.1", "localhost") + "/"), 10)


def test_a_certificate_for_another_name_is_refused(tmp_path: Path) -> None:
    made = make_certificates(tmp_path, "DNS:other.test")
    with FakeRegistry(Blobs(), tls=made.server_context()).running() as server, pytest.raises(CertificateRefused):
        Client(replace(SETTINGS, trust=Trust(ca_file=str(made.ca)))).fetch(Request(server.url + "/"), 10)


def test_tls_to_a_plain_port_is_told_apart(server: FakeRegistry) -> None:
    with pytest.raises(NotTls):
        Client(SETTINGS).fetch(Request(server.url.replace("http:", "https:") + "/"), 10)


def test_a_redirect_away_from_tls_is_refused(certificates: Certificates) -> None:
    with FakeRegistry(Blobs(), tls=certificates.server_context()).running() as server:
        server.answers = [(302, {"Location": "http://127.0.0.1:1/"}, b"")]
        with pytest.raises(BadRedirect):
            Client(replace(SETTINGS, trust=Trust(ca_file=str(certificates.ca)))).fetch(Request(server.url + "/"), 10)


def test_a_ca_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    for path in (tmp_path / "none.pem", broken):
        with pytest.raises(HullmarkError, match=str(path)):
            Client(replace(SETTINGS, trust=Trust(ca_file=str(path)))).fetch(Request("https://127.0.0.1:1/"), 10)


def test_a_plain_proxy_is_asked_for_the_whole_address_with_its_login(server: FakeRegistry) -> None:
    server.answers = [(200, {}, b"by proxy")]
    proxy = server.url.replace("http://", "http://user:p%40ss@")
    client = Client(replace(SETTINGS, environment={"HTTP_PROXY": proxy}))
    assert client.fetch(Request("http://registry.test/v2/", {"Authorization": "own"}), 10).body == b"by proxy"
    method, path, headers = server.log[0]
    assert (method, path) == ("GET", "http://registry.test/v2/")
    assert headers["proxy-authorization"] == "Basic dXNlcjpwQHNz"


def test_a_proxy_that_is_not_there_is_named_as_the_reason() -> None:
    client = Client(replace(SETTINGS, environment={"HTTPS_PROXY": f"http://u:secret@127.0.0.1:{free_port()}"}))
    with pytest.raises(Unreachable, match="proxy") as caught:
        client.fetch(Request("https://registry.test/"), 10)
    assert "secret" not in str(caught.value)


def test_an_origin_shows_no_secrets() -> None:
    assert origin("https://user:password@example.org:1/path?signature=x") == "https://example.org:1"


BODY = bytes(range(256)) * 12_000  # 3 MB


def stream_of(server: FakeRegistry, size: int = len(BODY), settings: HttpSettings = SETTINGS) -> ResumingStream:
    client = Client(settings)
    (digest,) = server.blobs.held

    def open_at(headers: object) -> StreamedAnswer:
        assert isinstance(headers, dict)
        return client.open(Request(f"{server.url}/v2/shop/blobs/{digest}", headers))

    return ResumingStream(open_at, size, settings, "the layer")


def read_all(stream: ResumingStream) -> bytes:
    body, buffer = bytearray(), memoryview(bytearray(100_000))
    try:
        while n := stream.readinto(buffer):
            body += buffer[:n]
    finally:
        stream.close()
    return bytes(body)


@pytest.fixture
def blob(server: FakeRegistry) -> FakeRegistry:
    server.blobs.put(BODY, "")
    return server


def test_a_whole_stream_is_one_request(blob: FakeRegistry) -> None:
    assert read_all(stream_of(blob)) == BODY
    assert len(blob.log) == 1


def test_a_cut_stream_goes_on_where_it_was(blob: FakeRegistry) -> None:
    blob.cut_after, blob.cuts = 700_001, 3
    assert read_all(stream_of(blob)) == BODY
    assert [headers.get("range") for headers in blob.asked("/blobs/")] == [
        None, "bytes=700001-", "bytes=1400002-", "bytes=2100003-",
    ]  # fmt: skip


def test_a_server_without_ranges_begins_anew_and_the_known_bytes_are_skipped(blob: FakeRegistry) -> None:
    blob.cut_after, blob.cuts, blob.ignores_range = 2_000_000, 1, True
    assert read_all(stream_of(blob)) == BODY


def test_cuts_without_progress_end(blob: FakeRegistry) -> None:
    blob.cut_after, blob.cuts = 1000, 99
    with pytest.raises(Cut):
        read_all(stream_of(blob))
    assert len(blob.log) == 4
    assert NAPS == [0.5, 1.0, 2.0]


def test_progress_gives_the_retries_back(blob: FakeRegistry) -> None:
    blob.cut_after, blob.cuts = 1 << 20, 99
    settings = replace(SETTINGS, retries=1)
    blob.cuts = 2
    assert read_all(stream_of(blob, settings=settings)) == BODY


def test_another_range_than_asked_for_is_broken(blob: FakeRegistry) -> None:
    blob.cut_after, blob.cuts, blob.lies_about_range = 1000, 1, True
    with pytest.raises(BrokenImage):
        read_all(stream_of(blob))


@pytest.mark.parametrize("size", [len(BODY) - 1, len(BODY) + 1, 0])
def test_another_length_than_promised_is_broken(blob: FakeRegistry, size: int) -> None:
    with pytest.raises(BrokenImage):
        read_all(stream_of(blob, size))


def test_a_body_without_length_ends_where_it_was_promised_to() -> None:
    with raw_server(b"HTTP/1.1 200 OK\r\n\r\nabcdef", *[b"HTTP/1.1 200 OK\r\n\r\nab"] * 4) as url:
        client = Client(SETTINGS)
        stream = ResumingStream(lambda headers: client.open(Request(url, headers)), 3, SETTINGS, "it")
        assert read_all(stream) == b"abc"
        stream = ResumingStream(lambda headers: client.open(Request(url, headers)), 3, SETTINGS, "it")
        with pytest.raises(Cut):
            read_all(stream)


def test_a_stream_that_trickles_is_given_up(blob: FakeRegistry) -> None:
    ticks = iter(range(0, 10**9, 50))
    with pytest.raises(TimedOut):
        read_all(stream_of(blob, settings=replace(SETTINGS, monotonic=lambda: float(next(ticks) * 100))))


def test_a_closed_stream_gives_nothing(blob: FakeRegistry) -> None:
    stream = stream_of(blob)
    stream.close()
    stream.close()
    assert stream.readinto(memoryview(bytearray(10))) == 0
