"""The webhook over HTTP: what probes and strangers are answered, clients that hang up, and an end that loses no request."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hullmark.model.admission import AdmissionPage
from hullmark.model.errors import HullmarkError
from hullmark.places.gates import verdicts as gate_verdicts
from hullmark.places.gates.certificates import make_pair
from hullmark.places.gates.kubernetes.webhook import Webhook
from hullmark.places.gates.meters import Meters
from hullmark.places.gates.serving import Certificate, serve
from hullmark.places.gates.settings import GateSettings
from hullmark.places.gates.supervision import listen
from hullmark.places.gates.verdicts import LocalVerdicts
from tests.support.gate import GOOD, HOST, NOON
from tests.unit.places.gates.test_webhook import ask, review, said_of, webhook_of

pytestmark = pytest.mark.anyio
NEW = review({"containers": [{"name": "a", "image": f"{HOST}/new:1"}]})


async def get(webhook: Webhook, path: str, method: str = "GET", message: str = "http.request") -> tuple[int, bytes]:
    """The status and the body of an answer."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": message}

    async def send(part: Any) -> None:
        sent.append(part)

    await webhook({"type": "http", "method": method, "path": path}, receive, send)
    return sent[0]["status"], sent[1]["body"]


def without_verdicts(folder: Path, settings: GateSettings, age: Callable[[], float | None] = lambda: None) -> Webhook:
    return Webhook(LocalVerdicts(folder / "empty.db"), settings, lambda: NOON, Meters(age), print)


async def test_a_gate_is_ready_once_it_can_answer_and_not_when_it_ends(tmp_path: Path) -> None:
    assert await get(without_verdicts(tmp_path, GateSettings()), "/readyz") == (503, b"no verdicts yet\n")
    assert await get(without_verdicts(tmp_path, GateSettings(fail="open")), "/readyz") == (200, b"ok\n")
    webhook = webhook_of(tmp_path, GateSettings())
    assert await get(webhook, "/readyz") == (200, b"ok\n")
    webhook.is_draining = True
    assert await get(webhook, "/readyz") == (503, b"ending\n")
    assert await get(webhook, "/healthz") == (200, b"ok\n")


@pytest.mark.parametrize(("age", "shown"), [(None, b"NaN"), (1.5, b"1.500")])
async def test_prometheus_is_told_the_age_and_the_answers(tmp_path: Path, age: float | None, shown: bytes) -> None:
    webhook = without_verdicts(tmp_path, GateSettings(fail="open"), lambda: age)
    assert said_of(ask(webhook, NEW))["allowed"] is True
    status, body = await get(webhook, "/metrics")
    lines = body.splitlines()
    assert status == 200
    assert b"hullmark_gate_verdicts_age_seconds " + shown in lines
    assert b'hullmark_gate_answers_total{answer="allowed",endpoint="validate"} 1.0' in lines
    assert b'hullmark_gate_seconds_count{endpoint="validate"} 1.0' in lines


@pytest.mark.parametrize(
    ("method", "path", "status", "said"),
    [
        ("GET", "/validate", 405, "send a review by POST"),
        ("POST", "/other", 404, "there is nothing here"),
        ("GET", "/other", 404, "there is nothing here"),
    ],
)
async def test_strangers_are_answered(tmp_path: Path, method: str, path: str, status: int, said: str) -> None:
    found, body = await get(webhook_of(tmp_path, GateSettings()), path, method)
    assert (found, json.loads(body)["message"]) == (status, said)


async def test_a_client_that_hangs_up_in_its_review_and_what_is_not_http_do_no_harm(tmp_path: Path) -> None:
    webhook = webhook_of(tmp_path, GateSettings())
    assert (await get(webhook, "/validate", "POST", "http.disconnect"))[0] == 400
    sent: list[Any] = []
    await webhook({"type": "lifespan"}, sent.pop, sent.append)  # type: ignore[arg-type]
    assert sent == []


def test_unknown_images_that_cannot_be_queued_change_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    webhook_of(tmp_path, GateSettings())
    said: list[str] = []
    meters = Meters(lambda: 1.0)
    for is_read_only in (True, False):
        verdicts = LocalVerdicts(tmp_path / "v.db", is_read_only=is_read_only)
        response = said_of(ask(Webhook(verdicts, GateSettings(), lambda: NOON, meters, said.append), NEW))
        assert response["allowed"] is False
        assert "nobody has judged it" in response["status"]["message"]
        verdicts.close()
        monkeypatch.setattr(gate_verdicts, "MOST_QUEUED", 0)
    assert said == ["queue has failed: OperationalError: attempt to write a readonly database"]
    counted = meters.exposition()
    assert b'{answer="failed",endpoint="queue"} 1.0' in counted
    assert b'{answer="full",endpoint="queue"} 1.0' in counted


def test_a_certificate_that_cannot_be_used_is_an_error_with_advice(tmp_path: Path) -> None:
    with pytest.raises(HullmarkError, match=r"cannot use the certificate .*/c with the key .*/k: ") as missing:
        Certificate(tmp_path / "c", tmp_path / "k", print)
    assert missing.value.advice == "hullmark admit certificate makes one"
    (tmp_path / "c").write_text("nonsense")
    (tmp_path / "k").write_text("nonsense")
    with pytest.raises(HullmarkError, match="cannot use the certificate"):
        Certificate(tmp_path / "c", tmp_path / "k", print)


def certified(folder: Path) -> tuple[Certificate, ssl.SSLContext]:
    """A certificate for 127.0.0.1, and what a client that trusts it needs."""
    pair = make_pair(["127.0.0.1"], datetime.now(UTC), 1)
    (folder / "c").write_text(pair.certificate)
    (folder / "k").write_text(pair.key)
    return Certificate(folder / "c", folder / "k", print), ssl.create_default_context(cadata=pair.authority)


async def test_a_connection_that_is_open_when_a_gate_ends_is_answered_once_more(tmp_path: Path) -> None:
    certificate, context = certified(tmp_path)
    verdicts = LocalVerdicts(tmp_path / "v.db")
    verdicts.take(AdmissionPage(images=(GOOD,), cursor="1", is_last=True, begins=True), NOON)
    webhook = Webhook(verdicts, GateSettings(), lambda: NOON, Meters(lambda: 1.0), print)
    listener = listen("127.0.0.1:0")
    connection = http.client.HTTPSConnection(*listener.getsockname(), context=context)
    ready, ending = asyncio.Event(), asyncio.Event()

    def request() -> tuple[int, str | None]:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers["connection"]

    serving = asyncio.create_task(serve(webhook, listener, certificate, ready.set, ending))
    await ready.wait()
    assert await asyncio.to_thread(request) == (200, None)
    ending.set()
    while not webhook.is_draining:
        await asyncio.sleep(0)
    assert await asyncio.to_thread(request) == (200, "close")
    await serving
    connection.close()


async def test_a_gate_that_cannot_serve_does_not_say_that_it_answers(tmp_path: Path) -> None:
    certificate, _ = certified(tmp_path)
    told: list[str] = []
    webhook = without_verdicts(tmp_path, GateSettings())
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener,
        pytest.raises(ValueError, match="A Stream Socket was expected"),
    ):
        await serve(webhook, listener, certificate, lambda: told.append("ready"), asyncio.Event())
    assert told == []
