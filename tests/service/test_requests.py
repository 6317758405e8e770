"""What holds for every request: sending it again, asking again, ids, headers, rates, counts and logs; and events as they happen."""

from __future__ import annotations

import asyncio
import base64
import http.client
import io
import json
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from hullmark.server.api.resources import events as event_routes
from hullmark.server.logs import mask_event
from hullmark.server.postgres.embedded import EmbeddedPostgres
from hullmark.server.tables import events
from hullmark.server.tables.migrate import migrate
from tests.support.desk import PASSWORD, Desk, desk, status_file
from tests.support.standing import Standing, standing

EXCEPTION = {"rule": "r", "subject": "*", "expires": "2030-01-01", "owner": "me", "reason": "because"}


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def sql(at: Desk, query: str, *values: Any) -> list[tuple[Any, ...]]:
    async with at.services.database.system() as connection:
        cursor = await connection.execute(query, values)
        return await cursor.fetchall() if cursor.description else []


async def kept(at: Desk) -> list[str]:
    """The exceptions that there are."""
    return [item["id"] for item in (await at.get("/exceptions"))["items"]]


# Sending again ----------------------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_a_request_that_is_sent_again_acts_once_and_is_answered_as_the_first_time(at: Desk) -> None:
    first = await at.ask("POST", "/exceptions", EXCEPTION, idempotency_key="k1")
    again = await at.ask("POST", "/exceptions", EXCEPTION, idempotency_key="k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["content-type"] == first.headers["content-type"]
    assert await kept(at) == [first.json()["id"]]
    other = await at.ask("POST", "/exceptions", EXCEPTION, idempotency_key="k2")
    assert other.json()["id"] != first.json()["id"]
    refused = await at.ask("POST", "/exceptions", {**EXCEPTION, "owner": " "}, idempotency_key="k3")
    again = await at.ask("POST", "/exceptions", {**EXCEPTION, "owner": " "}, idempotency_key="k3")
    assert (refused.status_code, again.status_code) == (422, 422)
    assert again.headers["content-type"] == "application/problem+json"


@pytest.mark.anyio
async def test_a_key_of_another_request_is_refused(at: Desk) -> None:
    assert (await at.ask("POST", "/exceptions", EXCEPTION, idempotency_key="k")).status_code == 201
    for path, body in (
        ("/exceptions", {**EXCEPTION, "owner": "you"}),
        ("/exceptions?x=1", EXCEPTION),
        ("/policies", EXCEPTION),
    ):
        answer = await at.ask("POST", path, body, idempotency_key="k")
        assert answer.status_code == 422, path
        assert "Idempotency-Key" in answer.json()["detail"]
    for key in ("x" * 201, "a\x7fb"):
        assert (await at.ask("POST", "/exceptions", EXCEPTION, idempotency_key=key)).status_code == 400
    assert len(await kept(at)) == 1


@pytest.mark.anyio
async def test_keys_are_each_callers_and_each_accounts_own(at: Desk) -> None:
    """Also where the names of callers and of keys run into each other."""
    await at.post("/accounts", {"name": "team"})
    secrets = [(await at.post("/keys", {"name": name, "role": "editor"}))["key"] for name in ("a", "a:b")]
    ids = set()
    for secret, key in zip(secrets, ("b:c", "c"), strict=True):
        headers = {"authorization": f"Bearer {secret}", "idempotency-key": key}
        answer = await at.client.post("/api/v1/exceptions", json=EXCEPTION, headers=headers)
        assert answer.status_code == 201, answer.text
        assert "idempotent-replayed" not in answer.headers
        ids.add(answer.json()["id"])
    for account in ("admin", "team"):
        ids.add((await at.ask("POST", "/exceptions", EXCEPTION, account, idempotency_key="c")).json()["id"])
    assert len(ids) == 4


@pytest.mark.anyio
async def test_of_many_at_once_one_acts(at: Desk) -> None:
    asked = (at.ask("POST", "/exceptions", EXCEPTION, idempotency_key="k") for _ in range(8))
    answers = await asyncio.gather(*asked)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status_code == 409)
    assert len(await kept(at)) == 1


