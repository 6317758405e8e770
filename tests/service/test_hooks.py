"""Registries that say by themselves that something was pushed: who is believed, what is looked at, and that nothing else happens."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from hullmark.server.stories.watching import watch
from tests.service.test_watches import moves, the_watch
from tests.support import hooks as sent
from tests.support.desk import Desk, desk

pytestmark = pytest.mark.anyio
GITHUB = {"x-github-event": "registry_package"}
KINDS = ("dockerhub", "harbor", "ghcr", "quay", "distribution")
ECR = "123456789012.dkr.ecr.us-west-2.amazonaws.com"


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        found.registry.repository = "octo/shop"
        yield found


async def hook(at: Desk, kind: str, account: str = "", **document: Any) -> Any:
    document = {"name": kind, "kind": kind, "registry": at.registry.host, **document}
    return await at.post("/hooks", document, account, status=201)


def body_of(at: Desk, kind: str, tag: str) -> bytes:
    told = {
        "dockerhub": lambda: sent.dockerhub("octo/shop", tag),
        "harbor": lambda: sent.harbor("octo/shop", tag),
        "ghcr": lambda: sent.ghcr("octo/shop", tag),
        "quay": lambda: sent.quay("octo/shop", tag, host=at.registry.host),
        "ecr": lambda: sent.ecr("octo/shop", tag),
        "distribution": lambda: sent.distribution("octo/shop", tag, host=at.registry.host),
    }
    return sent.to_bytes(told[kind]())


async def tell(at: Desk, made: Any, body: bytes, secret: str = "", **headers: str) -> Response:
    """Send it as the registry would, proven by a secret."""
    kind, secret = made["kind"], secret or made["secret"]
    path = f"/hooks/{made['id']}"
    given = {"content-type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    if kind in ("dockerhub", "quay"):
        path += f"?token={secret}"
    elif kind == "ghcr":
        given |= {**GITHUB, "x-hub-signature-256": sent.signed(body, secret)}
    elif kind == "ecr":
        given["x-api-key"] = secret
    else:
        given["authorization"] = secret if kind == "harbor" else f"Bearer {secret}"
    return await at.client.post(path, content=body, headers=given)


async def due(at: Desk) -> list[str]:
    await watch.look_when_due(at.services)
    return await at.work()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_push_is_looked_at_at_once_and_seen_when_it_was_said(at: Desk, kind: str) -> None:
    at.push("1", {"a": b"1"})
    await at.add("1")
    await at.work()
    made = await hook(at, kind)
    new = at.push("1", {"a": b"2"})
    assert await due(at) == []

    said_at = at.now = at.now + timedelta(seconds=5)
    answer = await tell(at, made, body_of(at, kind, "1"))
    assert (answer.status_code, answer.json()) == (202, {"named": 1, "due": 1, "added": 0})
    at.now += timedelta(seconds=2)
    assert (await due(at))[0] == "look"
    (moved,) = await moves(at)
    assert (moved["after"], moved["seen_at"]) == (new, said_at)

    for _ in range(3):  # said again: the registry is asked, and nothing comes of it
        assert (await tell(at, made, body_of(at, kind, "1"))).status_code == 202
        await due(at)
    assert len(await moves(at)) == 1
    assert (await at.get("/hooks"))["items"][0]["last_used_at"] is not None


async def test_ecr_names_its_registry_by_account_and_region(at: Desk) -> None:
    await at.post("/watches", {"reference": f"{ECR}/octo/shop:1", "every": 600_000})
    await due(at)
    made = await hook(at, "ecr", registry=ECR)
    before = (await the_watch(at))["next_at"]
    answer = await tell(at, made, body_of(at, "ecr", "1"))
    assert answer.json() == {"named": 1, "due": 1, "added": 0}
    assert (await the_watch(at))["next_at"] < before
    other = json.dumps({**sent.ecr("octo/shop", "1"), "account": "999999999999"}).encode()
    assert (await tell(at, made, other)).json() == {"named": 0, "due": 0, "added": 0}


async def test_what_the_body_says_of_the_image_is_not_believed(at: Desk) -> None:
    digest = at.push("1", {"a": b"1"})
    await at.add("1")
    await at.work()
    made = await hook(at, "harbor")
    await tell(at, made, body_of(at, "harbor", "1"))  # names a digest that there is not
    await due(at)
    assert (await the_watch(at))["digest"] == digest
    assert await moves(at) == []


async def test_a_registry_that_was_too_early_is_asked_again_soon(at: Desk) -> None:
    at.push("1", {"a": b"1"})
    await at.add("1")
    await at.work()
    made = await hook(at, "harbor")
    await tell(at, made, body_of(at, "harbor", "1"))
    await due(at)
    new = at.push("1", {"a": b"2"})
    at.now += timedelta(seconds=35)
    await due(at)
    assert [each["after"] for each in await moves(at)] == [new]


@pytest.mark.parametrize("kind", [*KINDS, "ecr"])
async def test_wrong_secrets_and_unknown_hooks_are_the_same_nothing(at: Desk, kind: str) -> None:
    at.push("1", {"a": b"1"})
    await at.add("1")
    await at.work()
    made = await hook(at, kind)
    body = body_of(at, kind, "1")
    answers = [
        await tell(at, made, body, "wrong"),
        await tell(at, made, body, made["secret"] + "x"),
        await tell(at, {**made, "id": "00000000-0000-4000-8000-000000000000"}, body),
        await at.client.post(f"/hooks/{made['id']}", content=body),
        await at.client.post(f"/hooks/{made['id']}", content=b"{", headers={"authorization": "Basic !!"}),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.text for answer in answers}) == 1
    other = next(each for each in (*KINDS, "ecr") if each != kind and (each, kind) not in _ALIKE)
    assert (await tell(at, {**made, "kind": other}, body)).status_code == 404  # proven as another kind does
    assert await due(at) == []
    assert (await at.get("/hooks"))["items"][0]["last_used_at"] is None


_ALIKE = {(a, b) for group in (("dockerhub", "quay"), ("harbor", "distribution", "ecr")) for a in group for b in group}


async def test_what_is_no_body_of_the_kind_is_refused(at: Desk) -> None:
    made = await hook(at, "harbor")
    for body, status in ((b"", 422), (b"[]", 422), (b"\xff", 422), (b"[" * 50_000, 400)):
        answer = await tell(at, made, body)
        assert answer.status_code == status, answer.text
        assert answer.json()["advice"]
    assert (await tell(at, made, b" " * (1 << 20) + b"{}")).status_code == 413
    assert (await at.client.get(f"/hooks/{made['id']}")).status_code == 405


async def test_new_tags_are_added_where_the_hook_says_so(at: Desk) -> None:
    at.push("1", {"a": b"1"})
    made = await hook(at, "distribution")
    assert (await tell(at, made, body_of(at, "distribution", "1"))).json() == {"named": 1, "due": 0, "added": 0}
    assert await due(at) == []
    changed = await at.ask("PATCH", f"/hooks/{made['id']}", {"adds": True})
    assert changed.json()["adds"] is True
    assert (await tell(at, made, body_of(at, "distribution", "1"))).json() == {"named": 1, "due": 1, "added": 1}
    await due(at)
    assert (await at.get(f"/references/{at.reference('1')}"))["state"] == "analysed"
    assert (await the_watch(at))["created_by"] == "hook:distribution"
    gone = sent.to_bytes(sent.distribution("octo/shop", "2", action="delete"))
    assert (await tell(at, made, gone)).json() == {"named": 1, "due": 0, "added": 0}


async def test_what_was_switched_off_stays_so_whatever_a_hook_adds(at: Desk) -> None:
    at.push("1", {"a": b"1"})
    await at.add("1")
    await at.work()
    await at.ask("PATCH", f"/watches/{(await the_watch(at))['id']}", {"active": False})
    made = await hook(at, "harbor", adds=True)
    await tell(at, made, body_of(at, "harbor", "1"))
    assert await due(at) == []
    assert (await the_watch(at))["active"] is False


async def test_a_new_tag_of_a_watched_repository_is_found_at_once(at: Desk) -> None:
    await at.post("/watches", {"repository": f"{at.registry.host}/octo/shop", "pattern": "1*", "every": 600_000})
    at.push("1", {"a": b"1"})
    await due(at)
    at.push("1.1", {"a": b"2"})
    at.push("2", {"a": b"2"})
    made = await hook(at, "harbor")
    assert (await tell(at, made, body_of(at, "harbor", "2"))).json()["due"] == 0
    assert (await tell(at, made, body_of(at, "harbor", "1.1"))).json()["due"] == 1
    await due(at)
    assert [item["tag"] for item in (await at.get("/watches"))["items"]] == ["", "1", "1.1"]


async def test_a_hook_is_of_one_account_alone(at: Desk) -> None:
    await at.post("/accounts", {"name": "other"})
    await at.ask("PUT", f"/registries/{at.registry.host}", {"verify": False}, "other")
    at.push("1", {"a": b"1"})
    await at.add("1")
    await at.add("1", "other")
    await at.work()
    made = await hook(at, "harbor", "other")
    assert (await at.get("/hooks"))["items"] == []
    for method, path, body in (("PATCH", "", {"adds": True}), ("DELETE", "", None), ("POST", "/rotate", None)):
        assert (await at.ask(method, f"/hooks/{made['id']}{path}", body)).status_code == 404
    at.push("1", {"a": b"2"})
    assert (await tell(at, made, body_of(at, "harbor", "1"))).json()["due"] == 1
    await due(at)
    (moved,) = await moves(at)
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT name FROM account WHERE id = %s", (moved["account_id"],))
        assert await cursor.fetchone() == ("other",)
    await at.ask("PATCH", "/accounts/other", {"state": "disabled"})
    assert (await tell(at, made, body_of(at, "harbor", "1"))).status_code == 404


async def test_secrets_are_shown_once_and_can_be_replaced(at: Desk) -> None:
    made = await hook(at, "dockerhub", name="hub")
    assert made["url"] == f"http://127.0.0.1:8228/hooks/{made['id']}?token={made['secret']}"
    (listed,) = (await at.get("/hooks"))["items"]
    assert made["secret"] not in json.dumps(listed)
    assert listed["url"] == f"http://127.0.0.1:8228/hooks/{made['id']}"
    new = await at.post(f"/hooks/{made['id']}/rotate", None, status=200)
    assert new["secret"] != made["secret"]
    body = body_of(at, "dockerhub", "1")
    assert [(await tell(at, each, body)).status_code for each in (made, new)] == [404, 202]
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT secret FROM hook")
        row = await cursor.fetchone()
    assert row is not None
    assert new["secret"].encode() not in bytes(row[0])
    audit = json.dumps(await at.get("/audit"))
    assert "hook.rotate" in audit
    assert new["secret"] not in audit
    assert (await at.ask("DELETE", f"/hooks/{made['id']}")).status_code == 204
    assert (await tell(at, new, body)).status_code == 404


async def test_what_is_no_hook_is_refused(at: Desk) -> None:
    for document in (
        {"name": "x", "kind": "none"},
        {"name": "", "kind": "quay"},
        {"name": "x", "kind": "harbor"},
        {"name": "x", "kind": "harbor", "registry": "a b"},
        {"name": "x", "kind": "harbor", "registry": "example.org/path"},
    ):
        assert (await at.ask("POST", "/hooks", document)).status_code in (400, 422), document
    await hook(at, "quay", registry="")
    assert (await at.ask("POST", "/hooks", {"name": "quay", "kind": "quay"})).status_code == 409
    assert (await at.get("/hooks"))["items"][0]["registry"] == "quay.io"


async def test_who_sends_too_much_is_told_to_wait(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        made = await hook(at, "harbor")
        from hullmark.server.api.resources.signin import gate_of
        from hullmark.server.stories.limits import TokenBuckets

        gate_of(at.app)._rates = TokenBuckets(1, 3)
        statuses = [(await tell(at, made, b"{}", "guess")).status_code for _ in range(5)]
        assert statuses == [404, 404, 404, 429, 429]
