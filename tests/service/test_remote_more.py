"""The command line as a client: advisories, what holds them, exports and bills of materials, against one running server."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hullmark.advisories.database.shelf import Shelf
from hullmark.app.advisories import open_snapshot
from hullmark.cli.remote.export import KINDS
from tests.support.images import Blobs, docker_files, tar_of, write_docker_archive
from tests.support.places import REPOSITORY
from tests.support.processes import place, until
from tests.support.program import Program, Ran, program_in
from tests.support.registry import FakeRegistry, cutting_proxy
from tests.support.server import Running, running_server

SITE = "usr/lib/python3/site-packages"
METADATA = b"Metadata-Version: 2.1\nName: %s\nVersion: %s\n"
JINJA = "GHSA-462w-v97r-4m45"
MANY = 400


@dataclass(frozen=True)
class World:
    """A server with one image, and the program that asks it. `snapshot` is a file of advisories."""

    server: Running
    program: Program
    folder: Path
    snapshot: Path
    digest: str = ""

    def __call__(self, *words: str, **variables: str) -> Ran:
        """Run `hullmark` as the server's first person, unless the variables say otherwise."""
        environment = {**self.server.environment(), **variables}
        return self.program(*words, env={name: value for name, value in environment.items() if value}, seconds=120)

    def json(self, *words: str) -> Any:
        """What a run says with -o json."""
        return self(*words, "-o", "json").document

    def lines(self, *words: str, **variables: str) -> list[Any]:
        """What an export writes."""
        ran = self("export", *words, **variables)
        assert (ran.status, ran.err) == (0, "")
        return [json.loads(line) for line in ran.out.splitlines()]


def image_with_packages() -> bytes:
    """A layer with Jinja2, a scoped package of npm, and many more."""
    names = [(b"Jinja2", b"2.10"), *((b"more%d" % number, b"1.%d" % number) for number in range(MANY))]
    files = {f"{SITE}/{n.decode()}-{v.decode()}.dist-info/METADATA": METADATA % (n, v) for n, v in names}
    files["app/node_modules/@babel/core/package.json"] = b'{"name": "@babel/core", "version": "7.0.0"}'
    return tar_of({"etc/os-release": b"ID=debian\nVERSION_ID=13\n", **files})


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(place("hm-more-"))
        server = stack.enter_context(running_server(HULLMARK_FEEDS=str(folder / "feeds"), HULLMARK_FEEDS_EVERY="86400"))
        stored = stack.enter_context(
            open_snapshot(Shelf(folder / "none"), None, REPOSITORY / "examples" / "advisories")
        )
        made = World(server, program_in(folder / "run"), folder, Path(stored.path))
        archive = write_docker_archive(folder / "image.tar", [docker_files(["shop:1"], [image_with_packages()])])
        ran = made("image", "upload", str(archive), "--reference", "shop.example/team/shop:1", "--wait", "-o", "json")
        ran = made("advisories", "send", str(made.snapshot), "--wait") if ran.status == 0 else ran
        assert ran.status == 0, ran.err
        (image,) = made.json("image", "list")
        server.client.must(
            "PUT", f"/api/v1/images/{image['digest']}/deployments", {"environment": "live", "place": "x"}
        )
        yield World(server, made.program, folder, made.snapshot, image["digest"])


def test_what_is_sent_in_counts_and_is_told_of(world: World) -> None:
    told = world.json("advisories", "status")
    assert (told["rematching"], told["kept"][0]["digest"]) == (0, told["digest"])
    table = world("advisories", "status").text
    assert told["digest"] in table
    assert all(namespace["namespace"] in table for namespace in told["namespaces"])
    again = world("advisories", "send", str(world.snapshot))
    assert (again.status, again.text) == (0, f"taken: {told['digest']}\n")
    assert world.json("advisories", "send", str(world.snapshot), "--wait")["digest"] == told["digest"]


def test_what_is_no_snapshot_is_refused(world: World) -> None:
    broken = world.folder / "broken"
    broken.write_bytes(b"SQLite format 3\0 and no more")
    assert world("advisories", "send", str(broken)).refusal[1]
    assert "is not a file" in world("advisories", "send", "nothing.db").refusal[0]
    assert world.json("advisories", "status")["digest"]


def test_an_update_is_waited_for_and_its_failure_is_told(world: World) -> None:
    (world.folder / "feeds").mkdir(exist_ok=True)
    ran = world("advisories", "update", "--wait", "--timeout", "100")
    told = world.json("advisories", "status")
    assert told["feeds"] == str(world.folder / "feeds")
    assert told["last_update"]["ended_at"] is not None
    # An empty folder has nothing of any feed: nothing was taken, and what counted counts on.
    assert (ran.status == 0) == (told["last_update"]["reason"] == "")
    assert told["digest"] != ""
    assert world("advisories", "update", "--anew").text in ("an update asked for\n", "an update is waiting already\n")
    until(
        lambda: not any("update_advisories" in name for name in world.json("system", "status")["jobs"]), 60, "its end"
    )


def test_only_operators_change_advisories(world: World) -> None:
    assert world("account", "add", "team").status == 0
    key = world("key", "add", "reader", "--role", "viewer", "--account", "team").text.strip()
    nobody = {"HULLMARK_API_KEY": key, "HULLMARK_USER": "", "HULLMARK_PASSWORD": ""}
    assert world("advisories", "status", **nobody).status == 0
    for words in (("send", str(world.snapshot)), ("update",)):
        assert "permission" in world("advisories", *words, **nobody).refusal[0]