@pytest.mark.anyio
async def test_while_the_first_is_at_work_the_second_waits_and_takes_over_from_one_that_died(at: Desk) -> None:
    await at.ask("POST", "/exceptions", EXCEPTION, idempotency_key="k")
    await sql(at, "UPDATE idempotency SET status = 0, answer = ''")  # as it is until the first one is done
    waiting = await at.ask("POST", "/exceptions", EXCEPTION, idempotency_key="k")
    assert (waiting.status_code, waiting.headers["retry-after"]) == (409, "1")
    await sql(at, "UPDATE idempotency SET created_at = now() - interval '3 minutes'")
    assert (await at.ask("POST", "/exceptions", {**EXCEPTION, "owner": "you"}, idempotency_key="k")).status_code == 422
    taken = await at.ask("POST", "/exceptions", EXCEPTION, idempotency_key="k")
    assert taken.status_code == 201
    assert (await at.ask("POST", "/exceptions", EXCEPTION, idempotency_key="k")).content == taken.content
    assert len(await kept(at)) == 2


@pytest.mark.anyio
async def test_what_failed_on_the_way_may_be_sent_again(at: Desk) -> None:
    at.push("1", {})
    lost = await at.ask("POST", "/images", {"reference": "127.0.0.1:1/shop:1"}, idempotency_key="k")
    assert lost.status_code == 502, lost.text
    assert await sql(at, "SELECT key FROM idempotency") == []
    assert (await at.ask("POST", "/images", {"reference": at.reference("1")}, idempotency_key="k")).status_code == 202


@pytest.mark.anyio
async def test_a_new_keys_secret_is_encrypted_where_the_answer_is_kept(at: Desk) -> None:
    document = {"name": "deploy", "role": "ci"}
    first = await at.ask("POST", "/keys", document, idempotency_key="k")
    secret = first.json()["key"]
    rows = await sql(at, "SELECT key, answer FROM idempotency")
    assert len(rows) == 1
    assert secret.encode() not in bytes(rows[0][1])
    assert secret.rpartition("_")[2].encode() not in bytes(rows[0][1])
    assert (await at.ask("POST", "/keys", document, idempotency_key="k")).json()["key"] == secret
    assert len((await at.get("/keys"))["items"]) == 1


# Asking again, ids and headers ------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_an_answer_that_the_client_has_is_not_sent_again(at: Desk) -> None:
    first = await at.ask("GET", "/exceptions")
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for wanted in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        same = await at.ask("GET", "/exceptions", if_none_match=wanted)
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        assert "content-type" not in same.headers
        assert same.headers["x-request-id"]
    assert (await at.ask("GET", "/exceptions", if_none_match='"other"')).status_code == 200
    await at.post("/exceptions", EXCEPTION)
    changed = await at.ask("GET", "/exceptions", if_none_match=tag)
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag
    assert "etag" not in (await at.ask("GET", "/images/sha256:0")).headers
    assert "etag" not in (await at.ask("POST", "/exceptions", EXCEPTION)).headers


@pytest.mark.anyio
async def test_every_answer_has_an_id_which_the_audit_log_has_too(at: Desk) -> None:
    made = await at.ask("POST", "/exceptions", EXCEPTION, x_request_id="build-17/step:2")
    assert made.headers["x-request-id"] == "build-17/step:2"
    (entry, *_) = (await at.get("/audit?action=exception.add"))["items"]
    assert entry["request_id"] == "build-17/step:2"
    for odd in ("two words", "x" * 101, "a;b", ""):
        found = (await at.ask("GET", "/whoami", x_request_id=odd)).headers["x-request-id"]
        assert found != odd
        assert len(found) == 32


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("GET", "/api/v1/whoami", 401),
        ("GET", "/v1/images", 401),
        ("GET", "/nowhere", 404),
        ("GET", "/v1/nowhere", 404),
        ("DELETE", "/api/v1/whoami", 405),
        ("GET", "/api/v1/openapi/openapi.json", 200),
        ("GET", "/metrics", 401),
    ],
)
async def test_headers_of_every_kind_of_answer(at: Desk, method: str, path: str, status: int) -> None:
    answer = await at.client.request(method, path, headers={"x-request-id": "mine"})
    assert answer.status_code == status
    assert answer.headers["x-request-id"] == "mine"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] in ("no-store", "private, no-cache")
    if status >= 400:
        kind = "application/json" if path.startswith("/v1") else "application/problem+json"
        assert answer.headers["content-type"] == kind
    if status == 405:
        assert "GET" in answer.headers["allow"]


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/api/v1/exceptions", "/v1/policies"])
async def test_a_body_that_is_not_utf8_is_refused(at: Desk, path: str) -> None:
    body = json.dumps({**EXCEPTION, "owner": "?"}).encode().replace(b"?", b"\xff")
    answer = await at.client.post(
        path, content=body, auth=("admin", PASSWORD), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 400, answer.text
    assert await kept(at) == []


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "said"), [("/api/v1/exceptions", "detail"), ("/v1/policies", "message")])
async def test_a_body_that_is_nested_too_deeply_is_refused(at: Desk, path: str, said: str) -> None:
    body = json.dumps({**EXCEPTION, "owner": "?"}).encode().replace(b'"?"', b"[" * 250 + b"]" * 250)
    answer = await at.client.post(path, content=body, auth=("admin", PASSWORD))
    assert answer.status_code == 400
    assert answer.json()[said] == "the body is nested too deeply"


