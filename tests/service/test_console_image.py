"""The console's pages of images: their tabs, what they are compared with, verdicts of the history, and messages."""

from __future__ import annotations

import csv
import io
import json
import re
from html import unescape
from typing import Any

import pytest
from httpx import Response

from hullmark.server.console.pages.image import TABS
from hullmark.server.stories.images.file_tree import FileTree, ListedFile
from tests.service.test_transitions import OTHER
from tests.service.test_verdicts import LIBC, NO_HIGH, kept
from tests.support.desk import PASSWORD, Desk, status_file
from tests.support.desk_copies import furnished_by
from tests.support.images import tar_of

pytestmark = pytest.mark.anyio

SITE = "usr/lib/python3/site-packages"
HOSTILE = "<script>alert(1)</script>"
ODD = "<img src=x onerror=alert(1)>"
FILES = {
    **status_file(("libc6", "2.41-12")),
    f"{SITE}/Jinja2-2.10.dist-info/METADATA": b"Metadata-Version: 2.1\nName: Jinja2\nVersion: 2.10\nLicense: BSD-3-Clause\n",
    f"{SITE}/Flask-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: Flask\nVersion: 1.0\nRequires-Dist: Jinja2\nLicense: BSD\n",
    "etc/redis/redis.conf": b"port 6379\nrequirepass verysecretword\n",
    f"srv/{ODD}": b"x",
    "root/.ssh/id_rsa": b"-----BEGIN OPENSSH PRIVATE KEY-----\n"
    + b"b3BlbnNzaC1rZXktdjEAAAAABG5vbmU=\n" * 8
    + b"-----END OPENSSH PRIVATE KEY-----\n",
}


async def looked_at(at: Desk, path: str, status: int = 200) -> Response:
    answer = await at.client.get(f"/console/admin/{path}", auth=("admin", PASSWORD))
    assert answer.status_code == status, answer.text
    return answer


async def words(at: Desk, path: str, status: int = 200) -> str:
    """What a page says in its main part."""
    text = (await looked_at(at, path, status)).text
    assert HOSTILE not in text
    assert ODD not in text
    assert " style=" not in text
    main = text.partition("<main")[2].partition("</main>")[0]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main.replace("<wbr>", ""))).split())


async def held(at: Desk, files: dict[str, bytes] = FILES, tag: str = "1.0") -> str:
    """An image that is judged; its digest."""
    digest = at.push(tag, files, Env=["PATH=/bin", f"TITLE={HOSTILE}"], Labels={"title": HOSTILE}, User="0")
    await at.advise(OTHER, LIBC)
    await kept(at, NO_HIGH)
    await at.add(tag)
    await at.work()
    return digest


@furnished_by(held)
async def test_every_tab_of_an_image_says_what_it_is_about(at: Desk) -> None:
    digest = at.found
    said = {tab.key: await words(at, f"images/{digest}?tab={tab.key}") for tab in TABS}
    assert "stop no-high" in said["verdicts"] or "no-high" in said["verdicts"]
    assert "at /var/lib/dpkg/status, in layer 0" in said["verdicts"]
    assert "CVE-2026-1" in said["vulnerabilities"]
    assert "jinja2 2.10 pypi BSD-3-Clause" in said["packages"]
    assert "var/" in said["files"]
    assert "Unpacked" in said["layers"]
    assert "redis.port" in said["settings"] or "6379" in said["settings"]
    assert f"TITLE={HOSTILE}" in said["settings"]
    assert "BSD-3-Clause 1" in said["licences"]
    assert "private key" in said["secrets"]
    assert "It runs nowhere" in said["places"]
    assert at.reference("1.0") in said["lineage"]
    assert "This server signs no verdicts" in said["signatures"]
    assert "image analysed" in said["history"]
    assert all(at.reference("1.0") in page for page in said.values())


@furnished_by(held)
async def test_a_package_says_who_needs_it(at: Desk) -> None:
    digest = at.found
    page = await words(at, f"images/{digest}?tab=packages&purl=pkg:pypi/jinja2@2.10")
    assert "Needed by 1 pkg:pypi/flask@1.0" in page
    assert "No other package needs it" in await words(at, f"images/{digest}?tab=packages&purl=pkg:pypi/flask@1.0")
    assert "There is no package" in await words(at, f"images/{digest}?tab=packages&purl=pkg:pypi/none@1", 404)
    found = await words(at, f"images/{digest}?tab=packages&q=jin&type=pypi")
    assert "jinja2" in found
    assert "flask" not in found


