"""Silences over HTTP: added, listed, ended; what they need; that they hold back and end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.service.test_subscriptions import place_of, refused
from tests.support.desk import Desk, desk
from tests.support.notices import cause, lost

pytestmark = pytest.mark.anyio

BODY = {"owner": "team web", "reason": "moving house", "ends_at": "2026-05-01T18:00:00Z"}


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def test_add_list_end(at: Desk) -> None:
    made = await at.post(
        "/silences",
        {
            **BODY,
            "selector": "a/*, b/*",
            "kinds": ["fix.*"],
            "subject": "CVE-2024-*",
            "starts_at": "2026-05-01T14:00:00Z",
        },
        status=201,
    )
    assert made == {
        **BODY,
        "id": made["id"],
        "selector": "a/*,b/*",
        "kinds": ["fix.*"],
        "subject": "CVE-2024-*",
        "starts_at": "2026-05-01T14:00:00Z",
        "is_in_force": False,
        "created_by": made["created_by"],
        "created_at": "2026-05-01T12:00:00Z",
        "ended_at": None,
    }
    at.now += timedelta(hours=2)
    assert [item["is_in_force"] for item in (await at.get("/silences"))["items"]] == [True]
    assert (await at.ask("DELETE", f"/silences/{made['id']}")).status_code == 204
    assert (await at.get("/silences"))["items"] == []
    (ended,) = (await at.get("/silences?ended=true"))["items"]
    assert (ended["ended_at"], ended["is_in_force"]) == ("2026-05-01T14:00:00Z", False)
    await refused(at, "DELETE", f"/silences/{made['id']}", 404)
    kept = (await at.get("/audit?action=silence.*"))["items"]
    assert [(each["action"], each["resource"]) for each in kept] == [
        ("silence.end", made["id"]),
        ("silence.add", made["id"]),
    ]
    assert kept[1]["after"]["reason"] == "moving house"


async def test_is_over_when_its_time_is(at: Desk) -> None:
    await at.post("/silences", BODY)
    at.now += timedelta(hours=6)
    assert (await at.get("/silences"))["items"] == []
    (over,) = (await at.get("/silences?ended=true"))["items"]
    assert over["ended_at"] is None
    await refused(at, "DELETE", f"/silences/{over['id']}", 404)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"owner": "  "}, "owner"),
        ({"reason": "\t"}, "owner"),
        ({"reason": "a\u0000b"}, "one line"),
        ({"ends_at": "2026-05-01T12:00:00Z"}, "has ended before"),
        ({"starts_at": "2026-05-02T12:00:00Z"}, "has ended before"),
        ({"ends_at": "2028-05-01T12:00:00Z"}, "a year at most"),
        ({"kinds": ["x.*"]}, "no kind of transition"),
        ({"selector": "a,"}, "selector"),
    ],
)
async def test_what_cannot_be_silenced(at: Desk, change: dict[str, Any], says: str) -> None:
    assert says in await refused(at, "POST", "/silences", 422, {**BODY, **change})
    assert (await at.get("/silences?ended=true"))["items"] == []


@pytest.mark.parametrize("missing", ["owner", "reason", "ends_at"])
async def test_somebody_answers_for_it_until_some_time(at: Desk, missing: str) -> None:
    answer = await at.ask("POST", "/silences", {name: value for name, value in BODY.items() if name != missing})
    assert answer.status_code == 400
    assert missing in answer.text


async def test_begins_now_at_the_earliest(at: Desk) -> None:
    made = await at.post("/silences", {**BODY, "starts_at": "2026-04-01T00:00:00Z"})
    assert made["starts_at"] == "2026-05-01T12:00:00Z"


async def test_holds_back_until_it_ends_and_nothing_comes_later(at: Desk) -> None:
    place = await place_of(at)
    place.now = at.now
    await place.channel("hook")
    image = await place.image()
    silence = await at.post("/silences", {**BODY, "subject": "CVE-*"})
    await place.tell(cause(), [lost(image)])
    await place.route()
    (held,) = (await at.get("/transitions"))["items"]
    assert (held["outcome"], held["why"]) == ("suppressed", f"silenced by {silence['id']}: moving house")
    at.now += timedelta(minutes=1)
    assert (await at.ask("DELETE", f"/silences/{silence['id']}")).status_code == 204
    await place.tell(cause("CVE-2026-2"), [lost(image, at=at.now)])
    await place.route()
    told, still = (await at.get("/transitions"))["items"]
    assert (told["outcome"], still["outcome"]) == ("told", "suppressed")
    assert [row["item_count"] for row in await place.messages()] == [1]