@pytest.mark.anyio
async def test_pages_of_descriptions_load_nothing_from_elsewhere(at: Desk) -> None:
    for page in ("", "/redoc", "/swagger", "/elements", "/rapidoc"):
        assert b"cdn" not in (await at.client.get(f"/api/v1/openapi{page}")).content.lower(), page


@pytest.mark.anyio
async def test_who_asks_too_often_is_told_when_to_come_again(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path, rate=20) as at:
        answers = [await at.ask("GET", "/whoami") for _ in range(30)]
        assert answers[0].status_code == 200
        last = answers[-1]
        assert (last.status_code, last.headers["content-type"]) == (429, "application/problem+json")
        assert 1 <= int(last.headers["retry-after"]) <= 60
        assert last.json()["advice"].startswith("try again in")
        theirs = await at.client.get("/v1/images", auth=("admin", PASSWORD))
        assert (theirs.status_code, theirs.json()["error_type"]) == (429, "TooManyRequests")
        assert int(theirs.headers["retry-after"]) >= 1
        nobody = [(await at.client.get("/api/v1/whoami")).status_code for _ in range(60)]
        assert nobody[0] == 401
        assert nobody[-1] == 429


# What is counted and logged ---------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_what_is_counted_can_be_read_by_prometheus_and_names_nobody(at: Desk) -> None:
    digest = at.push("1.0", status_file(("zlib1g", "1:1.3")))
    await at.add("1.0")
    await at.work()
    await at.ask("GET", f"/images/{digest}")
    await at.client.get("/nowhere/at/all")
    text = (await at.client.get("/metrics", auth=("admin", "the operator's words"))).text
    families = {each.name: each for each in text_string_to_metric_families(text)}
    assert {
        "hullmark_requests",
        "hullmark_request_seconds",
        "hullmark_images",
        "hullmark_jobs",
        "hullmark_verdicts",
    } <= set(families)
    (up,) = families["hullmark_database_up"].samples
    assert up.value == 1
    images = {sample.labels["state"]: sample.value for sample in families["hullmark_images"].samples}
    assert images["analysed"] == 1
    asked = [sample for sample in families["hullmark_requests"].samples if sample.name.endswith("_total")]
    routes = {each.labels["route"] for each in asked}
    assert "/api/v1/images/{digest}" in routes
    # The pages at /admin are called so for everybody.
    told = text.replace("/console/{account}/admin", "")
    for secret in (digest, "admin", PASSWORD, "nowhere"):
        assert secret not in told


