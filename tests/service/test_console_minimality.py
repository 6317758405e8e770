"""The console's page of what an image needs: before and after, what may go, ways from the start that open by a click."""

from __future__ import annotations

import csv
import html
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hullmark.server.stories.images.retain import retain, sweep_objects
from tests.flow.test_minimize import FILES
from tests.service.test_reach import LIB, MOUNT, analysed
from tests.support.desk import PASSWORD, Desk, desk, status_file

pytestmark = pytest.mark.anyio


@pytest.fixture
async def at(database_url: str, tmp_path: Path) -> AsyncIterator[Desk]:
    async with desk(database_url, tmp_path) as found:
        yield found


async def answered(at: Desk, path: str, status: int = 200) -> Any:
    answer = await at.client.get(f"/console/admin/{path}", auth=("admin", PASSWORD))
    assert answer.status_code == status, answer.text
    return answer


async def page(at: Desk, path: str, status: int = 200) -> str:
    return html.unescape(str((await answered(at, path, status)).text))


async def listed(at: Desk, digest: str, tab: str) -> list[dict[str, str]]:
    text = (await answered(at, f"images/{digest}/minimality?tab={tab}&export=csv&table={tab}")).text
    return list(csv.DictReader(io.StringIO(text)))


async def test_packages_are_listed_by_whether_the_start_reaches_them(at: Desk) -> None:
    await at.advise(LIB, MOUNT)
    digest = await analysed(at)
    assert {row["name"]: row["advisories"] for row in await listed(at, digest, "purge")} == {"doc": "0", "mount": "1"}
    assert {row["name"]: row["advisories"] for row in await listed(at, digest, "needed")} == {"shop": "0", "lib": "1"}
    assert await listed(at, digest, "unknown") == []


async def test_what_goes_is_counted_before_and_after(at: Desk) -> None:
    await at.advise(LIB, MOUNT)
    digest = await analysed(at)
    text = await page(at, f"images/{digest}/minimality")
    rows = {
        name: numbers
        for name, *numbers in re.findall(
            r'<tr><th scope="row">(\w+)</th><td class="number">([^<]*)</td><td class="number">([^<]*)</td>', text
        )
    }
    assert rows["Packages"] == ["4", "2"]
    assert rows["Advisories"] == ["2", "1"]


async def test_without_advisories_none_are_counted(at: Desk) -> None:
    digest = await analysed(at)
    assert ">Advisories</th><td" not in await page(at, f"images/{digest}/minimality")


async def test_the_map_is_of_all_bytes_by_package_and_reach(at: Desk) -> None:
    digest = await analysed(at)
    told = (await answered(at, f"images/{digest}/minimality?data=tiles")).json()
    document = await at.get(f"/images/{digest}/minimality")

    def leaves(tile: dict[str, Any]) -> list[dict[str, Any]]:
        return [leaf for part in tile["tiles"] for leaf in leaves(part)] if "tiles" in tile else [tile]

    found = leaves(told)
    assert sum(leaf["bytes"] for leaf in found) == sum(count["bytes"] for count in document["totals"].values())
    assert {leaf["tone"] for leaf in found} <= {"go", "warn", "unknown"}


async def test_a_package_on_the_way_is_opened_and_closed_by_a_click(at: Desk) -> None:
    digest = await analysed(at)
    closed = await page(at, f"images/{digest}/minimality?tab=ways")
    links = re.findall(r'<a href="(/console/[^"]*tab=ways[^"]*open=[^"]*)"', closed)
    assert links
    opened = await page(at, links[0].removeprefix("/console/admin/").partition("#")[0])
    assert opened.count("folded") == closed.count("folded") - 1
    back = [link for link in re.findall(r'<a href="(/console/[^"]*tab=ways[^"]*)"', opened) if "open=" not in link]
    again = await page(at, back[0].removeprefix("/console/admin/").partition("#")[0])
    assert again.count("folded") == closed.count("folded")


async def test_the_recipe_removes_what_may_go(at: Desk) -> None:
    digest = await analysed(at)
    assert "purge --yes" in await page(at, f"images/{digest}/minimality?tab=recipe")
    assert "mount" in await page(at, f"images/{digest}/minimality?tab=recipe")


async def test_an_image_without_a_walk_says_why(at: Desk) -> None:
    at.push("plain", status_file(("libc6", "2.41-12")))
    await at.add("plain")
    digest = at.registry.tags["plain"]
    assert "not analysed" in await page(at, f"images/{digest}/minimality", 409)
    await page(at, f"images/sha256:{'0' * 64}/minimality", 404)


