"""The client of a server against one that answers as it is told: paging, busy servers, broken connections, refusals, streams."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.model.errors import HullmarkError
from hullmark.net.api_client import ApiClient, ApiLogin, ApiRefused, segment, server_url
from hullmark.net.errors import Cut, NetError
from hullmark.net.event_stream import EventReader, ServerEvent, Watcher
from hullmark.net.http import HttpSettings

PROBLEM = {"Content-Type": "application/problem+json"}


@dataclass
class Told:
    """An answer that a test prepared; `cuts`: the connection breaks instead."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    cuts: bool = False


@dataclass
class Oracle:
    """Answers in order, the last one for ever, and remembers what it was asked."""

    url: str = ""
    answers: list[Told] = field(default_factory=list)
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)

    def client(self, *, retries: int = 4, **login: str) -> ApiClient:
        settings = HttpSettings(timeout=5, retries=retries, sleep=self.slept.append)
        return ApiClient(self.url, ApiLogin(**login), settings)

    def queries(self) -> list[dict[str, list[str]]]:
        return [parse_qs(urlsplit(path).query) for _, path, _, _ in self.asked]


@pytest.fixture
def oracle() -> Iterator[Oracle]:
    made = Oracle()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            made.asked.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body))
            told = made.answers.pop(0) if len(made.answers) > 1 else made.answers[0]
            self.close_connection = True
            if told.cuts:
                return
            self.send_response(told.status)
            for name, value in {"Content-Length": str(len(told.body)), **told.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(told.body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


def page(items: list[int], following: str | None) -> Told:
    return Told(body=json.dumps({"items": items, "next": following}).encode())


def problem(status: int, detail: str, advice: str = "", **headers: str) -> Told:
    body = json.dumps({"title": "x", "status": status, "detail": detail, "advice": advice}).encode()
    return Told(status, body, {**PROBLEM, **{name.replace("_", "-"): value for name, value in headers.items()}})


def test_a_list_is_asked_for_page_by_page_while_it_is_used(oracle: Oracle) -> None:
    oracle.answers = [page([1, 2], "a"), page([3], "b"), page([4], None)]
    found = oracle.client().pages("/things", {"kind": "x", "empty": ""})
    assert (next(found), len(oracle.asked)) == (1, 1)
    assert list(found) == [2, 3, 4]
    assert [query.get("cursor") for query in oracle.queries()] == [None, ["a"], ["b"]]
    assert all(query["kind"] == ["x"] and "empty" not in query for query in oracle.queries())


def test_no_more_is_asked_for_than_wanted(oracle: Oracle) -> None:
    oracle.answers = [page([1, 2, 3], "a"), page([4, 5, 6], "b")]
    assert list(oracle.client().pages("/things", most=4)) == [1, 2, 3, 4]
    assert [query["limit"] for query in oracle.queries()] == [["4"], ["1"]]


def test_a_list_that_leads_to_itself_ends(oracle: Oracle) -> None:
    oracle.answers = [page([1], "a"), page([2], "a")]
    assert list(oracle.client().pages("/things")) == [1, 2]


def test_who_asks_stands_in_the_headers(oracle: Oracle) -> None:
    oracle.answers = [Told()]
    oracle.client(key="hmk_1", account="team").get("/x")
    oracle.client(user="anna", password="wört:er").get("/x")  # noqa: S106
    (_, _, key, _), (_, _, person, _) = oracle.asked
    assert (key["authorization"], key["x-hullmark-account"]) == ("Bearer hmk_1", "team")
    assert person["authorization"] == "Basic YW5uYTp3w7ZydDplcg=="
    assert "hmk_1" not in repr(ApiLogin(key="hmk_1"))
    with pytest.raises(HullmarkError, match="strange characters"):
        oracle.client(key="a\r\nX: y")


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_busy_server_is_waited_for_as_it_asks(oracle: Oracle, method: str) -> None:
    oracle.answers = [problem(429, "too many", Retry_After="7"), problem(503, "busy", Retry_After="3"), Told()]
    assert oracle.client().json(method, "/x") == {}
    assert oracle.slept == [7, 3]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_server_is_not_waited_for_too_long_or_too_often(oracle: Oracle, method: str) -> None:
    oracle.answers = [problem(429, "too many", "try again in 61 seconds", Retry_After="61")]
    with pytest.raises(ApiRefused, match="too many") as caught:
        oracle.client().json(method, "/x")
    assert (caught.value.status, caught.value.advice, oracle.slept) == (429, "try again in 61 seconds", [])
    oracle.answers = [problem(429, "too many", Retry_After="1")]
    with pytest.raises(ApiRefused, match="too many"):
        oracle.client().json(method, "/x")
    assert oracle.slept == [1, 1, 1, 1]


def test_what_changes_something_is_sent_again_only_with_a_key_that_tells_it_is_the_same(oracle: Oracle) -> None:
    oracle.answers = [Told(cuts=True), problem(409, "the first is at work", Retry_After="1"), Told(body=b'{"id":1}')]
    assert oracle.client().json("POST", "/things", document={"a": 1}) == {"id": 1}
    keys = {headers["idempotency-key"] for _, _, headers, _ in oracle.asked}
    assert (len(oracle.asked), len(keys)) == (3, 1)
    assert {body for _, _, _, body in oracle.asked} == {b'{"a":1}'}
    oracle.asked.clear()
    oracle.answers = [Told(cuts=True)]
    with pytest.raises(Cut):
        oracle.client().json("DELETE", "/things/1")
    assert len(oracle.asked) == 1


def test_a_conflict_is_told_at_once(oracle: Oracle) -> None:
    oracle.answers = [problem(409, "there is one already", "choose another name")]
    with pytest.raises(ApiRefused, match="there is one already"):
        oracle.client().json("POST", "/things")
    assert oracle.slept == []


def test_a_body_in_pieces_is_sent_from_its_beginning_each_time(oracle: Oracle) -> None:
    oracle.answers = [problem(503, "busy", Retry_After="2"), Told()]
    oracle.client().send("POST", "/uploads", None, [b"ab", b"cd"], {"Content-Length": "4"})
    assert [body for _, _, _, body in oracle.asked] == [b"abcd", b"abcd"]


@pytest.mark.parametrize(
    ("told", "what", "advice"),
    [
        (problem(404, "there is no x", ""), "there is no x", "check the name, and the account by --account"),
        (problem(422, "two\nlines", "do\nthis"), "two lines", "do this"),
        (Told(500, b"<html>"), "answers with status 500", "check the address of the server, and what stands before it"),
        (Told(404, b'{"message": "no route"}'), "answers with status 404", "check the address of the server"),
        (
            Told(400, json.dumps({"title": "Bad", "errors": [{"key": "limit", "message": "too big"}]}).encode()),
            "Bad (limit: too big)",
            "",
        ),
        (problem(401, "nobody is signed in", "give a key"), "nobody is signed in", "hullmark login"),
    ],
)
def test_a_refusal_is_one_line_what_and_one_line_what_to_do(oracle: Oracle, told: Told, what: str, advice: str) -> None:
    oracle.answers = [told]
    with pytest.raises(ApiRefused) as caught:
        oracle.client(retries=0).get("/x")
    assert what in str(caught.value)
    assert advice in caught.value.advice
    assert "\n" not in str(caught.value) + caught.value.advice


@pytest.mark.parametrize("body", [b"<html>", b"\xff", b"[" * 100_000, b'{"items": 1}', b'{"items": {}}', b"5"])
def test_what_does_not_speak_our_language_is_named(oracle: Oracle, body: bytes) -> None:
    oracle.answers = [Told(200, body)]
    with pytest.raises(HullmarkError, match="does not answer as a Hullmark server"):
        list(oracle.client().pages("/x"))


def test_what_a_server_should_say_and_does_not_is_no_fault_of_ours(oracle: Oracle) -> None:
    oracle.answers = [Told(200, b'{"a": {"b": 1}}')]
    found = oracle.client().get("/x")
    assert found == {"a": {"b": 1}}
    for told in (found, found["a"]):
        with pytest.raises(HullmarkError, match="does not say 'name'"):
            told["name"]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("hullmark.example.com", "https://hullmark.example.com"),
        ("https://Hullmark.Example.com:8443/", "https://hullmark.example.com:8443"),
        ("http://127.0.0.1:8228", "http://127.0.0.1:8228"),
        ("https://example.com/hullmark/", "https://example.com/hullmark"),
    ],
)
def test_addresses_are_kept_in_one_form(text: str, url: str) -> None:
    assert server_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ftp://x",
        "https://",
        "https://x:0",
        "https://x:99999",
        "https://x/?a=b",
        "https://a@x",
        "http://x",
        "https://x y",
    ],
)
def test_what_is_no_address_or_would_show_the_key_is_refused(text: str) -> None:
    with pytest.raises(HullmarkError) as caught:
        server_url(text)
    assert caught.value.advice


