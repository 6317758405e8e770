"""What keeps notices within bounds: secrets that go nowhere else, limits of an account, and who acts while something is taken away."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from litestar.enums import HttpMethod

from hullmark.model.errors import HullmarkError
from hullmark.model.notice import Cause, Transition
from hullmark.server.api.anchore import webhooks
from hullmark.server.api.notice import channel_actions
from hullmark.server.api.notice import channels as channels_api
from hullmark.server.api.notice import messages as messages_api
from hullmark.server.api.notice import silences as silences_api
from hullmark.server.api.notice import subscriptions as subscriptions_api
from hullmark.server.api.permissions import ROLES
from hullmark.server.api.watching import hooks as hooks_api
from hullmark.server.api.watching import watches as watches_api
from hullmark.server.stories.notice import channel_settings, sending
from hullmark.server.stories.notice.deliver import deliver
from hullmark.server.stories.notice.route import route
from hullmark.server.stories.watching import hooks
from hullmark.server.tables.notice import channels, transitions
from hullmark.server.tables.watching import watches
from hullmark.source.hooks.hook import Delivery
from tests.service.test_delivery import begun, channel, listed, passed
from tests.support.desk import Desk, desk
from tests.support.receiver import Receiver

pytestmark = pytest.mark.anyio


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver().running() as found:
        yield found


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("webhook", {"token": "tokentoken"}),
        ("webhook", {"headers": {"X-Key": "keykeykey"}}),
        ("webhook", {"username": "u", "password": "passpasspass"}),
        ("jira", {"project": "SEC", "token": "tokentoken"}),
        ("github", {"repository": "a/b", "token": "tokentoken"}),
    ],
)
async def test_a_kept_secret_goes_to_no_other_server(
    at: Desk, receiver: Receiver, kind: str, settings: dict[str, Any]
) -> None:
    document = {"name": "ops", "kind": kind, "settings": {"url": "http://127.0.0.1:9/a", **settings}}
    await at.post("/channels", document)
    kept = (await at.get("/channels/ops"))["settings"]
    for url in (receiver.url, "https://127.0.0.1:9/a", "http://127.0.0.1:9.evil.example/", "http://127.0.0.1:90/a"):
        answer = await at.ask("PATCH", "/channels/ops", {"settings": {**kept, "url": url}})
        assert answer.status_code == 422, (url, answer.text)
        assert "is not sent to another server" in answer.json()["detail"]
    assert (await at.get("/channels/ops"))["settings"] == kept
    for change in ({"url": "http://127.0.0.1:9/b"}, {"url": receiver.url, **settings}):
        answer = await at.ask("PATCH", "/channels/ops", {"settings": {**kept, **change}})
        assert answer.status_code == 200, answer.text


async def test_a_key_that_only_signs_stays_with_another_address(at: Desk, receiver: Receiver) -> None:
    await channel(at, receiver)
    kept = (await at.get("/channels/ops"))["settings"]
    answer = await at.ask("PATCH", "/channels/ops", {"settings": {**kept, "url": "http://127.0.0.1:9/a"}})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "said", ["/hooks/abcdefghijkl12", "abcdefghijkl12", "no hook abcdefghijkl12 in /hooks/abcdefghijkl12?x"]
)
async def test_what_a_receiver_repeats_of_a_secret_address_is_not_shown(
    at: Desk, receiver: Receiver, said: str
) -> None:
    url = f"http://127.0.0.1:{receiver.port}/hooks/abcdefghijkl12"
    await at.post("/channels", {"name": "chat", "kind": "mattermost", "settings": {"url": url}})
    receiver.status, receiver.body = 404, f"cannot find {said}".encode()
    sent = await at.post("/channels/chat/test", None, status=200)
    assert (sent["outcome"], sent["status"]) == ("again", 404)
    assert "cannot find" in sent["error"]
    for path in ("/channels", "/channels/chat", f"/messages/{sent['message']}", "/audit", "/events"):
        assert "abcdefghijkl12" not in (await at.ask("GET", path)).text, path


async def test_a_channel_that_is_removed_while_its_message_is_on_the_way_is_gone(at: Desk, receiver: Receiver) -> None:
    to = await channel(at, receiver)
    await begun(at, to, "CVE-1")
    receiver.status = 0
    on_the_way = asyncio.create_task(deliver(at.services, to))
    while not receiver.received:
        await asyncio.sleep(0.01)
    assert (await at.ask("DELETE", "/channels/ops")).status_code == 204
    receiver.status = 204
    receiver.released.set()
    assert await on_the_way == 0
    assert await listed(at) == []
    assert await passed(at, seconds=60) == []


async def test_what_a_receiver_calls_an_issue_is_kept_as_a_short_name(at: Desk, receiver: Receiver) -> None:
    to = UUID(await channel(at, receiver))
    async with at.services.database.system() as connection:
        row = await channels.channel(connection, to)
        await connection.execute(
            "INSERT INTO thread (account_id, channel_id, key) VALUES (1, %s, %s)", (to, "advisory:CVE-1")
        )
    assert row is not None
    asking = sending._ChannelState(at.services, asyncio.get_running_loop(), row, "admin", None)
    await asyncio.to_thread(asking.keep, "advisory:CVE-1", "SEC-1\0\ud800" * 100_000)
    async with at.services.database.system() as connection:
        (name,) = await (await connection.execute("SELECT remote FROM thread")).fetchone() or ("",)
    assert name.startswith("SEC-1 SEC-1")
    assert len(name) == 300


async def test_an_account_has_no_more_than_it_may(
    at: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels_api, "_MOST", 1)
    monkeypatch.setattr(hooks_api, "_MOST", 1)
    monkeypatch.setattr(watches, "MOST", 2)
    bodies: dict[str, dict[str, Any]] = {
        "/channels": {"name": "{}", "kind": "webhook", "settings": {"url": receiver.url}},
        "/hooks": {"name": "{}", "kind": "dockerhub"},
    }
    for path, document in bodies.items():
        await at.post(path, {**document, "name": "first"})
        answer = await at.ask("POST", path, {**document, "name": "second"})
        assert (answer.status_code, len((await at.get(path))["items"])) == (409, 1), path
    await at.post("/watches", {"reference": "docker.io/library/a:1"})
    hook = await at.post("/hooks/" + (await at.get("/hooks"))["items"][0]["id"] + "/rotate", None, status=200)
    await at.ask("PATCH", f"/hooks/{hook['id']}", {"adds": True})
    for name, added in (("b", 1), ("c", 0)):
        body = {"push_data": {"tag": "1"}, "repository": {"repo_name": f"library/{name}"}}
        heard = await at.client.post(f"/hooks/{hook['id']}?token={hook['secret']}", json=body)
        assert (heard.status_code, heard.json()["added"]) == (202, added)
    assert (await at.ask("POST", "/watches", {"reference": "docker.io/library/d:1"})).status_code == 409
    assert len((await at.get("/watches"))["items"]) == 2


async def test_who_has_a_registry_asked_is_written_down(at: Desk) -> None:
    made = await at.post("/watches", {"reference": "docker.io/library/a:1"})
    await at.post(f"/watches/{made['id']}/look", None, status=202)
    assert [item["action"] for item in (await at.get("/audit"))["items"]][:2] == ["watch.look", "watch.add"]


async def test_secrets_are_of_one_channel_or_hook_and_worth_nothing_in_another(at: Desk, receiver: Receiver) -> None:
    """Whoever can write to the tables alone does not have somebody's secret sent to a place of his own."""
    for name in ("one", "two"):
        await channel(at, receiver, name, token=f"token-of-{name}")
        await at.post("/hooks", {"name": name, "kind": "dockerhub"}, status=201)
    async with at.services.database.system() as connection:
        for table, column in (("channel", "secrets"), ("hook", "secret")):
            await connection.execute(
                f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE name = 'one') WHERE name = 'two'"
            )
        rows = [await channels.channel_named(connection, 1, name) for name in ("one", "two")]
        first, second = [row for row in rows if row is not None]
        cursor = await connection.execute("SELECT id FROM hook WHERE name = 'two'")
        (key,) = await cursor.fetchone() or (None,)
    assert channel_settings.given_settings(at.services.vault, first)["token"] == "token-of-one"  # noqa: S105
    with pytest.raises(HullmarkError):
        channel_settings.given_settings(at.services.vault, second)
    with pytest.raises(HullmarkError):
        await hooks.find_proven_hook(at.services, key, Delivery(headers={}, body=b"{}", token="x"))  # noqa: S106


