"""Subscriptions over HTTP: added, changed, tried, removed; the default one; what is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.server.stories.notice.route import route
from tests.support.desk import Desk, desk
from tests.support.notices import START, Place, cause, digest_of, lost, transitions_of

pytestmark = pytest.mark.anyio

USUAL = {
    "channels": [],
    "kinds": [],
    "selector": "*",
    "environments": [],
    "severity": "unknown",
    "scope": "watched",
    "mode": "at-once",
    "digest_at": "09:00",
    "digest_days": [1, 2, 3, 4, 5, 6, 7],
    "timezone": "UTC",
    "quiet": None,
    "is_active": True,
    "quiet_until": None,
    "next_digest": None,
}


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def place_of(at: Desk) -> Place:
    """The operator's account, with the desk's clock."""
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT account_id FROM membership LIMIT 1")
        row = await cursor.fetchone()
    assert row is not None
    return Place(at.services, int(row[0]))


async def change(at: Desk, of: str, /, **document: Any) -> Any:
    answer = await at.ask("PATCH", f"/subscriptions/{of}", document)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def refused(at: Desk, method: str, path: str, status: int, body: Any = None) -> str:
    answer = await at.ask(method, path, body)
    assert answer.status_code == status, answer.text
    assert status == 404 or answer.json()["advice"]
    return str(answer.json()["detail"])


async def test_default_is_there_and_stays(at: Desk) -> None:
    (default,) = (await at.get("/subscriptions"))["items"]
    assert {name: default[name] for name in USUAL} == USUAL
    assert default["name"] == "default"
    assert "cannot be removed" in await refused(at, "DELETE", "/subscriptions/default", 409)
    assert "keeps its name" in await refused(at, "PATCH", "/subscriptions/default", 409, {"name": "other"})
    assert (await change(at, "default", is_active=False))["is_active"] is False
    assert (await at.get("/subscriptions/default"))["is_active"] is False
    await at.post("/accounts", {"name": "another"})
    assert [item["name"] for item in (await at.get("/subscriptions", "another"))["items"]] == ["default"]


async def test_add_change_remove(at: Desk) -> None:
    place = await place_of(at)
    await place.channel("hook")
    document = {
        "name": "night watch",
        "channels": ["hook"],
        "kinds": ["compliance.*", "fix.available"],
        "selector": "registry.example.org/* , *:latest",
        "environments": ["prod"],
        "severity": "high",
        "scope": "deployed",
        "mode": "digest",
        "digest_at": "07:30",
        "digest_days": [5, 1, 1],
        "timezone": "Europe/Berlin",
        "quiet": {"from": "13:00", "until": "15:00", "unless_severity": "critical"},
    }
    made = await at.post("/subscriptions", document, status=201)
    # It is 14:00 on a Friday in Berlin.
    assert made["quiet_until"] == "2026-05-01T13:00:00Z"
    assert made["next_digest"] == "2026-05-04T05:30:00Z"
    said = {**document, "selector": "registry.example.org/*,*:latest", "digest_days": [1, 5]}
    said["quiet"] = {"days": [1, 2, 3, 4, 5, 6, 7], **document["quiet"]}  # type: ignore[dict-item]
    assert {name: made[name] for name in said} == said
    assert await at.get("/subscriptions/night%20watch") == made
    assert "already" in await refused(at, "POST", "/subscriptions", 409, document)

    changed = await change(at, "night watch", quiet=None, severity="low", name="watch")
    assert (changed["quiet"], changed["severity"], changed["kinds"]) == (None, "low", document["kinds"])
    assert await refused(at, "GET", "/subscriptions/night%20watch", 404)
    assert "already" in await refused(at, "PATCH", "/subscriptions/watch", 409, {"name": "default"})

    # A channel that is gone is not forgotten: else all channels would be meant.
    await place.rows("DELETE FROM channel")
    (gone,) = (await at.get("/subscriptions/watch"))["channels"]
    assert len(gone) == 36
    assert (await change(at, "watch", severity="medium"))["channels"] == [gone]
    assert (await at.ask("DELETE", "/subscriptions/watch")).status_code == 204
    assert [item["name"] for item in (await at.get("/subscriptions"))["items"]] == ["default"]
    kept = [(item["action"], item["resource"]) for item in (await at.get("/audit?action=subscription.*"))["items"]]
    assert kept == [
        ("subscription.remove", "watch"),
        ("subscription.change", "watch"),
        ("subscription.change", "night watch"),
        ("subscription.add", "night watch"),
    ]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"name": "a/b"}, "name"),
        ({"name": " "}, "name"),
        ({"name": "a\u0000"}, "name"),
        ({"kinds": ["complience.*"]}, "no kind of transition fits"),
        ({"selector": "a,,b"}, "selector"),
        ({"selector": ","}, "selector"),
        ({"channels": ["nowhere"]}, "there is no channel 'nowhere'"),
        ({"timezone": "Mars/Olympus"}, "not a time zone"),
        ({"quiet": {"from": "08:00", "until": "08:00"}}, "never end"),
        ({"environments": ["a\nb"]}, "environment"),
    ],
)
async def test_what_cannot_be_asked_for(at: Desk, document: dict[str, Any], says: str) -> None:
    assert says in await refused(at, "POST", "/subscriptions", 422, {"name": "x", **document})
    assert says in await refused(at, "PATCH", "/subscriptions/default", 422, document)


@pytest.mark.parametrize(
    "document",
    [
        {"digest_at": "9:00"},
        {"digest_days": []},
        {"digest_days": [8]},
        {"mode": "never"},
        {"severity": "awful"},
        {"x": 1},
    ],
)
async def test_what_is_not_a_valid_request(at: Desk, document: dict[str, Any]) -> None:
    for method, path in (("POST", "/subscriptions"), ("PATCH", "/subscriptions/default")):
        answer = await at.ask(method, path, {"name": "default", **document})
        assert answer.status_code == 400, answer.text


async def test_pages(at: Desk) -> None:
    for number in range(5):
        await at.post("/subscriptions", {"name": f"s{number}"})
    found, cursor = [], ""
    while True:
        answer = await at.get(f"/subscriptions?limit=2&cursor={cursor}")
        found += [item["name"] for item in answer["items"]]
        if answer["next"] is None:
            break
        cursor = answer["next"]
    assert found == ["default", "s0", "s1", "s2", "s3", "s4"]


async def test_held_messages_follow_the_subscription(at: Desk) -> None:
    place = await place_of(at)
    await place.channel("hook")
    await change(at, "default", quiet={"from": "11:00", "until": "20:00"})
    await at.post(
        "/subscriptions", {"name": "daily", "mode": "digest", "kinds": ["fix.available"], "digest_at": "18:00"}
    )
    image = await place.image()
    await place.tell(cause(), [lost(image)])
    await change(at, "default", kinds=["compliance.*"])
    await place.tell(cause("CVE-2026-2"), [lost(image, kind="fix.available")])
    await route(at.services, place.account_id)

    async def due() -> dict[str, Any]:
        return {row["form"]: (row["due_at"] - at.now, row["is_held"]) for row in await place.messages()}

    assert await due() == {"group": (timedelta(hours=8), True), "digest": (timedelta(hours=6), False)}
    await change(at, "default", quiet={"from": "11:00", "until": "13:00"})
    await change(at, "daily", digest_at="14:00")
    assert await due() == {"group": (timedelta(hours=1), True), "digest": (timedelta(hours=2), False)}
    assert await place.jobs() == []
    await change(at, "default", quiet=None)
    assert await due() == {"group": (timedelta(0), False), "digest": (timedelta(hours=2), False)}
    assert len(await place.jobs()) == 1


async def test_dry_run_says_what_it_would_have_told(at: Desk) -> None:
    place = await place_of(at)
    await place.channel("hook")
    certified, unknown = await place.image(), await place.image(is_certified=False)
    await place.tell(cause(), [lost(certified), lost(unknown), lost(certified, kind="finding.new")])
    await at.post("/subscriptions", {"name": "mine", "kinds": ["compliance.*"], "is_active": False})
    found = await at.post("/subscriptions/mine/dry-run", {}, status=200)
    assert (found["looked_at"], found["would_tell"]) == (3, 1)
    assert found["would_not"] == {"no subscription to this kind": 1, "not watched": 1}
    (item,) = found["items"]
    assert (item["kind"], item["image"], item["outcome"]) == ("compliance.lost", digest_of(certified), "pending")
    assert (await at.post("/subscriptions/mine/dry-run", {"last": 1}))["would_tell"] == 0
    # Nothing came of it.
    assert await place.outcomes() == [("", "")] * 3
    assert await place.messages() == []
    assert await refused(at, "POST", "/subscriptions/none/dry-run", 404, {})


async def test_transitions_are_listed_with_what_became_of_them(at: Desk) -> None:
    place = await place_of(at)
    await place.channel("hook")
    certified, unknown = await place.image(), await place.image(is_certified=False)
    await place.tell(cause(), [lost(certified, reference="a/b:1"), lost(unknown, reference="a/c:1")])
    await place.route()
    await place.tell(
        cause("p", kind="policy", key="policy:p@2"), [lost(certified, kind="finding.new", environment="prod")]
    )
    pending, suppressed, told = (await at.get("/transitions"))["items"]
    (message,) = await place.messages()
    assert (told["outcome"], told["messages"], told["why"]) == ("told", [message["id"]], "")
    assert (suppressed["outcome"], suppressed["messages"], suppressed["why"]) == ("suppressed", [], "not watched")
    assert (pending["outcome"], pending["cause"]["kind"], pending["severity"]) == ("pending", "policy", "high")

    async def ids(query: str) -> list[int]:
        return [item["id"] for item in (await at.get(f"/transitions?{query}"))["items"]]

    known = {"told": told["id"], "suppressed": suppressed["id"], "pending": pending["id"]}
    for outcome, number in known.items():
        assert await ids(f"outcome={outcome}") == [number]
    assert await ids("kind=finding.*") == [pending["id"]]
    assert await ids(f"image={digest_of(unknown)}") == [suppressed["id"]]
    assert await ids("reference=a/*") == [suppressed["id"], told["id"]]
    assert await ids("environment=prod") == [pending["id"]]
    assert await ids(f"cause={told['cause']['id']}") == [suppressed["id"], told["id"]]
    assert await ids(f"since={(START + timedelta(1)).date()}T00:00:00Z") == []
    assert len(await ids(f"before={(START + timedelta(1)).date()}T00:00:00Z")) == 3
    first = await at.get("/transitions?limit=2")
    second = await at.get(f"/transitions?limit=2&cursor={first['next']}")
    assert [item["id"] for item in second["items"]] == [told["id"]]
    assert second["next"] is None

    found = await at.get(f"/transitions/causes/{told['cause']['id']}?limit=1")
    assert (found["count"], found["told"], found["suppressed"], found["pending"]) == (2, 1, {"not watched": 1}, 0)
    assert found["by_kind"] == {"compliance.lost": 2}
    assert [(each["id"], each["channel"], each["count"]) for each in found["messages"]] == [(message["id"], "hook", 1)]
    assert [item["id"] for item in found["items"]] == [suppressed["id"]]
    rest = await at.get(f"/transitions/causes/{told['cause']['id']}?limit=1&cursor={found['next']}")
    assert [item["id"] for item in rest["items"]] == [told["id"]]
    for number in (0, 987_654, 1 << 70):
        assert "there is no cause" in await refused(at, "GET", f"/transitions/causes/{number}", 404)

    lines = (await at.ask("GET", "/export/transitions")).text.splitlines()
    assert len(lines) == 3
    assert '"severity":"high"' in lines[0]


async def test_another_account_sees_nothing_of_it(at: Desk) -> None:
    place = await place_of(at)
    await place.tell(cause(), [lost(await place.image())])
    await at.post("/accounts", {"name": "another"})
    ((told),) = (await at.get("/transitions"))["items"]
    assert (await at.get("/transitions", "another"))["items"] == []
    await at.get(f"/transitions/causes/{told['cause']['id']}", "another", status=404)
    async with at.services.database.tenant(place.account_id + 1) as connection:
        assert await transitions_of(connection, place.account_id, 1) == []
