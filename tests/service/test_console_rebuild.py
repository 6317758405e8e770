"""The console's rebuild plan: what a rebuild of a shared layer heals, over all images that stand on it."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest

from hullmark.server.stories.advisories.advisories import count_sets
from hullmark.server.stories.images import rebuild as stories
from hullmark.server.tables.images.rebuilds import AGES, FIX_AGES, make_plan
from tests.support.desk import OS_RELEASE, PASSWORD, Desk, status_file
from tests.support.desk_copies import furnished_by
from tests.support.images import tar_of
from tests.support.inventories import Agent, container
from tests.support.matching import advisory, affected

pytestmark = pytest.mark.anyio

LIBC = advisory("CVE-2026-1", affected("debian:13", "libc6", "deb", "2.41-13", fix_date="2026-04-20"), severity="high")
ZLIB = advisory("CVE-2026-2", affected("debian:13", "zlib1g", "deb"), severity="low")
TAR = advisory("CVE-2026-3", affected("debian:13", "tar", "deb", "1.36", fix_date="2026-02-31"), severity="critical")
BASE = status_file(("libc6", "2.41-12"), ("zlib1g", "1:1.3"))


async def page(at: Desk, path: str, status: int = 200) -> str:
    answer = await at.client.get(f"/console/admin/{path}", auth=("admin", PASSWORD))
    assert answer.status_code == status, answer.text
    return answer.text


async def furnish(at: Desk) -> dict[str, str]:
    """Three images on one layer of packages, and one with packages of its own; two of the three run, one of them twice."""
    digests = {name: at.push(name, {**BASE, f"app/{name}": b"x"}) for name in ("web", "api", "old")}
    digests["tools"] = at.push("tools", status_file(("tar", "1.35")))
    await at.advise(LIBC, ZLIB, TAR)
    await at.work()
    for name in digests:
        await at.add(name)
    await at.work()
    await Agent(at).list(
        container("Deployment/web", digest=digests["web"]),
        container("Deployment/web-2", digest=digests["web"]),
        container("Deployment/api", digest=digests["api"]),
    )
    await at.work()
    return digests


async def rows(at: Desk, scope: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(await page(at, f"rebuild?scope={scope}&export=csv&table=rebuilds"))))


@furnished_by(furnish)
async def test_a_rebuild_heals_what_has_a_fix_in_all_images_that_share_the_layer(at: Desk) -> None:
    (row,) = await rows(at, "running")
    assert (row["healed"], row["left"], row["images"], row["places"], row["packages"]) == ("2", "2", "2", "3", "libc6")
    first, second = await rows(at, "tagged")
    assert (first["healed"], first["left"], first["images"]) == ("3", "3", "3")
    assert (second["healed"], second["left"], second["packages"]) == ("1", "0", "tar")


@furnished_by(furnish)
async def test_the_plan_is_the_same_once_sets_are_counted(at: Desk) -> None:
    before = await rows(at, "tagged")
    await count_sets(at.services)
    assert await rows(at, "tagged") == before


def layer(files: dict[str, bytes]) -> bytes:
    return tar_of({"etc/os-release": OS_RELEASE, **files})


def python(name: str, version: str) -> dict[str, bytes]:
    words = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode()
    return {f"usr/lib/python3/dist-packages/{name}-{version}.dist-info/METADATA": words}


async def lineage(at: Desk) -> None:
    """A base of the distribution; a runtime on it with a package of Python; two applications on that, and one image beside."""
    flask = advisory("CVE-2026-7", affected("pypi", "flask", "pep440", "3.1"), severity="critical")
    await at.advise(LIBC, ZLIB, TAR, flask)
    await at.work()
    base, runtime = layer(BASE), layer(python("flask", "2.0"))
    stacks = {
        "base": [base],
        "runtime": [base, runtime],
        "shop": [base, runtime, layer({"app/shop": b"1"})],
        "mail": [base, runtime, layer({"app/mail": b"1"})],
        "tools": [layer(status_file(("tar", "1.35")))],
    }
    for name, layers in stacks.items():
        at.registry.tags[name] = str(at.registry.blobs.image(layers)["digest"])
        await at.add(name)
    await at.work()


@furnished_by(lineage)
async def test_bases_come_first_and_what_only_another_version_mends_does_not_vanish(at: Desk) -> None:
    found = [
        (row["layer"].rpartition(":")[2], row["vanish"], row["healed"], row["changeable"], row["left"], row["images"])
        for row in await rows(at, "tagged")
    ]
    assert found == [
        ("base and 3 more", "1 of 2", "4", "0", "4", "4"),
        ("runtime and 2 more", "0 of 1", "0", "3", "0", "3"),
        ("tools", "1 of 1", "1", "0", "0", "1"),
    ]
    said = " ".join(re.sub(r"<[^>]*>", " ", await page(at, "rebuild?scope=tagged")).split())
    assert "Vanish by rebuilding today 5 of 12 findings, with no other change" in said
    assert "after step 1" in said


@furnished_by(lineage)
async def test_each_image_says_how_much_of_it_vanishes(at: Desk) -> None:
    numbers = re.findall(r'rebuild/(\d+)"', await page(at, "rebuild?scope=tagged"))
    (number,) = {each for each in numbers if "flask" in await page(at, f"rebuild/{each}")}
    text = await page(at, f"rebuild/{number}?export=csv&table=fixable")
    assert [row["by"] for row in csv.DictReader(io.StringIO(text))] == ["raising a version"]
    text = await page(at, f"rebuild/{number}?export=csv&table=images")
    assert {row["vanish"] for row in csv.DictReader(io.StringIO(text))} == {"1 of 3"}


async def test_nothing_to_rebuild_is_said_plainly(at: Desk) -> None:
    assert "Nobody told that an image runs." in await page(at, "rebuild")
    assert "No tag points to an image." in await page(at, "rebuild?scope=tagged")


@furnished_by(furnish)
async def test_ages_of_images_and_of_fixes_are_counted_by_their_bounds(at: Desk) -> None:
    async with at.services.database.tenant(1) as connection:
        plan = await make_plan(connection, 1, "tagged", at.now)
    assert (len(plan.ages), sum(plan.ages)) == (len(AGES) + 2, 4)
    # Eleven days old at the desk's time, and one on a day that no calendar has.
    assert plan.fix_ages == [0, 3, 1, 0, 0, 0, 0]
    assert len(plan.fix_ages) == len(FIX_AGES) + 2


@furnished_by(furnish)
async def test_one_rebuild_names_the_packages_and_the_images(at: Desk) -> None:
    (number,) = set(re.findall(r'rebuild/(\d+)"', await page(at, "rebuild")))
    text = await page(at, f"rebuild/{number}")
    assert "CVE-2026-1" in text
    assert "2.41-13" in text
    assert "CVE-2026-2" not in text
    answer = await page(at, f"rebuild/{number}?export=csv&table=images")
    images = {row["image"].rpartition(":")[2]: row["running"] for row in csv.DictReader(io.StringIO(answer))}
    assert images == {"web": "True", "api": "True", "old": "False"}
    await page(at, "rebuild/999999", 404)
    await page(at, f"rebuild/{2**70}", 404)


@furnished_by(furnish)
async def test_a_layer_of_another_account_is_not_shown(at: Desk) -> None:
    (number,) = set(re.findall(r'rebuild/(\d+)"', await page(at, "rebuild")))
    await at.post("/accounts", {"name": "other", "email": "a@example.org"})
    answer = await at.client.get(f"/console/other/rebuild/{number}", auth=("admin", PASSWORD))
    assert answer.status_code == 404
    answer = await at.client.get("/console/other/rebuild?scope=tagged", auth=("admin", PASSWORD))
    assert "No tag points to an image." in answer.text


@furnished_by(furnish)
async def test_plans_of_many_images_are_kept_and_made_again_by_a_job(at: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = await rows(at, "running")
    monkeypatch.setattr(stories, "PLANNED_AT_ONCE", 1)
    assert "being made for the first time" in await page(at, "rebuild")
    assert await at.work() == ["plan_rebuilds"]
    assert await rows(at, "running") == at_once
    assert await at.work() == []
    at.now += timedelta(hours=1)
    assert "Planned 1 h ago." in await page(at, "rebuild")
    assert await at.work() == ["plan_rebuilds"]
