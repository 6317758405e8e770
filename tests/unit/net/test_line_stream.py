"""Lines that a server streams come whole, once each and in order, wherever the connection breaks."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.net.api_client import ApiClient, ApiLogin, ApiRefused
from hullmark.net.errors import NetError
from hullmark.net.http import HttpSettings
from hullmark.net.line_stream import LineStream


def line(number: int) -> bytes:
    return json.dumps({"cursor": str(number), "name": "é\n" * (number % 5)}, ensure_ascii=False).encode() + b"\n"


@dataclass
class Source:
    """A server that has `count` lines, and breaks the connection after so many bytes of an answer, once for each of `cuts`."""

    count: int = 0
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    kind: str = "application/x-ndjson"
    body: bytes | None = None
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def stream(self, after: str = "", patience: int = 10) -> LineStream:
        api = ApiClient(self.url, ApiLogin(), HttpSettings(timeout=5, sleep=lambda _: None))
        return LineStream(api, "/export/images", after, patience)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        after = parse_qs(urlsplit(handler.path).query).get("after", [""])[0]
        self.asked.append(after)
        status = self.statuses.pop(0) if self.statuses else 200
        handler.send_response(status)
        handler.send_header("Content-Type", self.kind if status == 200 else "text/plain")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        rest = range(int(after or 0) + 1, self.count + 1)
        body = self.body if self.body is not None else b"".join(map(line, rest))
        left = self.cuts.pop(0) if self.cuts and status == 200 else len(body) + 1
        for start in range(0, min(len(body), left), 7):
            piece = body[start : min(start + 7, left)]
            handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if left > len(body):
            handler.wfile.write(b"0\r\n\r\n")
        handler.close_connection = True


@contextmanager
def serving(source: Source) -> Iterator[Source]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms, for the word that its head came

        def do_GET(self) -> None:
            source.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    source.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield source
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30), st.lists(st.integers(0, 900), max_size=5))
def test_every_line_comes_once_wherever_it_breaks(count: int, cuts: list[int]) -> None:
    with serving(Source(count, cuts)) as source:
        stream = source.stream()
        blocks = list(stream.blocks())
    assert all(block.endswith(b"\n") for block in blocks)
    assert b"".join(blocks) == b"".join(map(line, range(1, count + 1)))
    assert stream.after == (str(count) if count else "")


def test_it_begins_behind_a_cursor() -> None:
    with serving(Source(5)) as source:
        assert b"".join(source.stream("3").blocks()) == line(4) + line(5)


def test_a_busy_server_is_asked_again_and_a_refusal_ends_it() -> None:
    with serving(Source(1, statuses=[503, 429])) as source:
        assert list(source.stream().blocks()) == [line(1)]
        source.statuses = [403]
        with pytest.raises(ApiRefused):
            list(source.stream().blocks())
        assert len(source.asked) == 4


def test_a_server_that_always_breaks_is_given_up() -> None:
    with serving(Source(3, cuts=[0] * 9)) as source:
        with pytest.raises(NetError):
            list(source.stream(patience=3).blocks())
        assert source.asked == [""] * 4


@pytest.mark.parametrize("body", [b"[1]\n", b"{}\n", b'{"cursor": 1}\n', b"no json\n", b'{"cursor": ""}\n'])
def test_what_is_no_such_line_is_refused(body: bytes) -> None:
    with serving(Source(body=body)) as source, pytest.raises(HullmarkError, match="lines of JSON"):
        list(source.stream().blocks())


def test_another_kind_of_answer_is_refused() -> None:
    with serving(Source(1, kind="text/html")) as source, pytest.raises(HullmarkError, match="lines of JSON"):
        list(source.stream().blocks())


def test_an_answer_that_ends_within_a_line_is_not_the_end() -> None:
    with serving(Source(body=b'{"cursor": "1"}\n{"cursor"')) as source:
        stream = source.stream(patience=0)
        got: list[bytes] = []
        with pytest.raises(NetError):
            got.extend(stream.blocks())
        assert stream.after == "1"