async def test_a_name_that_leads_to_a_forbidden_address_is_refused(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*_: Any, **__: Any) -> list[Any]:
        return [(2, 1, 6, "", ("93.184.216.34", 443)), (2, 1, 6, "", ("169.254.169.254", 443))]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    document = {"name": "ops", "kind": "webhook", "settings": {"url": "https://harmless.example.org/"}}
    answer = await at.ask("POST", "/channels", document)
    assert answer.status_code == 422, answer.text
    assert (await at.get("/channels"))["items"] == []


SENDS = ("test", "replay", "rotate")


def test_who_only_reads_sends_nothing_and_changes_nothing() -> None:
    """Routes that do not only look need more than a viewer has; those named here look, though they are asked with POST."""
    looks = {"/channels/preview", "/channels/{name:str}/preview", "/subscriptions/{name:str}/dry-run"}
    routes = [*channels_api.ROUTES, *channel_actions.ROUTES, *messages_api.ROUTES, *subscriptions_api.ROUTES]
    routes += [*silences_api.ROUTES, *hooks_api.ROUTES, *watches_api.ROUTES, *webhooks.ROUTES]
    seen = set()
    for handler in routes:
        (path,) = handler.paths
        if handler.http_methods == {HttpMethod.GET} or path in looks:
            continue
        seen.add(path.rpartition("/")[2])
        assert handler.opt["permission"] not in ROLES["viewer"], path
    assert {*SENDS, "redeliver", "look"} <= seen


async def test_of_what_is_routed_together_a_silence_holds_back_what_came_while_it_lasted(
    at: Desk, receiver: Receiver
) -> None:
    await channel(at, receiver)
    began = at.now
    document = {"owner": "o", "reason": "r", "ends_at": (began + timedelta(hours=1)).isoformat()}
    await at.post("/silences", document, status=201)
    cause = Cause(kind="data", key="data:x@1", subject="x", sentence="It is old.", seen_at=began)
    minutes = (-1, 0, 59, 60)
    made = [Transition(kind="data.stale", key=str(n), at=began + timedelta(minutes=n)) for n in minutes]
    async with at.services.database.system() as connection:
        await transitions.tell(connection, 1, cause, made)
    await route(at.services, 1)
    found = (await at.get("/transitions?kind=data.stale"))["items"]
    assert [each["outcome"] for each in found[::-1]] == ["told", "suppressed", "suppressed", "told"]
