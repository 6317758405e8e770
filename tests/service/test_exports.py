"""Everything of an account as lines of JSON: whole, as of one moment, and to be gone on with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hullmark.server.tables import exports
from tests.support.desk import Desk, desk, status_file
from tests.support.inventories import Agent, container
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

POLICY = """
schema: hullmark-policy/1
name: users
version: "1"
rules:
  - {id: no-root, gate: config, trigger: user, action: warn, params: {not_root: true}}
"""
KINDS = ("images", "packages", "vulnerabilities", "verdicts", "history", "audit", "events", "places")


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def fleet(at: Desk) -> list[str]:
    """Two images with packages, matches and verdicts."""
    libc = advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), source="debian", severity="high")
    await at.advise(libc)
    await at.post("/policies", {"text": POLICY})
    await at.post("/activations", {"policy": "users"})
    one = at.push("1", status_file(("libc6", "2.41-12"), ("curl", "8.0-1")), User="root")
    two = at.push("2", status_file(("libc6", "2.41-12"), ("zlib1g", "1:1.3")), User="root")
    await at.add("1")
    await at.add("2")
    await at.work()
    await Agent(at).list(container("Deployment/a", digest=one), container("Deployment/b", digest=two))
    return [one, two]


async def lines(at: Desk, kind: str, after: str = "", account: str = "") -> list[dict[str, Any]]:
    answer = await at.ask("GET", f"/export/{kind}?after={after}", account=account)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    return [json.loads(line) for line in answer.content.splitlines()]


async def test_each_kind_is_whole(at: Desk) -> None:
    digests = await fleet(at)
    assert [each["digest"] for each in await lines(at, "images")] == digests
    packages = await lines(at, "packages")
    assert sorted((digests.index(package["image"]), package["name"]) for package in packages) == [
        (0, "curl"),
        (0, "libc6"),
        (1, "libc6"),
        (1, "zlib1g"),
    ]
    found = await lines(at, "vulnerabilities")
    assert [(each["image"], each["advisory"], each["severity"]) for each in found] == [
        (digest, "CVE-2026-1", "high") for digest in digests
    ]
    assert sorted(each["image"] for each in await lines(at, "verdicts")) == sorted(digests)
    assert {each["verdict"] for each in await lines(at, "history")} == {"warn"}
    assert {"policy.keep", "policy.activate", "image.add"} <= {each["action"] for each in await lines(at, "audit")}
    assert {"image.added", "image.analysed"} <= {each["kind"] for each in await lines(at, "events")}


async def test_what_broke_off_goes_on_from_any_line(at: Desk) -> None:
    await fleet(at)
    for kind in KINDS:
        whole = await lines(at, kind)
        assert len(whole) >= 2, kind
        for place, line in enumerate(whole):
            rest = await lines(at, kind, line["cursor"])
            # Exports are entries of the audit log themselves.
            expected, found = (
                [each for each in some if each.get("action") != "export"] for some in (whole[place + 1 :], rest)
            )
            assert found == expected, kind


async def test_batches_of_any_size_give_the_same_rows(at: Desk) -> None:
    await fleet(at)

    async def rows(kind: str, size: int) -> list[Any]:
        read, width = exports.KINDS[kind]
        async with at.services.database.system() as connection:
            await exports.begin(connection, 1)
            return [row async for some in exports.rows(connection, read, 1, (0,) * width, size) for row in some]

    for kind in KINDS:
        assert await rows(kind, 1) == await rows(kind, 500), kind


async def test_what_comes_meanwhile_is_not_in_it(at: Desk) -> None:
    await fleet(at)
    read, _ = exports.KINDS["images"]
    async with at.services.database.system() as connection:
        await exports.begin(connection, 1)
        told = exports.rows(connection, read, 1, (0,), 1)
        first = await anext(told)
        at.push("3", status_file(("curl", "8.0-1")))
        await at.add("3")
        rest = [row async for some in told for row in some]
    assert len(first) + len(rest) == 2
    assert len(await lines(at, "images")) == 3


async def test_accounts_and_permissions_are_kept_apart(at: Desk) -> None:
    await fleet(at)
    await at.post("/accounts", {"name": "other"})
    for kind in ("images", "packages", "vulnerabilities", "verdicts", "history", "events"):
        assert await lines(at, kind, account="other") == []
    key = await at.post("/keys", {"name": "ci", "role": "ci"})
    bearer = {"Authorization": f"Bearer {key['key']}"}
    answers = {
        kind: (await at.client.get(f"/api/v1/export/{kind}", headers=bearer)).status_code
        for kind in ("images", "audit", "events")
    }
    assert answers == {"images": 200, "audit": 403, "events": 403}


async def test_what_is_no_kind_and_no_cursor_is_refused(at: Desk) -> None:
    assert (await at.ask("GET", "/export/persons")).status_code in (400, 404)
    assert (await at.ask("GET", "/export/images?after=nonsense")).status_code == 400
    image = await lines(at, "audit")
    assert (await at.ask("GET", f"/export/packages?after={image[0]['cursor']}")).status_code == 400
