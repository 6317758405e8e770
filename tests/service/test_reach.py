"""What an image's start reaches, on the server: worked out once, kept beside the inventory, and said wherever a vulnerability is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hullmark.notify.words import text_of
from hullmark.reach.analysis import minimality_of_files
from hullmark.server.process.scheduler import renew_outdated
from hullmark.server.stories.images import analyse as analysing
from hullmark.server.stories.images import reached
from hullmark.server.stories.images.documents import put_analysis
from hullmark.server.stories.images.reached import KeptReach
from hullmark.server.stories.images.retain import retain, sweep_objects
from tests.flow.test_minimize import FILES, tar_of_programs
from tests.service.test_verdicts import kept
from tests.service.test_what_people_read import told
from tests.support.desk import PASSWORD, Desk, desk
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

RULES = """\
schema: hullmark-policy/1
name: reach
rules:
  - {id: idle, gate: reach, trigger: unreachable, action: warn}
  - {id: used, gate: vulnerabilities, trigger: found, action: stop, params: {reach: [reachable]}}
"""
ANY = """\
schema: hullmark-policy/1
name: any
rules:
  - {id: any, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high}}
"""
LIB, MOUNT = (
    advisory(f"CVE-2026-{number}", affected("debian:13", name, "deb", "9"), severity="high")
    for number, name in ((3, "lib"), (5, "mount"))
)
WITNESS = ["/usr/bin/other", "/usr/lib/liba.so.1"]


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        await found.post(
            "/channels", {"name": "hook", "kind": "webhook", "settings": {"url": "https://hooks.example.com/x"}}
        )
        yield found


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The images' commands that were walked from."""
    begun: list[str] = []

    def counted(inventory: Any, facts: Any, request: Any) -> Any:
        begun.append(" ".join(inventory.config.cmd))
        return minimality_of_files(inventory, facts, request)

    monkeypatch.setattr(reached, "minimality_of_files", counted)
    return begun


def push(at: Desk, tag: str, command: str = "other", **settings: Any) -> str:
    """An image of programs, which starts one of them; its digest."""

    def config(made: dict[str, Any]) -> dict[str, Any]:
        return {**made, "config": {"Cmd": [command, "-f"], **settings}}

    digest = str(at.registry.blobs.image([tar_of_programs(FILES)], config=config)["digest"])
    at.registry.tags[tag] = digest
    return digest


async def analysed(at: Desk, tag: str = "1", **settings: Any) -> str:
    digest = push(at, tag, **settings)
    await at.add(tag)
    await at.work()
    return digest


async def names(at: Desk) -> list[str]:
    """What images name of what is kept."""
    async with at.services.database.system() as connection:
        cursor = await connection.execute("SELECT reach FROM image ORDER BY id")
        return [str(name) for (name,) in await cursor.fetchall()]


def kept_of_reach(at: Desk) -> list[str]:
    return sorted(each.key for each in at.services.objects.list("reach/"))


async def test_packages_and_vulnerabilities_are_reached_or_not(at: Desk) -> None:
    await at.advise(LIB, MOUNT)
    digest = await analysed(at)
    document = await at.get(f"/images/{digest}/minimality")
    assert (document["schema"], document["roots"]) == ("hullmark-minimality/1", ["CMD other -f"])
    assert {package["name"]: package["reach"] for package in document["packages"]} == {
        "shop": "reachable", "lib": "reachable", "doc": "unreachable", "mount": "unreachable",
    }  # fmt: skip
    assert document["recipe"]["purge"] == ["mount"]
    assert document["vanish"] == ["CVE-2026-5"]
    assert document["source"]["digest"] == digest
    page = await at.ask("GET", f"/images/{digest}/minimality?format=html")
    assert (page.status_code, b"CVE-2026-5" in page.content) == (200, True)
    found = (await at.get(f"/images/{digest}/vulnerabilities"))["items"]
    lib, mount = sorted(found, key=lambda match: str(match["package"]["name"]))
    assert (lib["reach"]["reach"], [step["path"] for step in lib["reach"]["witness"]]) == ("reachable", WITNESS)
    assert (mount["reach"]["reach"], mount["reach"]["witness"]) == ("unreachable", [])
    assert mount["reach"]["evidence"].startswith("Nothing that the image starts can come to use mount. Followed ")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("reachable", {"lib"}),
        ("unreachable", {"mount"}),
        ("unknown", set()),
        ("reachable,unknown", {"lib"}),
        ("unreachable,unknown,reachable", {"lib", "mount"}),
    ],
)
async def test_vulnerabilities_are_listed_by_reach(at: Desk, wanted: str, expected: set[str]) -> None:
    await at.advise(LIB, MOUNT)
    digest = await analysed(at)
    page = await at.get(f"/images/{digest}/vulnerabilities?reach={wanted}")
    assert {match["package"]["name"] for match in page["items"]} == expected
    assert (await at.ask("GET", f"/images/{digest}/vulnerabilities?reach=near")).status_code == 400


