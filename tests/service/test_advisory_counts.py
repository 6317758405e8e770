"""The advisories of an account: all of them, in how many images, and since when the last image that counts has one no more."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from html import unescape
from urllib.parse import quote

import pytest

from hullmark.model.advisory import Advisory
from hullmark.server.stories.advisories import counts
from hullmark.server.tables.advisories import account_advisories, advisory_counts
from hullmark.server.tables.images.holders import sets_with_advisory
from tests.support.desk import OS_RELEASE, PASSWORD, Desk, status_file
from tests.support.desk_copies import furnished_by
from tests.support.images import tar_of
from tests.support.inventories import Agent, container
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

LIBC = advisory(
    "CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13"), severity="high", summary="A flaw of libc"
)
ZLIB = advisory("CVE-2026-2", affected("debian:13", "zlib1g", "deb"), severity="low")
TAR = advisory("CVE-2026-3", affected("debian:13", "tar", "deb", "1.36"), severity="critical")
KNOWN: tuple[Advisory, ...] = (LIBC, ZLIB, TAR)
OLD, NEW = (
    status_file(("libc6", "2.41-12"), ("zlib1g", "1:1.3")),
    status_file(("libc6", "2.41-13"), ("zlib1g", "1:1.3")),
)


async def knowing(at: Desk) -> None:
    """A server knows three advisories."""
    await at.advise(*KNOWN)
    await at.work()


async def page(at: Desk, path: str, account: str = "admin") -> str:
    """A page, as it is read."""
    answer = await at.client.get(f"/console/{account}/{path}", auth=("admin", PASSWORD))
    assert answer.status_code == 200, answer.text
    return unescape(answer.text)


async def rows(at: Desk, path: str, table: str = "advisories") -> list[dict[str, str]]:
    """A table of a page."""
    mark = "&" if "?" in path else "?"
    return list(csv.DictReader(io.StringIO(await page(at, f"{path}{mark}export=csv&table={table}"))))


async def held(at: Desk, query: str = "") -> dict[str, tuple[str, str, str]]:
    """Advisories by name: images, those of them that count, whether there is a fix."""
    found = await rows(at, f"advisories{query}")
    return {row["advisory"]: (row["images"], row["live"], row["fixable"]) for row in found}


async def add(at: Desk, tag: str, files: dict[str, bytes]) -> str:
    """Push an image and add it by its tag; answers its digest."""
    digest = at.push(tag, files)
    await at.add(tag)
    await at.work()
    return digest


async def furnish(at: Desk) -> None:
    """Four images: a tag moved from the first to the second."""
    await knowing(at)
    await add(at, "web", {**OLD, "app/web": b"1"})
    await add(at, "web", {**OLD, "app/web": b"2"})
    await add(at, "api", {**OLD, "app/api": b"1"})
    await add(at, "tools", status_file(("tar", "1.35")))


ALL = {"CVE-2026-1": ("3", "2", "True"), "CVE-2026-2": ("3", "2", "False"), "CVE-2026-3": ("1", "1", "True")}


@furnished_by(furnish)
async def test_all_advisories_are_listed_with_the_images_that_have_them_and_those_that_count(at: Desk) -> None:
    assert await held(at) == ALL
    assert next(iter(await held(at))) == "CVE-2026-3", "the weightiest first"
    (libc,) = [row for row in await rows(at, "advisories") if row["advisory"] == "CVE-2026-1"]
    assert (libc["severity"], libc["summary"]) == ("high", "A flaw of libc")


@furnished_by(furnish)
async def test_they_are_narrowed_by_words_severity_fix_and_what_counts(at: Desk) -> None:
    assert list(await held(at, "?severity=high")) == ["CVE-2026-3", "CVE-2026-1"]
    assert list(await held(at, "?q=flaw+of+LIBC")) == ["CVE-2026-1"]
    assert list(await held(at, "?q=2026-2")) == ["CVE-2026-2"]
    assert list(await held(at, "?fix=1")) == ["CVE-2026-3", "CVE-2026-1"]
    assert await held(at, "?kev=1") == {}
    await add(at, "tools", status_file(("tar", "1.36")))
    assert list(await held(at, "?in=live")) == ["CVE-2026-1", "CVE-2026-2"]
    assert "None of them is so." in await page(at, "advisories?q=%00%25_")


@furnished_by(furnish)
async def test_counts_of_many_images_are_kept_and_are_the_same(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some images at a time."""
    at_once = await rows(at, "advisories")
    monkeypatch.setattr(counts, "COUNTED_AT_ONCE", 1)
    monkeypatch.setattr(advisory_counts, "_AT_ONCE", 1)
    assert "being counted for the first time" in await page(at, "advisories")
    assert await at.work() == ["count_advisories"]
    assert await rows(at, "advisories") == at_once
    assert await held(at) == ALL
    assert list(await held(at, "?severity=high&fix=1&in=live")) == ["CVE-2026-3", "CVE-2026-1"]
    assert list(await held(at, "?q=flaw+of+LIBC")) == ["CVE-2026-1"]
    assert await at.work() == []
    at.now += timedelta(hours=1)
    assert "counted 1 h ago" in await page(at, "advisories")
    await add(at, "tools", status_file(("tar", "1.36")))
    assert await at.work() == []
    assert (await held(at))["CVE-2026-3"] == ("1", "0", "True")


