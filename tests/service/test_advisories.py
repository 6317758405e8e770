"""Where the server's advisories come from: files that operators send in, feeds, and what becomes of images then."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import Response

from hullmark.advisories.database.shelf import Shelf
from hullmark.advisories.feeds import debian
from hullmark.app.share import export_bundle
from hullmark.model.advisory import Record
from hullmark.server.stories.advisories.feeds import update_when_due
from tests.service.test_verdicts import NO_HIGH
from tests.support.desk import PASSWORD, Desk, desk, status_file
from tests.support.matching import advisory, affected
from tests.support.shelves import key_pair, made, put, some_feeds

pytestmark = pytest.mark.anyio

SHOP = status_file(("libc6", "2.41-12"))
LIBC = advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), source="debian", severity="high")
FEEDS: dict[str, list[Record]] = {"debian": [LIBC]}
KEV = "www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"
TRACKER = "security-tracker.debian.org/tracker/data/json"


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def sent(at: Desk, body: bytes) -> Response:
    return await at.client.post("/api/v1/advisories", content=body, auth=("admin", PASSWORD))


async def matched(at: Desk, digest: str) -> list[str]:
    page = await at.get(f"/images/{digest}/vulnerabilities")
    return [item["advisory"]["id"] for item in page["items"]]


# Files


async def test_a_snapshot_that_is_sent_in_counts(at: Desk, tmp_path: Path) -> None:
    digest = at.push("1", SHOP)
    await at.add("1")
    await at.work()
    assert (await at.get("/advisories"))["digest"] == ""
    snapshot = made(tmp_path / "snapshot", FEEDS)
    answer = await sent(at, (tmp_path / "snapshot").read_bytes())
    assert (answer.status_code, answer.json()) == (202, {"digest": snapshot, "signed_by": ""})
    await at.work()
    assert await matched(at, digest) == ["CVE-2026-1"]
    told = await at.get("/advisories")
    assert (told["digest"], told["rematching"], told["day"]) == (snapshot, 0, "2026-05-01")
    assert [
        (namespace["namespace"], namespace["count"], namespace["licences"]) for namespace in told["namespaces"]
    ] == [
        ("debian:13", 1, ["CC0-1.0"]),
        ("exploited", 0, ["CC0-1.0"]),
    ]
    assert [each["digest"] for each in told["kept"]] == [snapshot]


async def test_a_damaged_file_changes_nothing(at: Desk, tmp_path: Path) -> None:
    made(tmp_path / "snapshot", some_feeds(2000))
    whole = (tmp_path / "snapshot").read_bytes()
    middle = len(whole) // 2
    for body in (
        b"",
        b"nothing",
        whole[:middle],
        whole[:middle] + bytes(8192) + whole[middle + 8192 :],
        b"SQLite format 3\0" * 99,
    ):
        assert (await sent(at, body)).status_code in (400, 422)
    assert (await at.get("/advisories"))["kept"] == []
    assert await at.work() == []


async def test_a_bundle_and_then_what_changed_since(at: Desk, tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "shelf")
    first = put(shelf, some_feeds(500))
    export_bundle(shelf, tmp_path / "whole")
    second = put(shelf, some_feeds(500, changed=[7], day="2026-02-02"))
    export_bundle(shelf, tmp_path / "delta", since=first)
    delta = (tmp_path / "delta").read_bytes()
    assert (await sent(at, delta)).status_code == 422  # what it adds to is not here
    assert (await sent(at, (tmp_path / "whole").read_bytes())).json()["digest"] == first
    assert (await sent(at, delta)).json()["digest"] == second
    await at.work()
    assert (await at.get("/advisories"))["digest"] == second
    answer = await sent(at, (tmp_path / "whole").read_bytes())
    assert (answer.status_code, "newer" in answer.json()["detail"]) == (422, True)


async def test_with_keys_only_what_they_signed_is_taken(database_url: str, tmp_path: Path) -> None:
    private, public = key_pair(tmp_path)
    other, _ = key_pair(tmp_path, "other")
    shelf = Shelf(tmp_path / "shelf")
    digest = put(shelf, FEEDS)
    for name, key in (("unsigned", None), ("by-other", other), ("signed", private)):
        export_bundle(shelf, tmp_path / name, key=key)
    async with desk(database_url, tmp_path, advisory_keys=str(public)) as at:
        for refused in ("unsigned", "by-other"):
            assert (await sent(at, (tmp_path / refused).read_bytes())).status_code == 422
        assert (await sent(at, shelf.path_of(digest).read_bytes())).status_code == 422
        taken = await sent(at, (tmp_path / "signed").read_bytes())
        assert taken.json()["digest"] == digest
        assert taken.json()["signed_by"]


async def test_only_operators_may(at: Desk) -> None:
    key = await at.post("/keys", {"name": "admin", "role": "admin"})
    bearer = {"Authorization": f"Bearer {key['key']}"}
    for path in ("/api/v1/advisories", "/api/v1/advisories/update"):
        answer = await at.client.post(path, headers=bearer, content=b"{}")
        assert answer.status_code == 403, path
    assert (await at.client.get("/api/v1/advisories", headers=bearer)).status_code == 200


async def test_a_file_that_is_too_large_is_refused(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path, snapshot_limit=1000) as at:
        assert (await sent(at, bytes(1001))).status_code == 413


# Feeds


def mirror(folder: Path, entries: int, fixed: str = "2.41-13") -> None:
    """A folder with a catalogue of known exploited vulnerabilities, and Debian's tracker."""
    listed = [{"cveID": f"CVE-2026-{number}", "dateAdded": "2026-01-01"} for number in range(1, entries + 1)]
    release = {"status": "resolved", "fixed_version": fixed, "repositories": {"trixie": "2.41-12"}, "urgency": "high"}
    tracked = {"libc6": {"CVE-2026-1": {"description": "it", "scope": "local", "releases": {"trixie": release}}}}
    for place, document in ((KEV, {"vulnerabilities": listed}), (TRACKER, tracked)):
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document))