async def test_a_package_of_the_map_opens_into_its_files_by_reach(at: Desk) -> None:
    digest = await analysed(at)
    told = (await answered(at, f"images/{digest}/minimality?data=tiles")).json()
    packages = {tile["name"]: tile["more"] for kind in told["tiles"] for tile in kind["tiles"]}
    assert set(packages) == {"lib 1", "shop 1", "doc 1", "mount 1", "files of no package"}
    opened = (await answered(at, f"images/{digest}/minimality{packages['lib 1']}")).json()
    assert opened["tones"] == ["go", "unknown", "warn"]
    assert ["usr/lib", [["liba.so.1", len(FILES["usr/lib/liba.so.1"]), 0]]] in opened["tiles"]
    loose = (await answered(at, f"images/{digest}/minimality{packages['files of no package']}")).json()
    assert {"lib64", "usr/lib"} <= {tile[0] for tile in loose["tiles"]}


async def test_the_map_by_folder_is_of_all_files(at: Desk) -> None:
    digest = await analysed(at)
    document = await at.get(f"/images/{digest}/minimality")
    whole = (await answered(at, f"images/{digest}/minimality?data=files&folder=/")).json()

    def weight(tile: list[Any]) -> int:
        return sum(map(weight, tile[1])) if isinstance(tile[1], list) else int(tile[1])

    assert sum(map(weight, whole["tiles"])) == sum(one["bytes"] for one in document["totals"].values())
    text = await page(at, f"images/{digest}/minimality?map=folders")
    assert "tab=files&folder=%2Fusr%2Fbin#files" in text or "tab=files&folder=%2Fusr#files" in text


async def test_files_are_a_table_by_folder_and_by_package_with_their_ways(at: Desk) -> None:
    digest = await analysed(at)
    top = await page(at, f"images/{digest}/minimality?tab=files")
    assert '?tab=files&folder=/usr#files"' in top
    rows = {row["path"]: row for row in await listed(at, digest, "files")}
    assert rows["/usr"]["files"] == "5"
    inside = await page(at, f"images/{digest}/minimality?tab=files&folder=/usr/share")
    assert "doc.txt" in inside
    assert "may go" in inside
    of_lib = await page(
        at, f"images/{digest}/minimality?tab=files&package=pkg:deb/debian/lib@1?arch=amd64%26distro=debian-13"
    )
    assert "/usr/lib/liba.so.1" in of_lib
    one = await page(at, f"images/{digest}/minimality?tab=files&file=/usr/lib/liba.so.1")
    way = one.partition("steps-way")[2].partition("</ol>")[0]
    assert way.index("/usr/bin/other") < way.index("/usr/lib/liba.so.1")
    assert "is what CMD starts" in way
    assert "Nothing that is started names" in await page(at, f"images/{digest}/minimality?tab=files&file=/bin/mount")


async def test_images_of_before_are_still_shown_without_single_files(at: Desk) -> None:
    digest = await analysed(at)
    objects = at.services.objects
    (kept,) = [each.key for each in objects.list("reach-files/")]
    objects.delete([kept])
    assert "Single files are not known" in await page(at, f"images/{digest}/minimality?tab=files")
    assert "folded" in await page(at, f"images/{digest}/minimality?tab=ways")
    told = (await answered(at, f"images/{digest}/minimality?data=tiles")).json()
    assert not [tile for kind in told["tiles"] for tile in kind["tiles"] if "more" in tile]
    await page(at, f"images/{digest}/minimality?data=files&folder=/", 404)


async def test_what_is_kept_of_files_goes_with_the_image(at: Desk) -> None:
    long_ago = -3600.0 * 24 * 365 * 10
    digest = await analysed(at)
    kept = [each.key for room in ("reach-files/", "folders/") for each in at.services.objects.list(room)]
    assert len(kept) == 2
    await sweep_objects(at.services, long_ago)
    assert all(at.services.objects.head(key) for key in kept)
    await at.ask("DELETE", f"/images/{digest}")
    async with at.services.database.system() as connection:
        await connection.execute("UPDATE image SET added_at = now() - interval '2 hours'")
    await retain(at.services)
    await sweep_objects(at.services, long_ago)
    assert not any(at.services.objects.head(key) for key in kept)