async def test_documents_say_it_where_it_is_asked_for(at: Desk) -> None:
    await at.advise(LIB, MOUNT)
    digest = await analysed(at)
    plain = await at.get(f"/images/{digest}/vulnerabilities?format=json")
    assert "reach" not in {*plain, *plain["matches"][0]}
    document = await at.get(f"/images/{digest}/vulnerabilities?format=json&follow=true")
    assert {match["name"]: match["reach"] for match in document["matches"]} == {
        "lib": "reachable",
        "mount": "unreachable",
    }
    vex = await at.get(f"/images/{digest}/vulnerabilities?format=openvex&follow=true")
    assert {statement["vulnerability"]["name"]: statement.get("justification") for statement in vex["statements"]} == {
        "CVE-2026-3": None, "CVE-2026-5": "vulnerable_code_not_in_execute_path",
    }  # fmt: skip


async def test_rules_about_reach_are_judged(at: Desk) -> None:
    await at.advise(LIB, MOUNT)
    await kept(at, RULES)
    digest = await analysed(at)
    document = await at.get(f"/images/{digest}/check")
    assert document["verdict"] == "stop"
    assert {(finding["rule_id"], finding["subject"].partition("@")[0]) for finding in document["findings"]} == {
        ("idle", "pkg:deb/debian/doc"), ("idle", "pkg:deb/debian/mount"), ("used", "CVE-2026-3+pkg:deb/debian/lib"),
    }  # fmt: skip
    # A new advisory is judged by what was kept, without the image.
    at.registry.blobs.held.clear()
    await at.advise(LIB)
    await at.work()
    await at.advise(LIB, MOUNT, advisory("CVE-2026-7", affected("debian:13", "shop", "deb", "9"), severity="low"))
    await at.work()
    subjects = {finding["subject"] for finding in (await at.get(f"/images/{digest}/check"))["findings"]}
    assert "CVE-2026-7+pkg:deb/debian/shop@1?arch=amd64" in {subject.partition("&")[0] for subject in subjects}


async def test_evidence_of_a_verdict_says_it_whatever_the_rule_asks(at: Desk) -> None:
    await at.advise(LIB, MOUNT)
    await kept(at, ANY)
    digest = await analysed(at)
    found = {
        finding["subject"].partition("+")[0]: finding["reach"]
        for finding in (await at.get(f"/images/{digest}/check"))["findings"]
    }
    assert [step["path"] for step in found["CVE-2026-3"]["witness"]] == WITNESS
    assert found["CVE-2026-5"]["reach"] == "unreachable"
    page = await at.ask("GET", f"/images/{digest}/check?format=html")
    assert "Unreachable: nothing that the image starts can come to use it" in page.text


async def test_a_message_about_an_advisory_says_whether_it_is_reached(at: Desk) -> None:
    await at.advise(MOUNT)
    await kept(at, ANY.replace("high", "critical"))
    await analysed(at)
    await at.advise(
        MOUNT,
        advisory("CVE-2026-3", affected("debian:13", "lib", "deb", "9"), severity="critical"),
        advisory("CVE-2026-8", affected("debian:13", "doc", "deb", "9"), severity="critical"),
    )
    notices = await told(at)
    said = {
        found.advisory: found.reach.reach
        for notice in notices for item in notice.items for found in item.evidence if found.reach is not None
    }  # fmt: skip
    assert said == {"CVE-2026-3": "reachable", "CVE-2026-8": "unreachable"}
    texts = "\n".join(map(text_of, notices))
    assert "reachable: /usr/bin/other → /usr/lib/liba.so.1" in texts


async def test_images_of_the_same_layers_that_start_alike_share_it_and_nothing_else(at: Desk, walks: list[str]) -> None:
    await at.post("/accounts", {"name": "theirs"})
    body = {"verify": False}
    assert (await at.ask("PUT", f"/registries/{at.registry.host}", body, "theirs")).is_success
    first, second = push(at, "ours"), push(at, "secret-name", Labels={"who": "theirs"})
    other = push(at, "mounts", "mount")
    await at.add("ours")
    await at.add("mounts")
    await at.add("secret-name", "theirs")
    await at.work()
    assert first != second
    assert sorted(walks) == ["mount -f", "other -f"]
    assert len(set(await names(at))) == len(kept_of_reach(at)) == 2
    ours, theirs = await at.get(f"/images/{first}/minimality"), await at.get(f"/images/{second}/minimality", "theirs")
    assert (ours["packages"], ours["roots"]) == (theirs["packages"], theirs["roots"])
    assert (ours["source"]["digest"], theirs["source"]["digest"]) == (first, second)
    assert "secret-name" not in str(ours)
    assert (await at.ask("GET", f"/images/{second}/minimality")).status_code == 404
    assert (await at.ask("GET", f"/images/{first}/minimality", account="theirs")).status_code == 404
    mounted = await at.get(f"/images/{other}/minimality")
    assert {package["name"]: package["reach"] for package in mounted["packages"]}["mount"] == "reachable"