@pytest.mark.anyio
async def test_no_secret_gets_into_the_log(at: Desk) -> None:
    out = io.StringIO()
    structlog.configure(
        processors=[structlog.processors.format_exc_info, mask_event, structlog.processors.JSONRenderer()],
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    try:
        key = (await at.post("/keys", {"name": "deploy", "role": "ci"}))["key"]
        await at.client.get("/api/v1/images", headers={"authorization": f"Bearer {key}"})
        await at.client.get("/api/v1/images", headers={"authorization": "Bearer hmk_wrong_" + "z" * 40})
        await at.ask("PUT", "/registries/secret.example.org", {"username": "u", "password": "hidden words"})
        await at.post("/accounts/admin/persons", {"name": "anna", "password": "anna's own words", "role": "ci"})
        token = (await at.client.post("/api/v1/tokens", json={"name": "anna", "password": "anna's own words"})).json()
        await at.client.get("/api/v1/whoami", headers={"authorization": f"Bearer {token['access_token']}"})
        log = structlog.get_logger("x")
        log.warning(
            "it failed", url="https://u:hidden%20words@host/x", told={"password": "hidden words"}, all=[f"Bearer {key}"]
        )
    finally:
        structlog.reset_defaults()
    lines = out.getvalue()
    assert "it failed" in lines
    for secret in (key, key.rpartition("_")[2], "z" * 40, "hidden", "own words", PASSWORD, token["access_token"]):
        assert secret not in lines
    assert "https://u:…@host/x" in json.loads(lines.splitlines()[-1])["url"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("postgresql://u:pa55@h/x", "postgresql://u:…@h/x"),
        ("redis://:pa55@h", "redis://:…@h"),
        ("Authorization: Basic YWRtaW46cGE1NQ==", "Authorization: Basic …"),
        ("no hmk_abcdefgh_0123456789 here", "no hmk_abcdefgh_… here"),
        ("Basic words stay", "Basic words stay"),
        ("http://host:8080/path", "http://host:8080/path"),
    ],
)
def test_what_is_masked_in_texts(text: str, told: str) -> None:
    assert mask_event(None, "", {"event": text, "deep": [{"x": text}]}) == {"event": told, "deep": [{"x": told}]}
    assert mask_event(None, "", {"api_key": text, "deep": {"client_secret": [text]}}) == {
        "api_key": "…",
        "deep": {"client_secret": "…"},
    }


# Events as they happen --------------------------------------------------------------------------------------------


class Listener:
    """A client of the stream. `told` are the events so far: (id, kind, data)."""

    def __init__(self, server: Standing, last: int | None = None, kind: str = "") -> None:
        self.told: list[tuple[int, str, Any]] = []
        self.comments = 0
        self.has_ended = False
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        headers = {"authorization": "Basic " + base64.b64encode(f"admin:{PASSWORD}".encode()).decode()}
        if last is not None:
            headers["last-event-id"] = str(last)
        self._connection.request("GET", f"/api/v1/events/stream?kind={kind}", headers=headers)
        self.answer = self._connection.getresponse()
        assert self.answer.status == 200, self.answer.read()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        block: dict[str, str] = {}
        try:
            while line := self.answer.readline():
                text = line.decode().rstrip("\n")
                if text.startswith(":"):
                    self.comments += 1
                elif text:
                    name, _, value = text.partition(": ")
                    block[name] = value
                elif block:
                    self.told.append((int(block["id"]), block["event"], json.loads(block["data"])))
                    block = {}
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        self.has_ended = True

    def leave(self) -> None:
        """Go away without a word."""
        if self._connection.sock is not None:
            self._connection.sock.shutdown(2)
        self._thread.join(10)
        self._connection.close()


def until(what: Callable[[], Any], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.02)


async def happens(at: Desk, *names: str, kind: str = "test.happened") -> None:
    async with at.services.database.system() as connection:
        row = await (await connection.execute("SELECT id FROM account WHERE name = 'admin'")).fetchone()
        assert row is not None
        for name in names:
            await events.tell(connection, row[0], kind, ("thing", name), {"name": name})


def resources(listener: Listener) -> list[str]:
    return [each[2]["resource"] for each in listener.told]


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Standing]:
    with standing(database_url, tmp_path) as found:
        yield found


def test_what_happens_is_told_while_it_happens(server: Standing) -> None:
    server.run(happens(server.at, "before"))
    with closing_all() as listeners:
        listener, other = listeners(Listener(server)), listeners(Listener(server, kind="other.*"))
        assert listener.answer.getheader("content-type", "").startswith("text/event-stream")
        assert listener.answer.getheader("cache-control") == "no-store"
        until(lambda: listener.comments and other.comments)
        server.run(happens(server.at, "a", "b"))
        until(lambda: len(listener.told) == 2, 5)
        assert resources(listener) == ["a", "b"]
        number, kind, event = listener.told[0]
        assert (event["id"], event["kind"]) == (number, kind) == (number, "test.happened")
        server.run(happens(server.at, "c", kind="other.thing"))
        until(lambda: len(other.told) == 1, 5)
        assert resources(other) == ["c"]