@furnished_by(knowing)
async def test_an_image_that_has_one_in_two_layers_counts_once(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    jinja = advisory("CVE-2026-4", affected("pypi", "jinja2", "pep440", "3.1.5"), severity="high")
    await at.advise(*KNOWN, jinja)
    await at.work()
    layers = [
        tar_of(
            {
                "etc/os-release": OS_RELEASE,
                f"usr/{place}lib/python3/dist-packages/Jinja2-{version}.dist-info/METADATA": (
                    f"Metadata-Version: 2.1\nName: Jinja2\nVersion: {version}\n".encode()
                ),
            }
        )
        for place, version in (("", "3.1.0"), ("local/", "3.1.1"))
    ]
    at.registry.tags["two"] = str(at.registry.blobs.image(layers)["digest"])
    await at.add("two")
    await at.work()
    async with at.services.database.system() as connection:
        cursor = await connection.execute(
            "SELECT count(DISTINCT set_id) FROM image_set JOIN set_member USING (set_id) JOIN package ON package.id = package_id"
            " WHERE package.name ILIKE 'jinja2'"
        )
        assert await cursor.fetchone() == (2,)
    assert await held(at) == {"CVE-2026-4": ("1", "1", "True")}
    monkeypatch.setattr(counts, "COUNTED_AT_ONCE", 0)
    await page(at, "advisories")
    await at.work()
    assert await held(at) == {"CVE-2026-4": ("1", "1", "True")}


@furnished_by(furnish)
async def test_a_list_goes_on_where_a_page_ends(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    for most in (50, 1):
        monkeypatch.setattr(counts, "COUNTED_AT_ONCE", most)
        await page(at, "advisories")
        await at.work()
        async with at.services.database.tenant(1) as connection:
            snapshot = await counts.advisories_of(at.services, connection, 1)
            names, after = [], None
            for _ in range(3):
                (row,) = await snapshot.page(connection, advisory_counts.AdvisoryFilter(), after, 1)
                names.append(row.name)
                after = (row.risk, row.name)
            assert await snapshot.page(connection, advisory_counts.AdvisoryFilter(), after, 1) == []
        assert names == ["CVE-2026-3", "CVE-2026-1", "CVE-2026-2"]


def fixed(text: str) -> str:
    """What the last of the milestones says."""
    life = text.partition('<ol class="steps">')[2].partition("</ol>")[0]
    return life.rpartition("<li")[2]


@furnished_by(knowing)
async def test_an_advisory_is_fixed_once_no_image_that_counts_has_it(at: Desk) -> None:
    old = await add(at, "web", OLD)
    path = "advisories/CVE-2026-1"
    assert "not yet: 1 image that counts has it" in fixed(await page(at, path))
    (row,) = await rows(at, path, "images")
    assert (row["fixed"], row["fixed_in"]) == ("", "")
    new = await add(at, "web", NEW)
    said = fixed(await page(at, path))
    assert ">Fixed<" in said
    assert "<time" in said
    (row,) = await rows(at, path, "images")
    assert (row["image"].endswith("web") or old in row["image"], row["fixed_in"], bool(row["fixed"])) == (
        True,
        new,
        True,
    )
    assert "not yet: 1 image" in fixed(await page(at, "advisories/CVE-2026-2"))


@furnished_by(knowing)
async def test_what_runs_counts_also_where_its_tag_points_elsewhere(at: Desk) -> None:
    old = await add(at, "web", OLD)
    new = await add(at, "web", NEW)
    agent = Agent(at)
    await agent.list(container("Deployment/web", digest=old))
    path = "advisories/CVE-2026-1"
    assert "not yet: 1 image that counts has it" in fixed(await page(at, path))
    assert "where the tag points" in await page(at, path)
    await agent.list(container("Deployment/web", digest=new))
    assert "<time" in fixed(await page(at, path))


@furnished_by(knowing)
async def test_an_image_that_nobody_read_does_not_fix_anything(at: Desk) -> None:
    await add(at, "web", OLD)
    at.push("web", NEW)
    await at.add("web")
    path = "advisories/CVE-2026-1"
    assert "not yet" in fixed(await page(at, path))
    assert [row["fixed"] for row in await rows(at, path, "images")] == [""]
    await at.work()
    assert "<time" in fixed(await page(at, path))


@furnished_by(knowing)
async def test_an_advisory_that_was_taken_back_says_so(at: Desk) -> None:
    await add(at, "web", OLD)
    await at.advise(TAR, ZLIB, advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-1"), severity="high"))
    await at.work()
    assert "no image of the account has it" in fixed(await page(at, "advisories/CVE-2026-1"))


@furnished_by(furnish)
async def test_of_too_many_images_the_kept_count_says_whether_some_have_it(
    at: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account_advisories, "_CARRIERS", 1)
    path = "advisories/CVE-2026-1"
    monkeypatch.setattr(counts, "COUNTED_AT_ONCE", 1)
    await page(at, "advisories")
    await at.work()
    assert "not yet: 2 images that count have it" in fixed(await page(at, path))
    for tag in ("web", "api"):
        await add(at, tag, {**NEW, f"app/{tag}": b"3"})
    at.now += timedelta(hours=1)
    await page(at, "advisories")
    await at.work()
    assert "since when is not known" in fixed(await page(at, path))


@furnished_by(furnish)
async def test_where_far_more_are_counted_none_is_looked_at(at: Desk) -> None:
    async with at.services.database.tenant(1) as connection:
        sets = await sets_with_advisory(connection, "CVE-2026-1")
        assert (await account_advisories.end_of(connection, 1, sets, 1000)).is_all
        far_more = await account_advisories.end_of(connection, 1, sets, 1001)
    assert far_more == account_advisories.AdvisoryEnd(images=1001, is_all=False)


@furnished_by(furnish)
async def test_another_account_sees_neither_counts_nor_dates(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    await add(at, "web", NEW)
    monkeypatch.setattr(counts, "COUNTED_AT_ONCE", 0)
    await page(at, "advisories")
    await at.work()
    await at.post("/accounts", {"name": "other"})
    assert "No vulnerability counts" in await page(at, "advisories", "other")
    said = await page(at, f"advisories/{quote('CVE-2026-1')}", "other")
    assert "no image of the account has it" in fixed(said)
