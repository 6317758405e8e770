"""What is wrong with stored images: the same as `hullmark vulns` says, page by page, for any day, and which images hold something."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hullmark.app.vulns import MatchOptions, vulnerabilities
from hullmark.model.advisory import Advisory, KevEntry, Lifecycle, Support
from hullmark.model.image import Platform
from hullmark.report import load
from hullmark.report.format import RenderContext
from hullmark.scanning.request import ScanResources
from hullmark.server.tables.advisories.snapshots import current
from hullmark.source import SourceOptions
from tests.service.test_verdicts import NO_HIGH
from tests.support.desk import Desk, status_file
from tests.support.desk_copies import furnished_by
from tests.support.matching import advisory, affected
from tests.support.snapshots import snapshot_in

pytestmark = pytest.mark.anyio

SHOP = status_file(("libc6", "2.41-12"), ("zlib1g", "1:1.3"), ("curl", "8.0-1"))
SITE = "usr/lib/python3/dist-packages/seller-3.1.dist-info/METADATA"
SELLER = {SITE: b"Metadata-Version: 2.1\nName: seller\nVersion: 3.1\n"}


def deb(id: str, name: str, below: str = "", severity: str = "high", **more: Any) -> Advisory:
    return advisory(id, affected("debian:13", name, "deb", below, **more), source="debian", severity=severity)


RECORDS = (
    deb("CVE-2026-1", "libc6", "2.41-13"),
    deb("CVE-2026-2", "libc6", "2.41-14", "low"),
    deb("CVE-2026-3", "zlib1g", "", "critical", fix_state="not-fixed"),
    advisory(
        "GHSA-aaaa",
        affected("pypi", "seller", "pep440", "3.2"),
        source="ghsa",
        severity="medium",
        aliases=("CVE-2026-4",),
    ),
    KevEntry(cve="CVE-2026-2", source="kev", added="2026-01-01", due="2026-02-01", ransomware=False),
)


async def shop(at: Desk) -> str:
    """The image, analysed and matched."""
    await at.advise(*RECORDS)
    digest = at.push("1", SHOP | SELLER)
    await at.add("1")
    await at.work()
    return digest


def told(item: dict[str, Any]) -> tuple[str, str, str, str]:
    return item["package"]["name"], item["advisory"]["id"], item["fix"]["version"], item["why"]


@furnished_by(shop)
async def test_the_report_is_that_of_hullmark_vulns(at: Desk, tmp_path: Path) -> None:
    digest = at.found
    snapshot = snapshot_in(tmp_path, RECORDS)
    options = SourceOptions(platform=Platform("linux", "amd64"), insecure=True, auth_files=())
    reference = f"registry:{at.registry.host}/shop@{digest}"
    same = vulnerabilities(reference, snapshot, MatchOptions(at=at.now.date().isoformat()), ScanResources(), options)
    expected = json.loads(load("matches", "json").render(same, RenderContext(tool_version="")))

    whole = await at.get(f"/images/{digest}/vulnerabilities?format=json")
    for part in ("matches", "unknown", "problems", "snapshot", "distro", "uncovered"):
        assert whole[part] == expected[part], part

    page = await at.get(f"/images/{digest}/vulnerabilities")
    assert page["snapshot"]["digest"] == snapshot.digest
    assert [told(item) for item in page["items"]] == [
        (match["installed"]["name"], match["advisory"]["id"], match["fix"]["version"], match["why"])
        for match in expected["matches"]
    ]
    assert len(page["items"]) == 4
    snapshot.close()


@furnished_by(shop)
async def test_pages_hold_every_match_once(at: Desk) -> None:
    digest = at.found
    whole = await at.get(f"/images/{digest}/vulnerabilities")
    seen, cursor = [], ""
    while True:
        page = await at.get(f"/images/{digest}/vulnerabilities?limit=1&cursor={cursor}")
        seen += page["items"]
        if page["next"] is None:
            break
        cursor = page["next"]
    assert seen == whole["items"]
    assert (await at.ask("GET", f"/images/{digest}/vulnerabilities?cursor=nonsense")).status_code in (400, 422)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("severity=low,medium", {"CVE-2026-2", "GHSA-aaaa"}),
        ("fix=not-fixed", {"CVE-2026-3"}),
        ("package=libc6", {"CVE-2026-1", "CVE-2026-2"}),
        ("advisory=CVE-2026-4", {"GHSA-aaaa"}),
        ("advisory=GHSA-aaaa", {"GHSA-aaaa"}),
        ("kev=true", {"CVE-2026-2"}),
        ("packages=os", {"CVE-2026-1", "CVE-2026-2", "CVE-2026-3"}),
        ("packages=non-os", {"GHSA-aaaa"}),
        ("counting=no", set()),
        ("packages=non-os&severity=low", set()),
    ],
)
@furnished_by(shop)
async def test_filters(at: Desk, query: str, expected: set[str]) -> None:
    digest = at.found
    page = await at.get(f"/images/{digest}/vulnerabilities?{query}")
    assert {item["advisory"]["id"] for item in page["items"]} == expected


@furnished_by(shop)
async def test_unknown_words_are_refused(at: Desk) -> None:
    digest = at.found
    for query in ("severity=dreadful", "fix=soon", "packages=some", "format=poem"):
        answer = await at.ask("GET", f"/images/{digest}/vulnerabilities?{query}")
        assert answer.status_code == 400, query


@furnished_by(shop)
async def test_every_format_is_written(at: Desk) -> None:
    digest = at.found
    for format in ("table", "sarif", "cyclonedx-json", "csv", "html", "openvex"):
        answer = await at.ask("GET", f"/images/{digest}/vulnerabilities?format={format}")
        assert answer.status_code == 200, answer.text
        assert b"CVE-2026-1" in answer.content, format


async def test_counts_stand_in_lists_and_without_advisories_nothing_does(at: Desk) -> None:
    digest = at.push("1", SHOP | SELLER)
    await at.add("1")
    await at.work()
    assert (await at.get("/images"))["items"][0]["vulnerabilities"] is None
    page = await at.get(f"/images/{digest}/vulnerabilities")
    assert page["snapshot"] is None
    assert {each["package"]["name"] for each in page["unknown"]} == {"libc6", "zlib1g", "curl", "seller"}
    assert (await at.ask("GET", f"/images/{digest}/vulnerabilities?format=json")).status_code == 422
    await at.advise(*RECORDS)
    await at.work()
    expected = {"critical": 1, "high": 1, "medium": 1, "low": 1}
    assert (await at.get("/images"))["items"][0]["vulnerabilities"] == expected
    assert (await at.get(f"/images/{digest}"))["vulnerabilities"] == expected
    counts = (await at.get(f"/images/{digest}/vulnerabilities"))["counts"]
    assert (counts["severities"], counts["fixable"]["high"]) == (expected, 1)


async def test_what_is_unknown_is_told(at: Desk) -> None:
    await at.advise(deb("CVE-2026-1", "libc6", "2.41-13"))  # nothing of pypi
    digest = at.push("1", SHOP | SELLER)
    await at.add("1")
    await at.work()
    page = await at.get(f"/images/{digest}/vulnerabilities")
    assert [each["package"]["name"] for each in page["unknown"]] == ["seller"]
    assert page["unknown"][0]["reasons"]
    assert (await at.get(f"/images/{digest}/unknown"))["items"] == page["unknown"]


async def test_a_page_tells_what_the_advisories_do_not_cover_as_the_document_does(at: Desk) -> None:
    ended = Lifecycle(product="debian", release="13", source="endoflife", eol="2026-04-30", is_ended=True)
    await at.advise(deb("CVE-2026-1", "libc6", "2.41-13"), ended, checked_on="2026-04-20", stale_days=7)
    digest = at.push("1", SHOP | SELLER)
    await at.add("1")
    await at.work()
    path = f"/images/{digest}/vulnerabilities"
    page, whole = await at.get(path), await at.get(f"{path}?format=json")
    assert page["uncovered"] == whole["uncovered"]
    assert [(each["namespace"], each["packages"]) for each in page["uncovered"]] == [
        ("debian:13", 3),
        ("debian:13", 3),
        ("pypi", 1),
    ]
    reasons = " ".join(each["reason"] for each in page["uncovered"])
    for words in ("11 days ago", "past its end of life since 2026-04-30", "no advisories for pypi"):
        assert words in reasons


async def test_another_reason_why_nothing_can_be_told_takes_the_place_of_the_old_one(at: Desk) -> None:
    await at.post("/policies", {"text": NO_HIGH})
    await at.post("/activations", {"policy": "weaknesses"})
    records = (deb("CVE-2026-1", "curl", "2"), advisory("GHSA-b", affected("pypi", "other", "pep440", "2")))
    await at.advise(*records, checked_on="2026-03-01", stale_days=7)
    digest = at.push("1", SHOP | SELLER)
    await at.add("1")
    await at.work()
    for day in ("2026-03-01", "2026-03-10"):
        page = await at.get(f"/images/{digest}/vulnerabilities")
        assert {tuple(each["reasons"]) for each in page["unknown"]} == {
            (f"the advisories for {namespace} end on {day}",) for namespace in ("debian:13", "pypi")
        }
        (found,) = await at.get(f"/verdicts/{digest}")
        assert (found["verdict"], f"end on {day}" in found["reason"]) == ("unknown", True)
        await at.advise(*records, checked_on="2026-03-10", stale_days=7)
        await at.work()
    await at.advise(*records, checked_on="2026-05-01", stale_days=7)
    await at.work()
    (found,) = await at.get(f"/verdicts/{digest}")
    assert found["verdict"] == "go"
    causes = [item["cause"]["sentence"] for item in (await at.get("/transitions"))["items"]]
    assert "The advisories for debian:13 cover something else than before: all until 2026-03-10, then all." in causes


async def test_earlier_knowledge_and_other_days_can_be_asked_for(at: Desk) -> None:
    await at.advise(
        deb("CVE-2026-1", "libc6", "2.41-13"),
        Support(namespace="debian:13", name="curl", source="debian", level="ended", since="2026-07-01", note=""),
    )
    digest = at.push("1", SHOP)
    await at.add("1")
    await at.work()
    before = datetime.now(UTC)
    await at.advise(deb("CVE-2026-1", "libc6", "2.41-13"), deb("CVE-2026-9", "zlib1g", "1:1.4"))
    await at.work()
    path = f"/images/{digest}/vulnerabilities?format=json"

    def ids(document: dict[str, Any]) -> set[str]:
        return {match["advisory"]["id"] for match in document["matches"]}

    assert ids(await at.get(path)) == {"CVE-2026-1", "CVE-2026-9"}
    then = before.isoformat().replace("+00:00", "Z")
    earlier = await at.get(f"{path}&known_at={then}")
    assert ids(earlier) == {"CVE-2026-1"}
    later = await at.get(f"{path}&known_at={then}&as_of=2026-08-01T00:00:00Z")
    earlier = await at.get(f"{path}&known_at={then}&as_of=2026-05-01T00:00:00Z")
    assert [each["installed"]["name"] for each in later["unknown"]] == ["curl"]
    assert earlier["unknown"] == []
    long_ago = (before - timedelta(days=30)).isoformat().replace("+00:00", "Z")
    assert (await at.ask("GET", f"{path}&known_at={long_ago}")).status_code == 422


@furnished_by(shop)
async def test_images_that_hold_something(at: Desk) -> None:
    first = at.found
    second = at.push("2", status_file(("libc6", "2.41-13")))
    await at.add("2")
    await at.work()
    found = await at.get("/vulnerabilities/CVE-2026-1/images")
    assert [item["digest"] for item in found["items"]] == [first]
    assert found["items"][0]["references"] == [at.reference("1")]
    assert found["items"][0]["packages"][0].startswith("pkg:deb/debian/libc6@2.41-12")
    assert (await at.get("/vulnerabilities/CVE-1999-1/images"))["items"] == []
    assert {item["digest"] for item in (await at.get("/packages?name=libc6"))["items"]} == {first, second}
    assert [item["digest"] for item in (await at.get("/packages?name=libc6&version=2.41-13"))["items"]] == [second]
    assert (await at.get("/packages?name=libc6&type=pypi"))["items"] == []
    page = await at.get("/packages?name=libc6&limit=1")
    assert [item["digest"] for item in (await at.get(f"/packages?name=libc6&cursor={page['next']}"))["items"]] == [
        second
    ]


@furnished_by(shop)
async def test_another_account_sees_nothing_of_it(at: Desk) -> None:
    digest = at.found
    await at.post("/accounts", {"name": "other"})
    assert (await at.ask("GET", f"/images/{digest}/vulnerabilities", account="other")).status_code == 404
    assert (await at.get("/vulnerabilities/CVE-2026-1/images", account="other"))["items"] == []
    assert (await at.get("/packages?name=libc6", account="other"))["items"] == []


async def test_a_new_day_brings_matches_and_verdicts_to_today(at: Desk) -> None:
    from hullmark.server.stories.advisories.feeds import bring_to_today

    ending = Support(namespace="debian:13", name="curl", source="debian", level="ended", since="2026-05-02", note="")
    await at.advise(deb("CVE-2026-1", "libc6", "2.41-13"), ending)
    digest = at.push("1", SHOP)
    await at.add("1")
    await at.work()
    await bring_to_today(at.services)
    await at.work()
    assert (await at.get(f"/images/{digest}/vulnerabilities"))["unknown"] == []
    await bring_to_today(at.services)
    assert await at.work() == []  # the same day
    at.now += timedelta(days=1)
    await bring_to_today(at.services)
    assert "adopt" in await at.work()
    unknown = (await at.get(f"/images/{digest}/vulnerabilities"))["unknown"]
    assert [each["package"]["name"] for each in unknown] == ["curl"]
    async with at.services.database.system() as connection:
        assert (await current(connection)).at == "2026-05-02"