async def test_a_worker_that_dies_in_between_leaves_it_to_the_next(
    at: Desk, walks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*given: Any) -> Any:
        monkeypatch.setattr(analysing, "put_analysis", put_analysis)
        raise asyncio.CancelledError

    monkeypatch.setattr(analysing, "put_analysis", killed)
    digest = push(at, "1")
    await at.add("1")
    with pytest.raises(asyncio.CancelledError):
        await at.work()
    assert (await names(at), len(kept_of_reach(at))) == ([""], 1)
    await at.work()
    assert walks == ["other -f"]
    assert [f"reach/{name}" for name in await names(at)] == kept_of_reach(at)
    assert (await at.get(f"/images/{digest}/minimality"))["roots"] == ["CMD other -f"]


async def test_it_goes_when_no_image_names_it(at: Desk) -> None:
    long_ago = -3600.0 * 24 * 365 * 10
    kept_one, gone = await analysed(at, "1"), await analysed(at, "2", command="mount")
    await sweep_objects(at.services, long_ago)
    assert len(kept_of_reach(at)) == 2
    await at.ask("DELETE", f"/images/{gone}")
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE image SET added_at = now() - interval '2 hours'")
    await retain(at.services)
    await sweep_objects(at.services, long_ago)
    assert [f"reach/{name}" for name in await names(at)] == kept_of_reach(at)
    assert (await at.get(f"/images/{kept_one}/minimality"))["roots"] == ["CMD other -f"]


async def test_images_that_were_read_before_are_looked_at_when_they_are_read_again(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await at.advise(LIB)
    await kept(at, RULES)
    with monkeypatch.context() as before:
        before.setattr(analysing, "keep_reach", lambda objects, scanned, extractors: KeptReach(""))
        digest = await analysed(at)
    refused = await at.get(f"/images/{digest}/minimality", status=409)
    assert "was not looked for" in refused["detail"]
    assert (await at.get(f"/images/{digest}/vulnerabilities"))["items"][0]["reach"] is None
    assert (await at.get(f"/images/{digest}/vulnerabilities?reach=unknown"))["items"] != []
    assert (await at.get(f"/images/{digest}/vulnerabilities?reach=reachable"))["items"] == []
    document = await at.get(f"/images/{digest}/check")
    assert document["verdict"] == "unknown"
    assert "what the image's start reaches was not looked for" in str(document["problems"])
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE image SET fingerprint = 'of before'")
    await renew_outdated(at.services)
    await at.work()
    assert (await at.get(f"/images/{digest}/check"))["verdict"] == "stop"


async def test_a_fault_of_the_walk_costs_nothing_else(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*given: Any) -> Any:
        raise RecursionError

    monkeypatch.setattr(reached, "minimality_of_files", broken)
    await kept(at, RULES)
    digest = await analysed(at)
    assert len((await at.get(f"/images/{digest}/packages"))["items"]) == 4
    refused = await at.get(f"/images/{digest}/minimality", status=409)
    assert "could not be worked out: RecursionError" in refused["detail"]
    assert (await at.get(f"/images/{digest}/check"))["verdict"] == "unknown"


async def test_what_is_damaged_or_lost_is_said(at: Desk) -> None:
    digest = await analysed(at)
    [key] = kept_of_reach(at)
    at.services.objects.put(key, (at.services.objects.get(key) or b"")[:-1] + b"x")
    assert (await at.ask("GET", f"/images/{digest}/minimality")).status_code >= 400
    at.services.objects.delete([key])
    answer = await at.ask("GET", f"/images/{digest}/minimality")
    assert "missing from the object store" in answer.text
    await at.post(f"/images/{digest}/analysis", None, status=202)
    await at.work()
    assert (await at.get(f"/images/{digest}/minimality"))["roots"] == ["CMD other -f"]


async def test_scans_that_leave_nothing_behind_follow_the_start_too(at: Desk) -> None:
    await kept(at, RULES)
    push(at, "1")
    answer = await at.post("/scan", {"reference": at.reference("1"), "policy": "reach", "matches": False})
    assert {finding["rule_id"] for finding in answer["verdict"]["findings"]} == {"idle"}
    assert PASSWORD not in str(answer)
