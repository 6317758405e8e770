"""Scans of which nothing is kept, bounded and in processes of their own; and SBOMs that are registered as images."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from httpx import Response

from tests.support.desk import PASSWORD, Desk, desk, status_file
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

SHOP = status_file(("libc6", "2.41-12"), ("curl", "8.0-1"))
LIBC = advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), source="debian", severity="high")
NO_HIGH = """
schema: hullmark-policy/1
name: weaknesses
version: "1"
rules:
  - {id: no-high, gate: vulnerabilities, trigger: found, action: stop, params: {severity: high, unrated: ignore}}
"""
NOT_ROOT = """
schema: hullmark-policy/1
name: users
version: "1"
rules:
  - {id: no-root, gate: config, trigger: user, action: stop, params: {not_root: true}}
"""
SBOM = {
    "bomFormat": "CycloneDX",
    "specVersion": "1.6",
    "components": [
        {"type": "operating-system", "name": "debian", "version": "13"},
        {"type": "library", "name": "libc6", "version": "2.41-12", "purl": "pkg:deb/debian/libc6@2.41-12?arch=amd64"},
    ],
}


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        await found.advise(LIBC)
        await found.work()
        yield found


async def sent(at: Desk, path: str, body: bytes) -> Response:
    return await at.client.post(f"/api/v1{path}", content=body, auth=("admin", PASSWORD), timeout=120)


async def scanned(at: Desk, body: Any, path: str = "/scan") -> Any:
    answer = await sent(at, path, json.dumps(body).encode())
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(matches: dict[str, Any]) -> list[str]:
    return [match["advisory"]["id"] for match in matches["matches"]]


def kept(at: Desk) -> tuple[int, list[str]]:
    """What is kept of images: rows, and documents and records in the store."""
    with psycopg.connect(at.services.settings.database_url) as connection:
        row = connection.execute("SELECT count(*) FROM image").fetchone()
    rooms = ("analyses/", "files/", "layers/", "verdicts/")
    return int(row[0]) if row else 0, [each.key for room in rooms for each in at.services.objects.list(room)]


async def test_an_image_is_scanned_matched_and_judged_and_nothing_is_kept(at: Desk) -> None:
    digest = at.push("1", SHOP, User="root")
    told = await scanned(at, {"reference": at.reference("1"), "policy_text": NOT_ROOT})
    assert told["inventory"]["source"]["digest"] == digest
    assert [package["name"] for package in told["inventory"]["packages"]] == ["curl", "libc6"]
    assert ids(told["matches"]) == ["CVE-2026-1"]
    assert told["verdict"]["verdict"] == "stop"
    assert kept(at) == (0, [])


async def test_an_sbom_is_scanned_as_it_is_or_in_a_request(at: Desk) -> None:
    plain = await scanned(at, SBOM)
    assert (ids(plain["matches"]), plain["verdict"]) == (["CVE-2026-1"], None)
    wanted = await scanned(at, {"sbom": SBOM, "policy_text": NO_HIGH})
    assert (ids(wanted["matches"]), wanted["verdict"]["verdict"]) == (["CVE-2026-1"], "stop")
    assert wanted["inventory"] == plain["inventory"]
    quoted = await scanned(at, {"sbom": json.dumps(SBOM), "matches": False})
    assert (quoted["inventory"], quoted["matches"]) == (plain["inventory"], None)


async def test_what_only_the_image_knows_is_unknown_of_an_sbom(at: Desk) -> None:
    told = await scanned(at, {"sbom": SBOM, "policy_text": NOT_ROOT})
    assert told["verdict"]["verdict"] == "unknown"


async def test_a_kept_policy_judges_with_its_exceptions(at: Desk) -> None:
    await at.post("/policies", {"text": NO_HIGH})
    assert (await scanned(at, SBOM, "/scan?policy=weaknesses"))["verdict"]["verdict"] == "stop"
    document = {
        "rule": "no-high",
        "subject": "*",
        "expires": "2999-01-01",
        "owner": "ops",
        "reason": "known",
        "policy": "weaknesses",
    }
    assert (await at.ask("POST", "/exceptions", document)).status_code == 201
    assert (await scanned(at, SBOM, "/scan?policy=weaknesses"))["verdict"]["verdict"] == "go"
    assert (await sent(at, "/scan?policy=nowhere", json.dumps(SBOM).encode())).status_code == 404


async def test_packages_are_matched(at: Desk) -> None:
    purl = "pkg:deb/debian/libc6@2.41-12?arch=amd64"
    told = await scanned(at, {"packages": [purl], "distro": "debian:13"}, "/vulnerability-scan")
    assert ids(told) == ["CVE-2026-1"]
    mended = purl.replace("2.41-12", "2.41-13")
    assert ids(await scanned(at, {"packages": [mended], "distro": "debian:13"}, "/vulnerability-scan")) == []
    of_sbom = await scanned(at, SBOM, "/vulnerability-scan")
    assert of_sbom["matches"] == told["matches"]
    table = await sent(at, "/vulnerability-scan?format=table", json.dumps(SBOM).encode())
    assert b"CVE-2026-1" in table.content


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/scan", b"", 400),
        ("/scan", b"{}", 422),
        ("/scan", b"not json at all", 422),
        ("/scan", b'{"reference": "a", "sbom": {}}', 422),
        ("/scan", b'{"reference": 7}', 400),
        ("/scan", b'{"reference": "a b"}', 422),
        ("/scan", b"[" * 100_000, 422),
        ("/scan", b'{"sbom": {"bomFormat": "CycloneDX", "specVersion": "1.6"}, "policy_text": "rules: ["}', 422),
        ("/vulnerability-scan", b'{"packages": []}', 400),
        ("/vulnerability-scan", b'{"packages": ["nonsense"], "distro": "debian:13"}', 422),
        ("/vulnerability-scan?format=poem", b"{}", 400),
    ],
)
async def test_bad_input_is_refused_with_a_reason(at: Desk, path: str, body: bytes, status: int) -> None:
    answer = await sent(at, path, body)
    assert (answer.status_code, bool(answer.json()["detail"])) == (status, True), answer.text


async def test_an_image_that_is_not_there_is_not_found(at: Desk) -> None:
    answer = await sent(at, "/scan", json.dumps({"reference": at.reference("9")}).encode())
    assert answer.status_code == 404


async def test_size_time_and_memory_are_bounded(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path, scan_limit=1000) as at:
        assert (await sent(at, "/scan", bytes(1001))).status_code == 413
    (tmp_path / "data").rename(tmp_path / "before")
    async with desk(database_url, tmp_path, scan_seconds=0.05) as at:
        answer = await sent(at, "/scan", json.dumps(SBOM).encode())
        assert (answer.status_code, "longer" in answer.json()["detail"]) == (422, True)


@pytest.mark.slow
async def test_memory_is_bounded(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path, scan_memory=150 << 20) as at:
        component = {"type": "library", "name": "n" * 100, "version": "1", "purl": "pkg:pypi/n@1"}
        many = {**SBOM, "components": [{**component, "name": f"{number:0100}"} for number in range(120_000)]}
        answer = await sent(at, "/scan", json.dumps(many).encode())
        assert (answer.status_code, "more than it may" in answer.json()["detail"]) == (422, True)


async def test_of_many_at_once_some_are_told_to_come_again_and_others_are_served(
    database_url: str, tmp_path: Path
) -> None:
    async with desk(database_url, tmp_path, scan_slots=1) as at:
        scans = [asyncio.create_task(sent(at, "/scan", json.dumps(SBOM).encode())) for _ in range(3)]
        await asyncio.sleep(0.1)
        assert (await at.ask("GET", "/images")).status_code == 200
        answers = await asyncio.gather(*scans)
        assert sorted(answer.status_code for answer in answers) == [200, 503, 503]
        assert all(answer.headers["retry-after"] for answer in answers if answer.status_code == 503)


async def test_one_account_leaves_a_slot_to_others(at: Desk) -> None:
    await at.post("/accounts", {"name": "other"})
    await sent(at, "/scan", json.dumps(SBOM).encode())
    slots = at.app.state["scan_slots"]
    with slots.taken(1), slots.taken(1):
        refused = await sent(at, "/scan", json.dumps(SBOM).encode())
        assert (refused.status_code, refused.json()["detail"]) == (
            503,
            "there are as many of the account's scans as may be at the same time",
        )
        served = await at.client.post(
            "/api/v1/scan",
            content=json.dumps(SBOM),
            headers={"x-hullmark-account": "other"},
            auth=("admin", PASSWORD),
            timeout=120,
        )
        assert served.status_code == 200, served.text


async def test_scanning_needs_its_permission(at: Desk) -> None:
    for role, status in (("viewer", 403), ("ci", 200)):
        key = await at.post("/keys", {"name": role, "role": role})
        answer = await at.client.post(
            "/api/v1/scan", content=json.dumps(SBOM), headers={"Authorization": f"Bearer {key['key']}"}, timeout=120
        )
        assert answer.status_code == status


# SBOMs as images


async def test_an_sbom_is_registered_and_judged_like_an_image(at: Desk) -> None:
    await at.post("/policies", {"text": NO_HIGH})
    await at.post("/activations", {"policy": "weaknesses"})
    await at.work()
    body = json.dumps(SBOM).encode()
    digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
    answer = await sent(at, "/sboms?reference=registry.example/team/shop:1", body)
    assert answer.status_code == 201, answer.text
    assert answer.json() == {
        "digest": digest,
        "state": "analysed",
        "is_new": True,
        "tag": "registry.example/team/shop:1",
    }
    assert await at.work() == ["judge", "route"]
    image = await at.get("/references/registry.example/team/shop:1")
    assert (image["digest"], image["kind"], image["distro"], image["package_count"]) == (digest, "sbom", "debian:13", 1)
    assert image["vulnerabilities"] == {"high": 1}
    assert [each["verdict"] for each in await at.get(f"/verdicts/{digest}")] == ["stop"]
    whole = await at.get(f"/images/{digest}/vulnerabilities?format=json")
    assert ids(whole) == ["CVE-2026-1"]
    again = await sent(at, "/sboms?reference=registry.example/team/shop:1", body)
    assert (again.json()["is_new"], again.json()["state"]) == (False, "analysed")
    assert (await at.ask("POST", f"/images/{digest}/analysis")).status_code == 409


async def test_an_sbom_never_stands_for_the_image_that_it_names(at: Desk) -> None:
    digest = at.push("1", SHOP)
    about = {
        "type": "container",
        "name": "shop",
        "version": digest,
        "purl": f"pkg:oci/shop@{digest.replace(':', '%3A')}",
    }
    body = json.dumps({**SBOM, "metadata": {"component": about}}).encode()
    answer = await sent(at, "/sboms?reference=registry.example/team/shop:1", body)
    assert answer.status_code == 201, answer.text
    assert (await at.ask("GET", f"/images/{digest}")).status_code == 404
    assert (await at.add("1"))["state"] == "waiting"


async def test_a_document_that_is_a_manifest_too_is_refused(at: Desk) -> None:
    manifest = {"schemaVersion": 2, "config": {}, "layers": [], **SBOM}
    answer = await sent(at, "/sboms?reference=registry.example/team/shop:1", json.dumps(manifest).encode())
    assert (answer.status_code, "manifest" in answer.json()["detail"]) == (422, True)


async def test_what_is_no_sbom_leaves_nothing(at: Desk) -> None:
    for body in (b"{}", b"nothing", b"<a/>"):
        assert (await sent(at, "/sboms?reference=a/b:1", body)).status_code == 422
    assert (await sent(at, "/sboms?reference=a/b@sha256:" + "0" * 64, json.dumps(SBOM).encode())).status_code == 422
    assert kept(at) == (0, [])