def test_images_are_found_by_what_they_hold(world: World) -> None:
    def found(*words: str) -> list[Any]:
        return [each["digest"] for each in world.json("image", "list", *words)]

    (holder,) = world.json("image", "list", "--advisory", JINJA)
    assert (holder["digest"], holder["references"]) == (world.digest, ["shop.example/team/shop:1"])
    assert holder["packages"] == ["pkg:pypi/jinja2@2.10"]
    assert "pkg:pypi/jinja2@2.10" in world("image", "list", "--advisory", JINJA).text
    assert found("--advisory", "CVE-1999-0001") == []
    name = world.json("image", "packages", world.digest, "--limit", "1", "--type", "pypi")[0]["name"]
    assert found("--package", name) == [world.digest]
    assert found("--package", "more7@1.7") == [world.digest]
    assert found("--package", "more7@1.8") == []
    assert found("--package", "@babel/core") == found("--package", "@babel/core@7.0.0") == [world.digest]
    assert world("image", "list", "--package", "@babel/core@8").text == "no image\n"
    for words in (("--package", "a"), ("--state", "failed")):
        assert "each stand alone" in world("image", "list", "--advisory", JINJA, *words).refusal[0]


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_has_everything_and_goes_on_behind_a_cursor(world: World, kind: str) -> None:
    whole = world.lines(kind)
    cursors = [each["cursor"] for each in whole]
    assert len(set(cursors)) == len(cursors)
    if kind not in ("verdicts", "history", "transitions"):  # no policy is in force here
        assert whole != []
    if whole:
        middle = len(whole) // 2
        assert world.lines(kind, "--after", cursors[middle])[: len(whole) - middle - 1] == whole[middle + 1 :]


def test_an_export_through_a_line_that_breaks_is_whole(world: World) -> None:
    whole = world.lines("packages")
    assert len(whole) == MANY + 2
    host, _, port = world.server.url.removeprefix("http://").partition(":")
    with cutting_proxy(host, int(port), after=20_000, times=3) as proxy:
        assert world.lines("packages", HULLMARK_SERVER=f"http://{host}:{proxy.port}") == whole
        assert proxy.left == 0


def test_an_export_into_a_file_is_added_to_behind_a_cursor(world: World) -> None:
    file = world.folder / "packages.ndjson"
    file.write_text("of before\n")
    assert world("export", "packages", str(file)).out == b""
    whole = file.read_bytes()
    some = whole.splitlines(keepends=True)[:100]
    file.write_bytes(b"".join(some))
    assert world("export", "packages", str(file), "--after", json.loads(some[-1])["cursor"]).status == 0
    assert file.read_bytes() == whole


def test_what_cannot_be_exported_is_refused(world: World) -> None:
    assert "there is no kind 'persons'" in world("export", "persons").refusal[0]
    assert "the cursor is not from this list" in world("export", "images", "--after", "nonsense").refusal[0]
    what, advice = world("export", "images", str(world.folder / "none" / "file")).refusal
    assert ("cannot write" in what, advice) == (True, "check path, rights and space")
    full = world("export", "images", "/dev/full") if os.path.exists("/dev/full") else None  # noqa: PTH110
    assert full is None or "No space left" in full.refusal[0]


def test_a_bill_of_materials_becomes_an_image(world: World) -> None:
    file = world.folder / "bill.json"
    assert world("image", "sbom", world.digest, "-o", f"cyclonedx-json={file}").status == 0
    name = "shop.example/team/told:1"
    assert world("image", "sbom", str(file), "--reference", name).text.startswith(f"{name} is analysed: sha256:")
    added = world.json("image", "sbom", str(file), "--reference", name)
    assert (added["state"], added["is_new"], added["tag"]) == ("analysed", False, name)
    assert world.json("image", "show", name)["kind"] == "sbom"
    assert len(world.json("image", "packages", name)) == MANY + 2
    assert "send the SBOM again" in world("image", "analyse", name).refusal[1]
    file.write_text("no bill at all")
    assert world("image", "sbom", str(file), "--reference", name).refusal[1]
    assert "is not a file" in world("image", "sbom", "none.json", "--reference", name).refusal[0]
    assert "are written" in world("image", "sbom", str(file), "--reference", name, "-o", "purls").refusal[0]


def test_an_image_that_cannot_be_read_again_is_what_it_was(world: World) -> None:
    with FakeRegistry(blobs=Blobs()).running() as registry:
        descriptor = registry.blobs.image([tar_of({"etc/os-release": b"ID=debian\nVERSION_ID=13\n"})])
        digest = registry.tags["1"] = str(descriptor["digest"])
        name = f"{registry.host}/{registry.repository}:1"
        ran = world("image", "add", name, "--wait")
        assert (ran.status, ran.err) == (0, "")
        del registry.blobs.held[digest]
        assert world("image", "analyse", name).status == 0
        ran = world("image", "wait", name)
    assert (ran.status, "analysed" in ran.text) == (0, True)
    assert ran.err.startswith(f"{digest}: an earlier analysis is kept: ")
    assert world.json("image", "show", name)["reason"] in ran.err


def test_an_upload_is_analysed_again_by_sending_it_again(world: World) -> None:
    what, advice = world("image", "analyse", world.digest).refusal
    assert "is gone" in what
    assert "hullmark image upload" in advice