@pytest.fixture
async def fed(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    mirror(tmp_path / "www", 10)
    async with desk(database_url, tmp_path, feeds=str(tmp_path / "www"), feeds_every=3600.0) as found:
        yield found


def outcomes(told: dict[str, Any]) -> dict[str, str]:
    return {
        outcome["feed"]: outcome["status"]
        for outcome in told["last_update"]["outcomes"]
        if outcome["status"] != "absent"
    }


async def test_feeds_are_fetched_at_once_and_then_when_it_is_time(fed: Desk, tmp_path: Path) -> None:
    digest = fed.push("1", SHOP)
    await fed.add("1")
    await fed.work()
    await update_when_due(fed.services)
    await update_when_due(fed.services)
    assert (await fed.work()).count("update_advisories") == 1
    assert await matched(fed, digest) == ["CVE-2026-1"]
    first = await fed.get("/advisories")
    assert outcomes(first) == {"kev": "updated", "debian": "updated"}
    assert first["last_update"]["digest"] == first["digest"]

    mirror(tmp_path / "www", 11)
    fed.now += timedelta(minutes=30)
    await update_when_due(fed.services)
    assert await fed.work() == []
    fed.now += timedelta(minutes=31)
    await update_when_due(fed.services)
    assert "update_advisories" in await fed.work()
    second = await fed.get("/advisories")
    assert outcomes(second) == {"kev": "updated", "debian": "unchanged"}
    assert second["digest"] != first["digest"]


async def test_a_feed_that_shrinks_is_held_until_somebody_says_otherwise(fed: Desk, tmp_path: Path) -> None:
    assert (await fed.post("/advisories/update", {}, status=202)) == {"state": "asked"}
    assert (await fed.post("/advisories/update", {}, status=202)) == {"state": "waiting"}
    await fed.work()
    before = (await fed.get("/advisories"))["digest"]
    mirror(tmp_path / "www", 2)
    await fed.post("/advisories/update", {})
    await fed.work()
    held = await fed.get("/advisories")
    assert (outcomes(held)["kev"], held["digest"]) == ("held", before)
    await fed.post("/advisories/update", {"accept_shrinking": True})
    await fed.work()
    taken = await fed.get("/advisories")
    assert outcomes(taken)["kev"] == "updated"
    assert taken["digest"] != before


async def update(at: Desk) -> str:
    """The digest of what counts after the feeds were fetched."""
    await at.post("/advisories/update", {})
    await at.work()
    return str((await at.get("/advisories"))["digest"])


async def test_what_feeds_take_back_is_taken_back_here(fed: Desk, tmp_path: Path) -> None:
    digest = fed.push("1", SHOP)
    await fed.add("1")
    first, second = await update(fed), ""
    assert await matched(fed, digest) == ["CVE-2026-1"]
    for _ in range(2):
        mirror(tmp_path / "www", 10, fixed="2.41-12")
        second = await update(fed)
        assert (second != first, await matched(fed, digest)) == (True, [])
        mirror(tmp_path / "www", 10)
        assert (await update(fed), await matched(fed, digest)) == (first, ["CVE-2026-1"])
    kept = [each["digest"] for each in (await fed.get("/advisories"))["kept"]]
    assert kept == [first, second, first, second, first]


async def test_of_what_feeds_take_back_and_say_again_people_are_told_each_time(
    fed: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debian, "FEED", replace(debian.FEED, covers={"debian:*": 1}, least_records=1))
    await update(fed)
    await fed.post("/policies", {"text": NO_HIGH})
    await fed.post("/activations", {"policy": "weaknesses"})
    await fed.post("/channels", {"name": "hook", "kind": "webhook", "settings": {"url": "http://127.0.0.1:9/"}})
    mirror(tmp_path / "www", 10, fixed="2.41-12")
    await update(fed)
    fed.push("1", SHOP)
    await fed.add("1")
    await fed.work()
    for fixed in ("2.41-13", "2.41-12", "2.41-13", "2.41-12"):
        mirror(tmp_path / "www", 10, fixed=fixed)
        await update(fed)
    told = (await fed.get("/transitions"))["items"][::-1]
    assert [(each["kind"], each["cause"]["kind"]) for each in told] == [
        ("compliance.lost", "advisory"),
        ("compliance.regained", "advisory"),
    ] * 2
    assert len({each["cause"]["id"] for each in told}) == 4
    assert len((await fed.get("/messages"))["items"]) == 4


async def test_feeds_that_say_nothing_else_do_not_undo_what_an_operator_sent(fed: Desk, tmp_path: Path) -> None:
    first = await update(fed)
    sent_in = made(tmp_path / "snapshot", FEEDS)
    assert (await sent(fed, (tmp_path / "snapshot").read_bytes())).json()["digest"] == sent_in
    await fed.work()
    assert await update(fed) == sent_in
    mirror(tmp_path / "www", 11)
    assert await update(fed) not in (sent_in, first)
    mirror(tmp_path / "www", 10)
    assert await update(fed) == first


async def test_what_one_feed_takes_back_counts_though_another_cannot_be_read(fed: Desk, tmp_path: Path) -> None:
    first = await update(fed)
    mirror(tmp_path / "www", 10, fixed="2.41-12")
    assert await update(fed) != first
    mirror(tmp_path / "www", 10)
    (tmp_path / "www" / KEV).write_text("nothing")
    assert await update(fed) == first


async def test_a_machine_that_cannot_read_a_feed_does_not_bring_back_what_it_read_before_others(
    fed: Desk, tmp_path: Path
) -> None:
    shelf, kept = fed.services.settings.data / "advisories", tmp_path / "kept"
    first = await update(fed)
    shutil.copytree(shelf, kept)
    mirror(tmp_path / "www", 11)
    second = await update(fed)
    shutil.rmtree(shelf)
    shutil.copytree(kept, shelf)  # as if it were another machine, which read nothing since
    (tmp_path / "www" / KEV).write_text("nothing")
    assert await update(fed) == second != first
    mirror(tmp_path / "www", 10)
    assert await update(fed) == first


async def test_what_goes_wrong_is_told_and_tried_again_soon(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path, feeds=str(tmp_path / "nowhere"), feeds_every=3600.0) as at:
        await update_when_due(at.services)
        await at.work()
        told = await at.get("/advisories")
        assert "is not a folder" in told["last_update"]["reason"]
        mirror(tmp_path / "nowhere", 10)
        at.now += timedelta(minutes=6)
        await update_when_due(at.services)
        await at.work()
        told = await at.get("/advisories")
        assert (told["last_update"]["reason"], bool(told["digest"])) == ("", True)


async def test_without_feeds_nothing_is_fetched(at: Desk) -> None:
    await update_when_due(at.services)
    assert await at.work() == []
    answer = await at.ask("POST", "/advisories/update", {})
    assert (answer.status_code, "HULLMARK_FEEDS" in answer.json()["advice"]) == (422, True)
