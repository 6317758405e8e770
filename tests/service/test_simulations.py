"""Policies that are tried on all images before they are put in force."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from hullmark.server.tables.images import images
from tests.support.desk import Desk, desk, status_file

pytestmark = pytest.mark.anyio

NOT_ROOT = """
schema: hullmark-policy/1
name: users
version: "1"
rules:
  - {id: no-root, gate: config, trigger: user, action: ACTION, params: {not_root: true}}
"""
WARNS, STOPS = NOT_ROOT.replace("ACTION", "warn"), NOT_ROOT.replace("ACTION", "stop")
SHOP = status_file(("libc6", "2.41-12"))


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def fleet(at: Desk) -> tuple[str, str]:
    """An image that runs as root and one that does not, with a policy in force that warns of the first."""
    root, user = at.push("root", SHOP, User="root"), at.push("user", SHOP, User="1000")
    await at.post("/policies", {"text": WARNS})
    await at.post("/activations", {"policy": "users"})
    await at.add("root")
    await at.add("user")
    await at.work()
    return root, user


async def tried(at: Desk, **body: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A trial to its end, and what it found."""
    begun = await at.post("/simulations", body, status=202)
    assert begun["state"] == "waiting"
    await at.work()
    found = (await at.get(f"/simulations/{begun['id']}/flips"))["items"]
    return await at.get(f"/simulations/{begun['id']}"), found


async def test_a_draft_says_what_would_be_different(at: Desk) -> None:
    root, _ = await fleet(at)
    trial, flips = await tried(at, text=STOPS)
    assert (trial["state"], trial["done"], trial["total"]) == ("done", 2, 2)
    assert trial["ended_at"] is not None
    assert [(flip["image"], flip["before"], flip["after"]) for flip in flips] == [(root, "warn", "stop")]
    assert any("no-root" in reason for reason in flips[0]["reasons"])
    assert flips[0]["reference"] == at.reference("root")
    verdicts = await at.get(f"/images/{root}/verdicts")
    assert [verdict["verdict"] for verdict in verdicts] == ["warn"]  # nothing else has changed


async def test_a_trial_counts_how_often_each_rule_fires(at: Desk) -> None:
    """On images, before and after: a rule that the draft adds fires nowhere before; what an exception covers is not counted."""
    await fleet(at)
    more = "  - {id: no-curl, gate: packages, trigger: forbidden, action: stop, params: {names: [libc6]}}\n"
    trial, _ = await tried(at, text=STOPS + more)
    found = await at.get(f"/simulations/{trial['id']}/rules")
    assert found == [
        {"rule": "no-curl", "before": 0, "after": 2, "findings": 2},
        {"rule": "no-root", "before": 1, "after": 1, "findings": 1},
    ]
    expires = (at.now + timedelta(days=400)).date().isoformat()
    body = {"rule": "no-root", "subject": "*", "expires": expires, "owner": "ops", "reason": "accepted"}
    await at.post("/exceptions", body)
    await at.work()
    trial, _ = await tried(at, text=STOPS)
    assert await at.get(f"/simulations/{trial['id']}/rules") == []


async def test_what_is_in_force_flips_nothing(at: Desk) -> None:
    await fleet(at)
    trial, flips = await tried(at, policy="users")
    assert (trial["policy"], trial["state"], flips) == ("users", "done", [])


async def test_exceptions_count_also_where_nothing_is_in_force(at: Desk) -> None:
    at.push("root", SHOP, User="root")
    await at.post("/policies", {"text": STOPS})
    expires = (at.now + timedelta(days=400)).date().isoformat()
    body = {
        "rule": "no-root",
        "subject": "*",
        "expires": expires,
        "owner": "ops",
        "reason": "accepted",
        "policy": "users",
    }
    await at.post("/exceptions", body)
    await at.add("root")
    await at.work()
    _, flips = await tried(at, policy="users")
    assert [(flip["before"], flip["after"]) for flip in flips] == [("", "go")]


async def test_an_image_that_cannot_be_judged_is_unknown_and_stops_no_trial(at: Desk) -> None:
    root, user = await fleet(at)
    async with at.services.database.system() as connection:
        row = await images.held_image(connection, 1, user)
    assert row is not None
    at.services.objects.delete([row.document])
    trial, flips = await tried(at, text=STOPS)
    assert (trial["state"], trial["done"]) == ("done", 2)
    assert {flip["image"]: flip["after"] for flip in flips} == {root: "stop", user: "unknown"}


async def test_a_cancelled_trial_does_nothing_more(at: Desk) -> None:
    await fleet(at)
    begun = await at.post("/simulations", {"text": STOPS})
    assert (await at.ask("DELETE", f"/simulations/{begun['id']}")).status_code == 204
    await at.work()
    trial = await at.get(f"/simulations/{begun['id']}")
    assert (trial["state"], trial["done"]) == ("cancelled", 0)
    assert (await at.get(f"/simulations/{begun['id']}/flips"))["items"] == []
    assert (await at.ask("DELETE", f"/simulations/{begun['id']}")).status_code == 204


async def test_trials_are_listed_and_pages_hold_each_once(at: Desk) -> None:
    begun = [(await at.post("/simulations", {"text": STOPS}))["id"] for _ in range(3)]
    first = await at.get("/simulations?limit=2")
    rest = await at.get(f"/simulations?limit=2&cursor={first['next']}")
    assert [each["id"] for each in first["items"] + rest["items"]] == begun[::-1]


async def test_what_cannot_be_tried_is_refused(at: Desk) -> None:
    assert (await at.ask("POST", "/simulations", {})).status_code == 422
    assert (await at.ask("POST", "/simulations", {"text": STOPS, "policy": "users"})).status_code == 422
    assert (await at.ask("POST", "/simulations", {"text": "rules: ["})).status_code == 422
    assert (await at.ask("POST", "/simulations", {"policy": "nowhere"})).status_code == 404
    assert (await at.ask("GET", f"/simulations/{uuid4()}")).status_code == 404
    for _ in range(10):
        await at.post("/simulations", {"text": STOPS})
    assert (await at.ask("POST", "/simulations", {"text": STOPS})).status_code == 409


async def test_another_account_sees_no_trial(at: Desk) -> None:
    begun = await at.post("/simulations", {"text": STOPS})
    await at.post("/accounts", {"name": "other"})
    for method, path in (("GET", ""), ("GET", "/flips"), ("DELETE", "")):
        answer = await at.ask(method, f"/simulations/{begun['id']}{path}", account="other")
        assert answer.status_code == 404
    assert (await at.get("/simulations", account="other"))["items"] == []