def test_plain_http_elsewhere_has_to_be_meant() -> None:
    assert server_url("http://hullmark.test", insecure=True) == "http://hullmark.test"


@given(st.text(max_size=50))
def test_a_name_stays_one_part_of_a_path(name: str) -> None:
    assert not set(segment(name)) & set("/?#% \n") - {"%"}


EVENTS = [
    ServerEvent("1", "image.added", '{"a":1}'),
    ServerEvent("2", "message", "one\ntwo"),
    ServerEvent("2", "x", "ü"),
]
STREAM = (
    b': hullmark\n\nid: 1\nevent: image.added\ndata: {"a":1}\n\n: still here\n\nid: 2\r\ndata: one\r\ndata: two\r\n\r\n'
    b"strange: field\nevent: x\ndata:\xc3\xbc\n\nevent: nothing\n\ndata: cut off"
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=10))
def test_events_are_the_same_however_the_bytes_come(cuts: list[int]) -> None:
    reader, places = EventReader(), [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(places)]
    assert [event for piece in pieces for event in reader.feed(piece)] == EVENTS


@given(st.binary(max_size=500))
def test_any_bytes_are_read_as_events(data: bytes) -> None:
    assert all(isinstance(event, ServerEvent) for event in EventReader().feed(data))


@pytest.mark.parametrize("piece", [b"data: x\n", b"x"])
def test_an_event_without_end_is_refused(piece: bytes) -> None:
    reader = EventReader()
    pieces = (each for _ in range(6000) for each in reader.feed(piece * 1024))
    with pytest.raises(HullmarkError, match="no end"):
        list(pieces)


