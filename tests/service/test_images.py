"""Images over HTTP: added by tag or digest, analysed once for all accounts, found by any digest, let go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hullmark.server.stories.images.retain import retain
from hullmark.server.tables.images.names import name_of
from tests.support.desk import Desk, desk, status_file
from tests.support.images import with_platform

pytestmark = pytest.mark.anyio
SHOP = status_file(("libc6", "2.41-12"), ("zlib1g", "1:1.3"))


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def test_an_image_is_added_and_analysed(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    added = await at.add("1.0", annotations={"team": "web"})
    assert added == {"digest": digest, "state": "waiting", "is_new": True, "tag": at.reference("1.0")}
    assert await at.work() == ["analyse", "judge"]
    image = await at.get(f"/images/{digest}")
    assert (image["state"], image["distro"], image["package_count"]) == ("analysed", "debian:13", 2)
    assert (image["tags"], image["annotations"]) == ([at.reference("1.0")], {"team": "web"})
    packages = await at.get(f"/images/{digest}/packages?limit=1")
    assert [item["name"] for item in packages["items"]] == ["libc6"]
    more = await at.get(f"/images/{digest}/packages?limit=1&cursor={packages['next']}")
    assert ([item["name"] for item in more["items"]], more["next"]) == (["zlib1g"], None)
    files = await at.get(f"/images/{digest}/files?prefix=/etc/")
    assert [(item["path"], item["state"]) for item in files["items"]] == [("/etc/os-release", "unowned")]
    layers = await at.get(f"/images/{digest}/layers")
    assert len(layers) == 1


async def test_adding_twice_is_adding_once(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    first = await at.add("1.0")
    again = await at.add("1.0")
    assert (first["is_new"], again["is_new"], again["state"]) == (True, False, "waiting")
    assert await at.work() == ["analyse", "judge"]
    assert (await at.add("1.0"))["state"] == "analysed"
    assert await at.work() == ["signatures", "judge"]
    analysed = await at.get("/events?kind=image.analysed")
    assert [item["resource"] for item in analysed["items"]] == [digest]


async def test_a_second_account_shares_the_analysis_and_nothing_else(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await at.add("1.0", annotations={"secret": "plan"})
    await at.work()
    await at.post("/accounts", {"name": "other"})
    await at.get(f"/images/{digest}", account="other", status=404)
    assert (await at.add("1.0", account="other"))["state"] == "analysed"
    seen = await at.get(f"/images/{digest}", account="other")
    assert (seen["annotations"], seen["state"]) == ({}, "analysed")


async def test_every_digest_leads_to_the_image(at: Desk) -> None:
    digest = at.push("plain", SHOP)
    index = at.registry.blobs.index(
        [with_platform({"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest,
                        "size": len(at.registry.blobs.held[digest])}, "linux/amd64")]
    )  # fmt: skip
    at.registry.tags["many"] = index["digest"]
    await at.add("many")
    image = await at.get(f"/images/{index['digest']}")
    assert image["digest"] == digest
    assert (await at.get(f"/images/{image['config_digest']}"))["digest"] == digest
    assert (await at.get(f"/references/{at.reference('many')}"))["digest"] == digest


async def test_a_tag_moves(at: Desk) -> None:
    before = at.push("latest", SHOP)
    await at.add("latest")
    after = at.push("latest", status_file(("libc6", "2.41-13")))
    await at.add("latest")
    assert (await at.get(f"/images/{before}"))["tags"] == []
    assert (await at.get(f"/images/{after}"))["tags"] == [at.reference("latest")]
    listed = await at.get("/images?tag=latest")
    assert [item["digest"] for item in listed["items"]] == [after]


async def test_a_name_is_shown_at_the_image_that_has_it_now_and_at_no_other(at: Desk) -> None:
    before = at.push("latest", SHOP)
    await at.add("latest")
    after = at.push("latest", status_file(("libc6", "2.41-13")))
    await at.add("latest")
    name = at.reference("latest")
    shown = {item["digest"]: item for item in (await at.get("/images"))["items"]}
    assert (shown[after]["tags"], shown[after]["reference"], shown[after]["earlier_tags"]) == ([name], name, [])
    assert (shown[before]["tags"], shown[before]["reference"]) == ([], "")
    (earlier,) = shown[before]["earlier_tags"]
    assert (earlier["reference"], earlier["until"][:4].isdigit()) == (name, True)
    async with at.services.database.system() as connection:
        names = [await name_of(connection, 1, digest) for digest in (before, after)]
    assert names == ["", name]
    at.registry.tags["latest"] = before
    await at.add("latest")
    shown = {item["digest"]: item for item in (await at.get("/images"))["items"]}
    assert [shown[digest]["tags"] for digest in (before, after)] == [[name], []]
    assert shown[before]["earlier_tags"] == []


async def test_where_a_tag_pointed_at_any_moment(at: Desk) -> None:
    before = at.push("latest", SHOP)
    await at.add("latest")
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE tag_move SET at = '2026-01-01'")
    after = at.push("latest", status_file(("libc6", "2.41-13")))
    await at.add("latest")
    await at.add("latest")
    path = f"/references/{at.reference('latest')}"
    assert (await at.get(path))["digest"] == after
    assert (await at.get(f"{path}?as_of=2026-02-01T00:00:00Z"))["digest"] == before
    await at.get(f"{path}?as_of=2025-12-31T00:00:00Z", status=404)
    async with at.services.database.system() as connection:
        row = await (await connection.execute("SELECT count(*) FROM tag_move")).fetchone()
    assert row == (2,), "adding it where it points already is no move"


async def test_by_digest_with_a_tag_to_go_by(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    repository = at.reference("1.0").rpartition(":")[0]
    added = await at.post("/images", {"reference": f"{repository}@{digest}", "tag": f"{repository}:stable"})
    assert added["tag"] == f"{repository}:stable"
    wrong = await at.ask("POST", "/images", {"reference": f"{repository}@{digest}", "tag": "elsewhere.example/x:1"})
    assert (wrong.status_code, "another repository" in wrong.json()["detail"]) == (422, True)


async def test_what_the_registry_does_not_have(at: Desk) -> None:
    answer = await at.ask("POST", "/images", {"reference": at.reference("none")})
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert answer.json()["advice"]


async def test_an_image_that_cannot_be_read_has_failed_with_its_reason(at: Desk) -> None:
    digest = at.push("broken", SHOP)
    layer = next(key for key, body in at.registry.blobs.held.items() if body.startswith(b"\x1f\x8b"))
    at.registry.blobs.held[layer] = b"other bytes"
    await at.add("broken")
    await at.work()
    image = await at.get(f"/images/{digest}")
    assert (image["state"], bool(image["reason"]), bool(image["advice"])) == ("failed", True, True)
    events = await at.get("/events?level=error")
    assert [item["kind"] for item in events["items"]] == ["image.failed"]
    answer = await at.ask("GET", f"/images/{digest}/packages")
    assert (answer.status_code, image["reason"] in answer.json()["detail"]) == (409, True)


async def test_a_registry_that_is_away_is_waited_for(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await at.add("1.0")
    held, at.registry.blobs.held = at.registry.blobs.held, {}
    at.registry.answers = [(503, {"Retry-After": "0"}, b"")] * 50
    ran = await at.work(most=1)
    at.registry.blobs.held = held
    assert ran == ["analyse"]
    image = await at.get(f"/images/{digest}")
    assert (image["state"], image["reason"] != "") == ("waiting", True)
    at.registry.answers = []
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
    assert await at.work() == ["analyse", "judge"]
    assert (await at.get(f"/images/{digest}"))["reason"] == ""


async def test_pages_hold_every_image_once(at: Desk) -> None:
    digests = [at.push(f"v{number}", status_file(("libc6", f"2.{number}"))) for number in range(7)]
    for number in range(7):
        await at.add(f"v{number}")
    seen: list[str] = []
    cursor = ""
    while True:
        found = await at.get(f"/images?limit=3&cursor={cursor}")
        seen += [item["digest"] for item in found["items"]]
        if found["next"] is None:
            break
        cursor = found["next"]
    assert seen == digests[::-1]
    for wrong in ("x", "AA", "kQE"):
        assert (await at.ask("GET", f"/images?cursor={wrong}")).status_code == 400


async def test_an_image_nobody_holds_is_forgotten(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await at.add("1.0")
    await at.work()
    assert (await at.ask("DELETE", f"/images/{digest}")).status_code == 204
    await at.get(f"/images/{digest}", status=404)
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE image SET added_at = now() - interval '2 hours'")
    await retain(at.services)
    async with at.services.database.system() as connection:
        row = await (await connection.execute("SELECT count(*) FROM image")).fetchone()
    assert row == (0,)


async def test_a_change_is_in_the_audit_log_with_who_and_what(at: Desk) -> None:
    digest = at.push("1.0", SHOP)
    await at.ask("POST", "/images", {"reference": at.reference("1.0")}, x_request_id="my-request")
    found = await at.get("/audit?action=image.*")
    assert [(e["actor"], e["action"], e["resource"], e["request_id"]) for e in found["items"]] == [
        ("person:admin", "image.add", digest, "my-request")
    ]