def test_who_comes_back_gets_what_it_missed_in_order(server: Standing) -> None:
    with closing_all() as listeners:
        first = listeners(Listener(server))
        until(lambda: first.comments)
        server.run(happens(server.at, "a"))
        until(lambda: first.told)
        first.leave()
        missed = [f"missed-{number}" for number in range(450)]
        server.run(happens(server.at, *missed))
        second = listeners(Listener(server, last=first.told[-1][0]))
        until(lambda: len(second.told) == 450)
        assert resources(second) == missed
        server.run(happens(server.at, "z"))
        until(lambda: len(second.told) == 451, 5)
        again = listeners(Listener(server, last=0))
        until(lambda: len(again.told) == 452)


def test_an_event_whose_transaction_ends_late_is_not_missed(server: Standing) -> None:
    """Its number is lower than one that was told already."""

    async def late(begun: threading.Event, go_on: threading.Event) -> None:
        at = server.at
        async with at.services.database.system() as connection:
            row = await (await connection.execute("SELECT id FROM account WHERE name = 'admin'")).fetchone()
            assert row is not None
            await events.tell(connection, row[0], "test.happened", ("thing", "late"), {})
            begun.set()
            while not go_on.is_set():
                await asyncio.sleep(0.02)

    begun, go_on = threading.Event(), threading.Event()
    with closing_all() as listeners:
        listener = listeners(Listener(server))
        until(lambda: listener.comments)
        slow = threading.Thread(target=lambda: server.run(late(begun, go_on)))
        slow.start()
        assert begun.wait(30)
        server.run(happens(server.at, "early"))
        time.sleep(0.5)
        go_on.set()
        slow.join(30)
        until(lambda: len(listener.told) == 2, 10)
        assert resources(listener) == ["late", "early"]


def test_a_sign_of_life_comes_while_nothing_happens(server: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_routes, "_PAUSE", 0.1)
    with closing_all() as listeners:
        listener = listeners(Listener(server))
        until(lambda: listener.comments >= 4, 10)
        assert listener.told == []


def test_who_goes_away_leaves_no_bell(server: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_routes, "_PAUSE", 0.2)
    bells = server.at.app.state.listeners._bells
    clients = [Listener(server) for _ in range(5)]
    until(lambda: sum(len(bell) for bell in bells.values()) == 5)
    for client in clients:
        client.leave()
    until(lambda: not bells)


@pytest.mark.anyio
async def test_a_number_that_is_none_is_refused(at: Desk) -> None:
    for wrong in ("x", "-1", "1" * 30, "1.5", "²"):
        headers = {"last-event-id": wrong.encode("latin-1")}
        answer = await at.client.get("/api/v1/events/stream", headers=headers, auth=("admin", PASSWORD))  # type: ignore[arg-type]
        assert answer.status_code == 400, wrong


def test_nothing_is_lost_when_the_database_is_restarted(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="hm-pg-") as folder:
        Path(folder).chmod(0o755)
        database = EmbeddedPostgres(Path(folder) / "server")
        url = database.start()
        try:
            migrate(url)
            with standing(url, tmp_path) as server, closing_all() as listeners:
                listener = listeners(Listener(server))
                until(lambda: listener.comments)
                server.run(happens(server.at, "a"))
                until(lambda: listener.told)
                database.stop()
                time.sleep(0.5)
                database = EmbeddedPostgres(Path(folder) / "server")
                assert database.start() == url
                _insist(server, "b", "c")
                told = resources(listener)
                deadline = time.monotonic() + 40
                while told != ["a", "b", "c"] and time.monotonic() < deadline:
                    if listener.has_ended:
                        listener = _came_back(server, listeners, listener)
                    time.sleep(0.1)
                    told = resources(listener)
                assert told == ["a", "b", "c"]
        finally:
            database.stop()


def _insist(server: Standing, *names: str) -> None:
    """Have it happen as soon as the database is there again."""
    from hullmark.server.tables.database import DatabaseUnreachable

    for _ in range(20):
        try:
            server.run(happens(server.at, *names))
            return
        except DatabaseUnreachable:
            time.sleep(0.5)
    pytest.fail("the database does not come back")


def _came_back(server: Standing, listeners: Callable[[Listener], Listener], before: Listener) -> Listener:
    found = listeners(Listener(server, last=before.told[-1][0]))
    found.told[:0] = before.told
    return found


@contextmanager
def closing_all() -> Iterator[Callable[[Listener], Listener]]:
    """Listeners that leave at the end."""
    made: list[Listener] = []

    def kept(listener: Listener) -> Listener:
        made.append(listener)
        return listener

    try:
        yield kept
    finally:
        for each in made:
            with closing(each._connection):
                each.leave()