def event(number: int) -> bytes:
    return b"id: %d\ndata: %d\n\n" % (number, number)


def test_a_stream_that_breaks_is_taken_up_behind_the_last_event(oracle: Oracle) -> None:
    kind = {"Content-Type": "text/event-stream"}
    oracle.answers = [
        Told(200, event(4) + event(5), kind),
        Told(cuts=True),
        problem(503, "busy"),
        Told(200, event(6) + b"data: cut", {**kind, "Content-Length": "100"}),
        problem(403, "no longer yours"),
    ]
    watcher = Watcher(oracle.client(), "/events/stream", {"kind": "x"}, "3")
    seen: list[str] = []
    with pytest.raises(ApiRefused, match="no longer yours"):
        seen.extend(each.data for each in watcher.events())
    assert seen == ["4", "5", "6"]
    last = [headers["last-event-id"] for _, _, headers, _ in oracle.asked]
    assert last == ["3", "5", "5", "5", "6"]


def test_a_server_that_stays_away_is_given_up(oracle: Oracle) -> None:
    oracle.answers = [Told(cuts=True)]
    watcher = Watcher(oracle.client(), "/events/stream", {}, "", patience=3)
    with pytest.raises(NetError):
        next(watcher.events())
    assert len(oracle.asked) == 4
    assert "last-event-id" not in oracle.asked[0][2]
