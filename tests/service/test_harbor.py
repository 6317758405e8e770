"""Harbor's scanner API: what it asks for, and what it gets."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from httpx import Response

from tests.service.test_verdicts import kept, word
from tests.support.attestations import Signer
from tests.support.desk import Desk, desk, status_file
from tests.support.matching import advisory, affected
from tests.support.registry import encoded
from tests.support.signed_images import policy_trusting, sign

pytestmark = pytest.mark.anyio

SHOP = status_file(("libc6", "2.41-12"), ("curl", "8.0-1"))
LIBC = advisory(
    "CVE-2026-1",
    affected("debian:13", "libc6", "deb", "2.41-13"),
    source="debian",
    severity="high",
    summary="it is bad",
    references=("https://debian.example/CVE-2026-1",),
)
CURL = advisory(
    "CVE-2026-2", affected("debian:13", "curl", "deb", "", fix_state="not-fixed"), source="debian", severity="low"
)
VULNERABILITIES = "application/vnd.security.vulnerability.report; version=1.1"
OLDER = "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0"
SBOM = "application/vnd.security.sbom.report+json; version=1.0"
LOGIN = ("robot$scan", "its secret")


class Harbor:
    """A Harbor that uses our scanner with a key of the role ci."""

    def __init__(self, at: Desk, key: str) -> None:
        self.at = at
        self.key = key

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        sent = {"Authorization": f"Bearer {self.key}", **headers}
        content = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        return await self.at.client.request(
            method, f"/api/harbor/api/v1{path}", content=content, headers=sent, follow_redirects=False
        )

    async def scan(self, digest: str, authorization: str = "", **artifact: Any) -> Response:
        registry = {"url": self.at.registry.url, "authorization": authorization}
        body = {"registry": registry, "artifact": {"repository": "shop", "digest": digest, "tag": "1", **artifact}}
        kind = "application/vnd.scanner.adapter.scan.request+json; version=1.1"
        return await self.ask("POST", "/scan", body, **{"Content-Type": kind})

    async def scanned(self, digest: str, authorization: str = "") -> str:
        answer = await self.scan(digest, authorization)
        assert answer.status_code == 202, answer.text
        await self.at.work()
        return str(answer.json()["id"])

    async def report(self, key: str, kind: str = VULNERABILITIES, query: str = "") -> Response:
        return await self.ask("GET", f"/scan/{key}/report{query}", Accept=kind)


@pytest.fixture
async def harbor(database_url: str, tmp_path: Path) -> AsyncIterator[Harbor]:
    async with desk(database_url, tmp_path) as at:
        key = await at.post("/keys", {"name": "harbor", "role": "ci"})
        await at.advise(LIBC, CURL)
        await at.work()
        yield Harbor(at, key["key"])


async def test_the_scanner_says_what_it_can(harbor: Harbor) -> None:
    answer = await harbor.ask("GET", "/metadata")
    told = answer.json()
    assert answer.headers["content-type"] == "application/vnd.scanner.adapter.metadata+json; version=1.1"
    assert told["scanner"]["name"] == "Hullmark"
    kinds = {capability["type"]: capability for capability in told["capabilities"]}
    assert {VULNERABILITIES, OLDER} <= set(kinds["vulnerability"]["produces_mime_types"])
    assert kinds["sbom"]["produces_mime_types"] == [SBOM]
    assert kinds["sbom"]["additional_attributes"]["sbom_media_types"] == [
        "application/spdx+json",
        "application/vnd.cyclonedx+json",
    ]
    assert (
        await harbor.at.client.get("/api/harbor/metadata", headers={"Authorization": f"Bearer {harbor.key}"})
    ).json() == told


async def test_a_report_is_waited_for_and_then_there(harbor: Harbor) -> None:
    digest = harbor.at.push("1", SHOP)
    accepted = await harbor.scan(digest)
    assert (accepted.status_code, accepted.headers["content-type"]) == (
        202,
        "application/vnd.scanner.adapter.scan.response+json; version=1.0",
    )
    key = accepted.json()["id"]
    early = await harbor.report(key)
    assert (early.status_code, int(early.headers["refresh-after"]) > 0) == (302, True)
    await harbor.at.work()
    answer = await harbor.report(key)
    assert (answer.status_code, answer.headers["content-type"]) == (200, VULNERABILITIES)
    told = answer.json()
    assert (told["severity"], told["artifact"]["digest"], told["scanner"]["vendor"]) == ("High", digest, "Hullmark")
    assert told["generated_at"] == "2026-05-01T12:00:00Z"
    found = {vulnerability["id"]: vulnerability for vulnerability in told["vulnerabilities"]}
    assert {
        name: found["CVE-2026-1"][name]
        for name in ("package", "version", "fix_version", "severity", "description", "links")
    } == {
        "package": "libc6",
        "version": "2.41-12",
        "fix_version": "2.41-13",
        "severity": "High",
        "description": "it is bad",
        "links": ["https://debian.example/CVE-2026-1"],
    }
    assert (found["CVE-2026-2"]["severity"], found["CVE-2026-2"]["fix_version"]) == ("Low", "")
    older = await harbor.report(key, OLDER)
    assert (older.headers["content-type"], older.json()["vulnerabilities"]) == (OLDER, told["vulnerabilities"])
    raw = await harbor.report(key, "application/vnd.scanner.adapter.vuln.report.raw")
    assert len(raw.json()["matches"]) == 2


async def test_a_vulnerability_of_a_package_is_told_once(harbor: Harbor) -> None:
    part = affected("pypi", "seller", "pep440", "3.2")
    twice = [
        advisory("GHSA-aaaa", part, source="ghsa", severity="critical", aliases=("CVE-2026-4",)),
        advisory("PYSEC-2026-4", part, source="pypa", severity="low", aliases=("CVE-2026-4",)),
    ]
    await harbor.at.advise(*twice)
    site = "usr/lib/python3/dist-packages/seller-3.1.dist-info/METADATA"
    digest = harbor.at.push("1", {site: b"Metadata-Version: 2.1\nName: seller\nVersion: 3.1\n"})
    told = (await harbor.report(await harbor.scanned(digest))).json()
    assert [(vulnerability["id"], vulnerability["severity"]) for vulnerability in told["vulnerabilities"]] == [
        ("CVE-2026-4", "Low")
    ], "PyPA's word"


async def test_an_sbom_is_made_in_both_formats(harbor: Harbor) -> None:
    digest = harbor.at.push("1", SHOP)
    key = await harbor.scanned(digest)
    for media_type, mark in (("application/spdx+json", "spdxVersion"), ("application/vnd.cyclonedx+json", "bomFormat")):
        answer = await harbor.report(key, SBOM, f"?sbom_media_type={media_type.replace('+', '%2B')}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, SBOM)
        told = answer.json()
        assert (told["media_type"], mark in told["sbom"], told["artifact"]["digest"]) == (media_type, True, digest)
    assert (await harbor.report(key, SBOM)).status_code == 400


@pytest.mark.parametrize("scheme", ["basic", "bearer"])
async def test_the_login_that_comes_is_used_and_nowhere_in_clear(harbor: Harbor, scheme: str) -> None:
    registry = harbor.at.registry
    registry.login, registry.anonymous, registry.scheme = LOGIN, False, scheme
    digest = harbor.at.push("1", SHOP)
    header = f"Basic {encoded(LOGIN)}"
    accepted = await harbor.scan(digest, header)
    with psycopg.connect(harbor.at.services.settings.database_url) as connection:
        kept = connection.execute(
            "SELECT args::text FROM procrastinate_jobs UNION SELECT value::text FROM setting"
        ).fetchall()
        log = connection.execute("SELECT before::text || after::text, after::text FROM audit").fetchall()
    assert kept
    assert not any(encoded(LOGIN) in str(row) or LOGIN[1] in str(row) for row in [*kept, *log])
    await harbor.at.work()
    assert (await harbor.report(accepted.json()["id"])).status_code == 200


async def test_a_token_that_comes_is_used(harbor: Harbor) -> None:
    registry = harbor.at.registry
    registry.login, registry.anonymous = LOGIN, False
    registry.tokens["handed-over"] = 1000
    key = await harbor.scanned(harbor.at.push("1", SHOP), "Bearer handed-over")
    assert (await harbor.report(key)).status_code == 200


async def test_a_registry_that_refuses_is_told_and_a_later_scan_may_do(harbor: Harbor) -> None:
    registry = harbor.at.registry
    registry.login, registry.anonymous = LOGIN, False
    digest = harbor.at.push("1", SHOP)
    key = await harbor.scanned(digest, f"Basic {encoded(('robot', 'wrong'))}")
    answer = await harbor.report(key)
    assert (answer.status_code, answer.headers["content-type"]) == (
        500,
        "application/vnd.scanner.adapter.error+json; version=1.0",
    )
    assert answer.json()["error"]["message"]
    assert "wrong" not in answer.text
    again = await harbor.scanned(digest, f"Basic {encoded(LOGIN)}")
    assert (await harbor.report(again)).status_code == 200
    assert (await harbor.report(key)).status_code == 500


async def test_the_account_holds_what_was_scanned(harbor: Harbor) -> None:
    digest = harbor.at.push("1", SHOP)
    await harbor.scanned(digest)
    image = await harbor.at.get(f"/images/{digest}")
    assert (image["state"], image["tags"]) == ("analysed", [harbor.at.reference("1")])
    await harbor.scanned(digest)
    assert len((await harbor.at.get("/images"))["items"]) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"[]", 422),
        (b'{"registry": {"url": "https://a"}}', 422),
        (b'{"registry": {"url": "https://a"}, "artifact": {"repository": "b", "digest": "sha256:1"}}', 422),
        (
            b'{"registry": {"url": "ftp://a"}, "artifact": {"repository": "b", "digest": "sha256:%s"}}' % (b"0" * 64),
            422,
        ),
        (
            b'{"registry": {"url": "https://a", "authorization": "Digest x"}, "artifact": {"repository": "b", "digest": "sha256:%s"}}'
            % (b"0" * 64),
            422,
        ),
        (
            b'{"registry": {"url": "https://a", "authorization": "Basic \xc3\xa9"}, "artifact": {"repository": "b", "digest": "sha256:%s"}}'
            % (b"0" * 64),
            422,
        ),
        (
            b'{"registry": {"url": "https://a"}, "artifact": {"repository": "b", "digest": "sha256:%s", "mime_type": "text/plain"}}'
            % (b"0" * 64),
            501,
        ),
    ],
)
async def test_what_cannot_be_scanned_is_refused_in_its_words(harbor: Harbor, body: bytes, status: int) -> None:
    answer = await harbor.ask("POST", "/scan", body)
    assert (answer.status_code, bool(answer.json()["error"]["message"])) == (status, True)


async def test_reports_that_are_not_there(harbor: Harbor) -> None:
    nobody = "3fa85f64-5717-4562-b3fc-2c963f66afa6"
    assert (await harbor.report(nobody)).status_code == 404
    assert (await harbor.report(nobody, "text/plain")).status_code == 501


async def test_only_who_may_scan_gets_in_and_accounts_are_kept_apart(harbor: Harbor) -> None:
    key = await harbor.scanned(harbor.at.push("1", SHOP))
    assert (await harbor.at.client.get("/api/harbor/metadata")).status_code == 401
    viewer = await harbor.at.post("/keys", {"name": "viewer", "role": "viewer"})
    assert (await Harbor(harbor.at, viewer["key"]).ask("GET", "/metadata")).status_code == 403
    await harbor.at.post("/accounts", {"name": "other"})
    other = await harbor.at.post("/keys", {"name": "harbor", "role": "ci"}, account="other")
    assert (await Harbor(harbor.at, other["key"]).report(key)).status_code == 404


async def test_without_advisories_there_is_no_clean_report(database_url: str, tmp_path: Path) -> None:
    async with desk(database_url, tmp_path) as at:
        key = await at.post("/keys", {"name": "harbor", "role": "ci"})
        bare = Harbor(at, key["key"])
        answer = await bare.report(await bare.scanned(at.push("1", SHOP)))
        assert answer.status_code == 500
        assert "advisories" in answer.json()["error"]["message"]


async def test_what_is_signed_is_seen_with_the_login_that_comes(harbor: Harbor) -> None:
    ours, registry = Signer(), harbor.at.registry
    registry.login, registry.anonymous = LOGIN, False
    digest = harbor.at.push("1", SHOP)
    await kept(harbor.at, policy_trusting(ours))
    await harbor.scanned(digest, f"Basic {encoded(LOGIN)}")
    assert await word(harbor.at, digest) == "stop"
    sign(harbor.at, digest, ours)
    await harbor.scanned(digest, f"Basic {encoded(LOGIN)}")
    assert await word(harbor.at, digest) == "go"