@furnished_by(held)
async def test_folders_are_opened_files_are_found_and_their_content_is_masked(at: Desk) -> None:
    digest = at.found
    top = await looked_at(at, f"images/{digest}?tab=files")
    assert "tab=files&amp;folder=/etc" in top.text
    assert "redis.conf" in await words(at, f"images/{digest}?tab=files&folder=/etc/redis")
    assert ODD in await words(at, f"images/{digest}?tab=files&folder=/srv/")
    found = await words(at, f"images/{digest}?tab=files&q=REDIS")
    assert "/etc/redis/redis.conf" in found
    assert "METADATA" not in found
    text = (await looked_at(at, f"images/{digest}?tab=files&file=/etc/redis/redis.conf")).text
    assert "port 6379\nrequirepass ****" in text
    assert "verysecretword" not in text
    assert "There is no such file" in await words(at, f"images/{digest}?tab=files&file=/etc/none")
    assert "No file fits" in await words(at, f"images/{digest}?tab=files&folder=/../../none")


@furnished_by(held)
async def test_tables_of_tabs_are_exported_whole(at: Desk) -> None:
    digest = at.found
    for tab, table in (("packages", "packages"), ("verdicts", "findings"), ("files", "files"), ("history", "history")):
        answer = await looked_at(at, f"images/{digest}?tab={tab}&export=json&table={table}&q=")
        rows = json.loads(answer.text)
        assert rows, tab
        assert "attachment" in answer.headers["content-disposition"]
    answer = await looked_at(at, f"images/{digest}?tab=packages&export=csv")
    names = [row["name"] for row in csv.DictReader(io.StringIO(answer.text))]
    assert names == ["libc6", "flask", "jinja2"]


@furnished_by(held)
async def test_images_are_found_by_name_verdict_and_the_beginning_of_a_digest(at: Desk) -> None:
    digest = at.found
    reference = at.reference("1.0")
    for query in ("", "?q=shop", "?verdict=stop", "?state=analysed", "?q=SHOP&verdict=stop"):
        assert reference in await words(at, f"images{query}"), query
    for query in ("?q=elsewhere", "?verdict=go", "?state=failed"):
        assert "No image fits." in await words(at, f"images{query}"), query
    answer = await looked_at(at, f"images?q={digest[7:20]}", 303)
    assert answer.headers["location"] == f"/console/admin/images/{digest}"


@furnished_by(held)
async def test_two_images_are_compared(at: Desk) -> None:
    before = at.found
    after = at.push("2.0", {**FILES, **status_file(("libc6", "2.41-13")), "new": b"xyz"}, User="1000")
    await at.add("2.0")
    await at.work()
    path = f"diff?before={before}&after={after}"
    assert "later debian/libc6 deb 2.41-12 2.41-13" in await words(at, path)
    assert "User 0 1000" in await words(at, f"{path}&tab=settings")
    assert "came /new" in await words(at, f"{path}&tab=files")
    assert "Only before 1" in await words(at, f"{path}&tab=layers")
    assert "Vulnerabilities" in await words(at, f"{path}&tab=vulnerabilities")
    assert "Which two?" in await words(at, f"diff?before={before}")
    assert "There is no image" in await words(at, f"diff?before={before}&after=sha256:{'0' * 64}", 404)


async def test_images_that_begin_with_the_same_layers_are_found(at: Desk) -> None:
    files = [tar_of({name: name.encode()}) for name in ("base", "middle", "top", "other")]
    kinds = {
        "base": files[:1],
        "this": files[:2],
        "child": files[:3],
        "beside": [files[0], files[3]],
        "none": files[1:3],
    }
    digests = {}
    for tag, layers in kinds.items():
        digests[tag] = at.registry.tags[tag] = str(at.registry.blobs.image(layers)["digest"])
        await at.add(tag)
    await at.work()
    page = await words(at, f"images/{digests['this']}?tab=lineage")
    relatives = page.partition("Images that begin with the same layers")[2].partition("Other images")[0]
    names = {tag: at.reference(tag) for tag in kinds}
    assert f"{names['child']} compare 2 3 it is built on this image" in relatives
    assert f"{names['base']} compare 1 1 this image is built on it" in relatives
    assert f"{names['beside']} compare 1 2 built on the same" in relatives
    assert names["none"] not in relatives
    assert relatives.index(names["child"]) < relatives.index(names["base"])


