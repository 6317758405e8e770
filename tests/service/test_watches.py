"""Watched tags and repositories: what a registry is asked, and what comes of it, over a real database."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg.rows import dict_row

from hullmark.server.stories.images import register
from hullmark.server.stories.watching import watch
from hullmark.server.stories.watching.repository import newest_first
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.slots import slot
from hullmark.server.tables.watching import watches
from tests.support.desk import Desk, desk
from tests.support.furnished import at_auth
from tests.support.images import INDEX, with_platform

pytestmark = pytest.mark.anyio

POLICY = """
schema: hullmark-policy/1
name: roots
version: "1"
rules:
  - {id: root, gate: config, trigger: user, action: stop, params: {not_root: true}}
"""


async def look(at: Desk, *, later: float = 400.0) -> list[str]:
    """Let time pass, look at what is due, and do what comes of it."""
    at.now += timedelta(seconds=later)
    await watch.look_when_due(at.services)
    return await at.work()


async def rows(at: Desk, query: str, *values: Any) -> list[dict[str, Any]]:
    async with at.services.database.system() as connection, connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()


async def moves(at: Desk) -> list[dict[str, Any]]:
    return await rows(
        at,
        "SELECT transition.*, cause.key AS cause, cause.kind AS of, cause.seen_at, cause.is_complete, cause.sentence"
        " FROM transition JOIN cause ON cause.id = cause_id WHERE transition.kind = 'tag.moved' AND policy_id IS NULL"
        " ORDER BY transition.id",
    )


async def the_watch(at: Desk, tag: str = "1") -> Any:
    items = (await at.get("/watches"))["items"]
    return next(item for item in items if item["tag"] == tag)


async def events(at: Desk, kind: str) -> list[Any]:
    return list((await at.get(f"/events?kind={kind}"))["items"])


async def test_a_tag_that_is_added_is_watched_and_one_head_tells_that_nothing_changed(
    database_url: str, tmp_path: Path
) -> None:
    async with desk(database_url, tmp_path) as at:
        digest = at.push("1", {"a": b"1"})
        await at.add("1")
        await at.work()
        row = await the_watch(at)
        assert (row["digest"], row["every"], row["active"], row["reference"]) == (digest, 300, True, at.reference("1"))

        at.registry.log.clear()
        assert await look(at, later=100) == []  # not due yet
        assert at.registry.log == []
        assert await look(at) == ["look"]
        assert at.registry.methods() == ["HEAD"]
        first = await the_watch(at)
        assert datetime.fromisoformat(first["checked_at"]) == at.now
        assert 270 <= (datetime.fromisoformat(first["next_at"]) - at.now).total_seconds() <= 330

        await look(at)
        assert [headers.get("if-none-match") for headers in at.registry.asked("manifests")] == [None, f'"{digest}"']
        assert at.registry.methods() == ["HEAD", "HEAD"]
        assert await moves(at) == []


async def test_watching_can_be_declined_and_what_was_switched_off_stays_so(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        at.push("1", {"a": b"1"})
        at.push("2", {"a": b"2"})
        await at.add("1", watch=False)
        assert (await at.get("/watches"))["items"] == []
        await at.add("2")
        number = (await the_watch(at, "2"))["id"]
        assert (await at.ask("PATCH", f"/watches/{number}", {"active": False})).status_code == 200
        await at.add("2")
        assert (await the_watch(at, "2"))["active"] is False
        await at.add("2", watch=True)
        assert (await the_watch(at, "2"))["active"] is True


async def test_a_moved_tag_is_found_told_once_and_keeps_what_people_noted(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        await at.post("/policies", {"text": POLICY})
        await at.post("/activations", {"policy": "roots"})
        old = at.push("1", {"a": b"1"}, User="app")
        await at.add("1", annotations={"team": "shop"})
        await at.work()
        new = at.push("1", {"a": b"2"}, User="app")
        ran = await look(at)
        assert ran[0] == "look"
        assert {"analyse", "judge", "route"} <= set(ran)

        image = await at.get(f"/references/{at.reference('1')}")
        assert (image["digest"], image["annotations"], image["state"]) == (new, {"team": "shop"}, "analysed")
        (moved,) = await moves(at)
        reference = at.reference("1")
        assert (moved["of"], moved["cause"]) == ("image", f"tag:{reference}@{new}")
        assert (moved["before"], moved["after"], moved["image_digest"]) == (old, new, new)
        assert (moved["reference"], moved["at"], moved["seen_at"]) == (reference, at.now, at.now)
        assert moved["is_certified"]  # as the image before was

        for _ in range(2):
            await look(at)
        await at.add("1")
        await at.work()
        assert len(await moves(at)) == 1
        assert (await the_watch(at))["digest"] == new

        at.registry.tags["1"] = old
        await look(at)
        at.registry.tags["1"] = new
        await look(at)
        assert [each["after"] for each in await moves(at)] == [new, old, new]  # each move is one


async def test_a_tag_that_moves_between_images_that_are_known_tells_what_it_leads_to(
    database_url: str, tmp_path: Path
) -> None:
    async with desk(database_url, tmp_path) as at:
        await at.post("/policies", {"text": POLICY})
        await at.post("/activations", {"policy": "roots"})
        good, bad = at.push("good", {"a": b"1"}, User="web"), at.push("bad", {"a": b"1"}, User="0")
        at.registry.tags["1"] = good
        for tag in ("good", "bad", "1"):
            await at.add(tag)
        await at.work()
        for digest, kind, verdicts in (
            (bad, "compliance.lost", ("go", "stop")),
            (good, "compliance.regained", ("stop", "go")),
        ):
            at.registry.tags["1"] = digest
            await look(at)
            told = await rows(
                at,
                "SELECT transition.*, cause.key AS cause FROM transition JOIN cause ON cause.id = cause_id"
                " WHERE cause.key = %s ORDER BY transition.id",
                f"tag:{at.reference('1')}@{digest}",
            )
            assert [each["kind"] for each in told] == ["tag.moved", kind]
            assert (told[1]["before"], told[1]["after"]) == verdicts
            assert {(each["reference"], each["image_digest"], each["is_certified"]) for each in told} == {
                (at.reference("1"), digest, True)
            }


async def test_a_tag_that_somebody_adds_again_after_it_moved_is_told_of(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        old = at.push("1", {"a": b"1"})
        await at.add("1", annotations={"team": "shop"})
        new = at.push("1", {"a": b"2"})
        await at.add("1")
        (moved,) = await moves(at)
        assert (moved["before"], moved["after"], moved["is_complete"]) == (old, new, False)
        image = await at.get(f"/images/{new}")
        assert image["annotations"] == {}  # a person says what an image is noted with
        await at.work()
        at.registry.log.clear()
        await look(at)
        assert at.registry.methods() == ["HEAD"]


async def test_a_move_and_what_is_told_of_it_are_one(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(database_url, tmp_path) as at:
        old = at.push("1", {"a": b"1"})
        await at.add("1")
        await at.work()
        new = at.push("1", {"a": b"2"})

        async def broken(*_: Any, **__: Any) -> int:
            raise RuntimeError("the process dies")

        with monkeypatch.context() as patched:
            patched.setattr(transitions, "add_transitions", broken)
            with pytest.raises(RuntimeError):
                await look(at)
        assert (await at.get(f"/references/{at.reference('1')}"))["digest"] == old
        assert (await the_watch(at))["digest"] == old
        await look(at, later=4000)  # what was handed out and never came back is due again
        assert [each["after"] for each in await moves(at)] == [new]


async def test_an_index_that_changes_around_the_same_image_is_no_move(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        blobs = at.registry.blobs
        ours = with_platform(blobs.image(), "linux/amd64")
        theirs = [with_platform(blobs.image([word], platform="linux/arm64"), "linux/arm64") for word in (b"1", b"2")]
        indexes = [str(blobs.index([ours, other])["digest"]) for other in theirs]
        at.registry.tags["1"] = indexes[0]
        await at.add("1")
        await at.work()
        assert (await the_watch(at))["digest"] == indexes[0]
        at.registry.tags["1"] = indexes[1]
        assert await look(at) == ["look"]  # nothing is judged or analysed anew
        assert await moves(at) == []
        assert (await the_watch(at))["digest"] == indexes[1]
        at.registry.log.clear()
        await look(at)
        assert at.registry.methods() == ["HEAD"]
        assert INDEX in at.registry.log[0][2]["accept"]
        at.registry.tags["1"] = indexes[0]
        at.registry.log.clear()
        await look(at)
        assert at.registry.methods() == ["HEAD"]  # an index that is known to hold the image


async def test_the_platform_that_was_added_is_the_one_that_is_followed(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        blobs = at.registry.blobs
        ours = with_platform(blobs.image(), "linux/amd64")
        arms = [with_platform(blobs.image([b""] * n, platform="linux/arm64"), "linux/arm64") for n in (1, 2)]
        at.registry.tags["1"] = str(blobs.index([ours, arms[0]])["digest"])
        await at.add("1", platform="linux/arm64")
        at.registry.tags["1"] = str(blobs.index([ours, arms[1]])["digest"])
        await look(at)
        assert [each["after"] for each in await moves(at)] == [arms[1]["digest"]]


async def test_registries_without_digests_or_etags_are_asked_for_the_manifest(
    database_url: str, tmp_path: Path
) -> None:
    async with desk(database_url, tmp_path) as at:
        at.registry.digests, at.registry.etags = "none", False
        at.push("1", {"a": b"1"})
        await at.add("1")
        await at.work()
        at.registry.log.clear()
        await look(at)
        assert at.registry.methods() == ["HEAD", "GET"]
        at.registry.etags = True
        await look(at)
        at.registry.log.clear()
        await look(at)
        assert at.registry.methods() == ["HEAD"]  # 304
        new = at.push("1", {"a": b"2"})
        await look(at)
        assert [each["after"] for each in await moves(at)] == [new]


async def test_a_tag_that_is_gone_is_noted_and_looked_at_less_often(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        digest = at.push("1", {"a": b"1"})
        await at.add("1")
        del at.registry.tags["1"]
        await look(at)
        row = await the_watch(at)
        assert (row["reason"], row["failures"], row["digest"]) == (watch.GONE, 0, digest)
        assert 2700 <= (datetime.fromisoformat(row["next_at"]) - at.now).total_seconds() <= 3300
        await look(at, later=3400)
        (event,) = await events(at, "watch.gone")
        assert event["body"]["watches"] == [at.reference("1")]
        at.registry.tags["1"] = digest
        await look(at, later=3400)
        assert (await the_watch(at))["reason"] == ""
        assert await moves(at) == []


@pytest.mark.parametrize("status", [401, 403, 429, 500])
async def test_a_registry_that_refuses_is_asked_less_and_less_and_told_of_once(
    database_url: str, tmp_path: Path, status: int
) -> None:
    async with desk(database_url, tmp_path) as at:
        at.push("1", {"a": b"1"})
        at.push("2", {"a": b"2"})
        await at.add("1")
        await at.add("2")
        await at.work()
        at.registry.refuses["manifests"] = (status, {})
        at.registry.log.clear()
        pauses = []
        for failures in range(1, 6):
            await look(at, later=4000)
            row = await the_watch(at)
            assert row["failures"] == failures
            assert row["reason"]
            pauses.append((datetime.fromisoformat(row["next_at"]) - at.now).total_seconds())
        expected = (600, 1200, 2400, 3600, 3600)
        assert all(0.9 * wanted <= pause <= 1.1 * wanted for pause, wanted in zip(pauses, expected, strict=True)), (
            pauses
        )
        # Both tags are of one repository: who is refused for one does not ask for the other.
        assert len(at.registry.methods("manifests")) == (10 if status == 500 else 5)
        (failing,) = await events(at, "watch.failing")
        assert (failing["level"], failing["body"]["count"]) == ("error", 2)
        assert [item["tag"] for item in (await at.get("/watches?failing=true"))["items"]] == ["1", "2"]

        at.registry.refuses.clear()
        await look(at, later=4000)
        assert ((await the_watch(at))["failures"], (await the_watch(at))["reason"]) == (0, "")
        assert len(await events(at, "watch.recovered")) == 1
        assert len(await events(at, "watch.failing")) == 1


async def test_a_registry_that_wants_a_pause_gets_it(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        at.push("1", {"a": b"1"})
        await at.add("1")
        at.registry.refuses["manifests"] = (429, {"Retry-After": "3000"})
        await look(at)
        row = await the_watch(at)
        assert (datetime.fromisoformat(row["next_at"]) - at.now).total_seconds() >= 2700


async def test_a_registry_that_is_away_is_asked_once_for_all_its_watches(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        for name in ("one", "two", "three"):
            await at.post("/watches", {"reference": f"127.0.0.1:1/{name}:1"})
        assert await look(at) == ["look"]
        items = (await at.get("/watches?registry=127.0.0.1:1"))["items"]
        assert [item["failures"] for item in items] == [1, 1, 1]
        assert len({item["reason"] for item in items}) == 1
        assert "127.0.0.1:1" in items[0]["reason"]


async def test_no_more_ask_a_registry_at_once_than_its_login_allows(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        at.push("1", {"a": b"1"})
        await at.add("1")
        await at.work()
        await at.ask("PUT", f"/registries/{at.registry.host}", {"verify": False, "parallel": 1})
        at.registry.log.clear()
        async with slot(at.services.database, f"watching:{at.registry.host}", 1) as is_free:
            assert is_free
            await look(at)
            assert at.registry.log == []
        await look(at, later=6)
        assert at.registry.methods() == ["HEAD"]


async def test_many_watches_are_a_few_jobs(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        async with at.services.database.system() as connection:
            await connection.execute(
                "INSERT INTO watch (account_id, registry, repository, tag, next_at) SELECT id, 'registry-' || n %% 2 || '.example.org',"
                " 'a/b', n::text, %s FROM account, generate_series(1, 900) AS n WHERE name = 'admin'",
                (at.now,),
            )
        assert await watch.look_when_due(at.services) == 900
        assert await watch.look_when_due(at.services) == 0
        jobs = await rows(at, "SELECT args FROM procrastinate_jobs WHERE task_name = 'look'")
        assert sorted(len(job["args"]["numbers"]) for job in jobs) == [50, 50, 200, 200, 200, 200]
        assert {job["args"]["registry"] for job in jobs} == {"registry-0.example.org", "registry-1.example.org"}


async def test_what_is_said_during_a_look_is_looked_at_again(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with desk(database_url, tmp_path) as at:
        at.push("1", {"a": b"1"})
        await at.add("1")
        await at.work()
        number = (await the_watch(at))["id"]
        write_down = watch._write_down

        async def told_meanwhile(*given: Any) -> None:
            at.push("1", {"a": b"2"})
            await at.post(f"/watches/{number}/look", None, status=202)
            await write_down(*given)

        with monkeypatch.context() as patched:
            patched.setattr(watch, "_write_down", told_meanwhile)
            assert await look(at) == ["look"]
        assert await moves(at) == []
        await look(at, later=0)
        assert len(await moves(at)) == 1


async def test_a_watched_repository_brings_its_tags_and_the_new_ones(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        for tag in ("1.9", "1.10", "latest", "test-1"):
            at.push(tag, {"a": tag.encode()})
        at.registry.tags["sha256-" + "0" * 64 + ".sig"] = at.registry.tags["latest"]
        repository = f"{at.registry.host}/{at.registry.repository}"
        made = await at.post("/watches", {"repository": repository, "pattern": "[!t]*", "every": 60}, status=201)
        assert (made["tag"], made["pattern"]) == ("", "[!t]*")
        changed = await at.ask("PATCH", f"/watches/{made['id']}", {"pattern": "*1.*"})
        assert changed.json()["pattern"] == "*1.*"
        await look(at)
        items = (await at.get("/watches"))["items"]
        assert [item["tag"] for item in items] == ["", "1.10", "1.9"]
        assert {item["every"] for item in items} == {60}
        at.push("1.11", {"a": b"new"})
        await look(at)
        assert (await at.get(f"/references/{repository}:1.11"))["state"] == "analysed"
        moved = at.push("1.11", {"a": b"newer"})
        await look(at)
        assert [each["after"] for each in await moves(at)] == [moved]


async def test_a_repository_is_taken_in_some_tags_at_a_time(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        digest = at.push("0", {"a": b"1"})
        at.registry.tags |= {str(number): digest for number in range(60)}
        await at.post("/watches", {"repository": f"{at.registry.host}/{at.registry.repository}"})
        counts = []
        for _ in range(4):
            await look(at, later=1)
            counts.append(len((await at.get("/watches?limit=200"))["items"]) - 1)
        assert counts == [25, 50, 60, 60]


def test_the_newest_names_come_first() -> None:
    assert newest_first(["1.9", "1.10", "latest", "2.0-rc1", "2.0", "edge"]) == [
        "latest",
        "2.0-rc1",
        "2.0",
        "1.10",
        "1.9",
        "edge",
    ]


async def test_an_image_that_is_let_go_is_watched_no_longer(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        digest = at.push("1", {"a": b"1"})
        await at.add("1")
        assert (await at.ask("DELETE", f"/images/{digest}")).status_code == 204
        assert (await at.get("/watches"))["items"] == []
        await at.post("/watches", {"repository": f"{at.registry.host}/{at.registry.repository}"})
        await look(at)
        await at.ask("DELETE", f"/images/{digest}")
        assert (await the_watch(at))["active"] is False
        await look(at)
        assert (await at.ask("GET", f"/images/{digest}")).status_code == 404


@pytest.mark.parametrize("also", ["the registry has another", "the registry has the same"])
async def test_a_look_does_not_bring_back_what_is_let_go_meanwhile(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, also: str
) -> None:
    async with desk(database_url, tmp_path) as at:
        digest = at.push("1", {"a": b"1"})
        tag, auth = at.reference("1"), at_auth()
        await at.client.post("/v1/images", json={"tag": tag}, params={"autosubscribe": "true"}, auth=auth)
        await at.work()
        if also == "the registry has another":
            at.push("1", {"a": b"2"})
        add = register.add

        async def add_late(*given: Any) -> Any:
            await at.ask("DELETE", f"/images/{digest}")
            return await add(*given)

        async def is_not_seen(*_: Any) -> bool:
            return False

        with monkeypatch.context() as patched:
            patched.setattr(register, "add", add_late)
            patched.setattr(watches, "points_to", is_not_seen)
            assert await look(at) == ["look"]
        assert (await at.get("/images"))["items"] == []
        assert (await at.get("/watches"))["items"] == []
        assert len(await events(at, "image.added")) == 1


@pytest.mark.parametrize("follows", [True, False], ids=["followed", "only added"])
@pytest.mark.parametrize("change", [None, {"active": False}], ids=["removed", "switched off"])
@pytest.mark.parametrize("last", ["2-note", "2"], ids=["at what is no image", "at an image"])
async def test_a_repository_that_is_watched_no_longer_brings_no_more_tags(
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    follows: bool,
    change: dict[str, Any] | None,
    last: str,
) -> None:
    """Its watch goes while one of its tags is asked for: neither that one nor those after it come, nor are they remembered."""
    async with desk(database_url, tmp_path) as at:
        for tag in ("3", "2", "1"):
            at.push(tag, {"a": tag.encode()})
        at.registry.tags["2-note"] = "sha256:" + "0" * 64
        repository = f"{at.registry.host}/{at.registry.repository}"
        made = await at.post("/watches", {"repository": repository, "follows": follows}, status=201)
        asked: list[str] = []
        add = register.add

        async def add_late(*given: Any) -> Any:
            asked.append(given[2].reference.rpartition(":")[2])
            if asked[-1] == last:
                await at.ask("PATCH" if change else "DELETE", f"/watches/{made['id']}", change)
            return await add(*given)

        with monkeypatch.context() as patched:
            patched.setattr(register, "add", add_late)
            await look(at)
        assert asked == ["3", "2-note", "2"][: 2 if last == "2-note" else 3]
        assert [item["reference"] for item in (await at.get("/images"))["items"]] == [f"{repository}:3"]
        assert {item["tag"] for item in (await at.get("/watches"))["items"]} == {*asked[:-1], *([""] if change else [])}


async def test_subscriptions_of_anchores_clients_are_watches(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        at.push("1", {"a": b"1"})
        tag, auth = at.reference("1"), at_auth()
        await at.client.post("/v1/images", json={"tag": tag}, auth=auth)
        assert (await at.get("/watches"))["items"] == []

        async def subscription() -> Any:
            found = await at.client.get(
                "/v1/subscriptions", params={"subscription_key": tag, "subscription_type": "tag_update"}, auth=auth
            )
            return found.json()[0]

        for active in (True, False, True):
            id = (await subscription())["subscription_id"]
            answer = await at.client.put(f"/v1/subscriptions/{id}", json={"active": active}, auth=auth)
            assert answer.status_code == 200
            assert (await the_watch(at))["active"] is active
        await at.ask("PATCH", f"/watches/{(await the_watch(at))['id']}", {"active": False})
        assert (await subscription())["active"] is False

        answer = await at.client.post(
            "/v1/repositories", params={"repository": f"{at.registry.host}/shop", "autosubscribe": "true"}, auth=auth
        )
        assert answer.status_code == 200, answer.text
        whole = await the_watch(at, "")
        assert (whole["active"], whole["follows"], whole["repository"]) == (True, True, "shop")


async def test_images_of_a_repository_may_be_added_without_being_followed(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        at.push("1", {"a": b"1"})
        answer = await at.client.post(
            "/v1/repositories", params={"repository": f"{at.registry.host}/shop"}, auth=at_auth()
        )
        assert answer.status_code == 200
        await look(at)
        assert (await at.get(f"/references/{at.reference('1')}"))["state"] == "analysed"
        assert (await the_watch(at))["active"] is False
        at.push("1", {"a": b"2"})
        await look(at)
        assert await moves(at) == []


async def test_accounts_watch_for_themselves(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        await at.post("/accounts", {"name": "other"})
        await at.ask("PUT", f"/registries/{at.registry.host}", {"verify": False}, "other")
        at.push("1", {"a": b"1"})
        await at.add("1")
        await at.add("1", "other", watch=False)
        number = (await the_watch(at))["id"]
        assert (await at.get("/watches", "other"))["items"] == []
        for method, path in (("PATCH", ""), ("DELETE", ""), ("POST", "/look")):
            body = {"active": False} if method == "PATCH" else None
            assert (await at.ask(method, f"/watches/{number}{path}", body, "other")).status_code == 404
        at.push("1", {"a": b"2"})
        await look(at)
        assert len(await moves(at)) == 1
        await at.ask("PATCH", "/accounts/other", {"state": "disabled"})
        async with at.services.database.system() as connection:
            await connection.execute(
                "UPDATE watch SET account_id = (SELECT id FROM account WHERE name = 'other'), next_at = %s", (at.now,)
            )
        assert await look(at) == []


async def test_what_is_no_watch_is_refused(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        for document in (
            {},
            {"reference": "a:1", "repository": "a"},
            {"repository": "a:1"},
            {"reference": "a@sha256:" + "0" * 64},
            {"reference": "a:1", "every": 5},
            {"reference": "a:1", "pattern": ""},
            {"reference": "A B"},
            {"reference": "a:1", "platform": "?"},
        ):
            answer = await at.ask("POST", "/watches", document)
            assert answer.status_code in (400, 422), (document, answer.text)
        made = await at.post("/watches", {"reference": "example.org/a:1"})
        await at.ask("PATCH", f"/watches/{made['id']}", {"active": False})
        assert (await at.ask("POST", f"/watches/{made['id']}/look")).status_code == 409
        assert (await at.ask("DELETE", f"/watches/{made['id']}")).status_code == 204
        actions = [item["action"] for item in (await at.get("/audit"))["items"]]
        assert {"watch.add", "watch.change", "watch.delete"} <= set(actions)