@furnished_by(held)
async def test_a_verdict_of_the_history_is_shown_as_it_was(at: Desk) -> None:
    (verdict,) = (await at.get(f"/images/{at.registry.tags['1.0']}/history"))["items"]
    page = await words(at, f"history/{verdict['id']}")
    assert f"Verdict on {at.reference('1.0')}" in page
    assert "This verdict is in force." in page
    assert verdict["policy_digest"] in page
    assert "There is no verdict 999." in await words(at, "history/999", 404)
    assert "There is no message 999." in await words(at, "messages/999", 404)


async def test_an_image_that_is_not_analysed_says_so(at: Desk) -> None:
    digest = at.push("1.0", FILES)
    await at.add("1.0")
    assert "Not analysed yet" in await words(at, f"images/{digest}?tab=files")
    assert "No verdict yet" in await words(at, f"images/{digest}")


@furnished_by(held)
async def test_who_may_not_see_verdicts_is_shown_no_tab_of_them(at: Desk) -> None:
    digest = at.found
    key = (await at.post("/keys", {"name": "narrow", "role": "viewer", "scopes": ["images:read"]}))["key"]
    bearer = {"authorization": f"Bearer {key}"}
    page = await at.client.get(f"/console/admin/images/{digest}", headers=bearer)
    assert (page.status_code, "tab=vulnerabilities" in page.text, "tab=verdicts" in page.text) == (200, True, False)
    assert (await at.client.get(f"/console/admin/images/{digest}?tab=history", headers=bearer)).status_code == 403
    assert (await at.client.get("/console/admin/history/1", headers=bearer)).status_code == 403


@furnished_by(held)
async def test_another_account_finds_nothing_of_it(at: Desk) -> None:
    digest = at.found
    await at.post("/accounts", {"name": "others"})
    for path in (f"images/{digest}", "history/1", "messages/1", f"diff?before={digest}&after={digest}"):
        answer = await at.client.get(f"/console/others/{path}", auth=("admin", PASSWORD))
        assert answer.status_code == 404, path


def listed(path: str, size: int = 1, **more: object) -> ListedFile:
    values = {"type": "file", "mode": 0o644, "link": "", "layer": 0, "owner": None, "state": "ok", "sha256": "", **more}
    return ListedFile(path=path, size=size, **values)  # type: ignore[arg-type]


def test_a_folder_knows_what_is_below_it_and_names_that_begin_alike_are_kept_apart() -> None:
    tree = FileTree(
        [
            listed("/usr/lib", type="dir"),
            listed("/usr/lib/a", 10),
            listed("/usr/lib/b/c", 20),
            listed("/usr/lib-old/d", 40),
            listed("/usr/lib0"),
            listed("/var", type="dir"),
        ]
    )
    folders, files = tree.of_folder("/")
    assert [(folder.name, folder.files, folder.size) for folder in folders] == [("usr", 5, 72), ("var", 0, 0)]
    assert files == []
    folders, files = tree.of_folder("/usr")
    assert {folder.name: (folder.files, folder.size) for folder in folders} == {"lib": (2, 30), "lib-old": (1, 40)}
    assert [file.path for file in files] == ["/usr/lib0"]
    folders, files = tree.of_folder("/usr/lib")
    assert ([folder.name for folder in folders], [file.path for file in files]) == (["b"], ["/usr/lib/a"])
    assert tree.of_folder("/none") == ([], [])


def test_a_folder_of_a_hundred_thousand_files_is_read_without_reading_them_all() -> None:
    read = 0

    class Counted(list[str]):
        def __getitem__(self, at: Any) -> Any:
            nonlocal read
            read += 1
            return super().__getitem__(at)

    tree = FileTree([listed(f"/usr/share/{n % 100:03}/{n:06}") for n in range(100_000)])
    tree._paths = Counted(tree._paths)
    folders, _ = tree.of_folder("/usr/share")
    assert len(folders) == 100
    assert read < 10_000
