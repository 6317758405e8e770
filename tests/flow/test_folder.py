"""A folder as root file system: the same as the image that it was unpacked from, and nothing outside of it."""

from __future__ import annotations

import io
import os
import shutil
import socket
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import corpus
from tests.support.program import Program, program_in
from tests.support.shop import OS_RELEASE, PACKAGES, layers, shop_layout, stanza

Document = dict[str, Any]


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


def unpacked(folder: Path) -> Path:
    """The shop's layers applied one after the other, as a container runtime does it."""
    for body in layers():
        with tarfile.open(fileobj=io.BytesIO(body)) as layer:
            for member in layer.getmembers():
                place = folder / member.name
                if place.name.startswith(".wh."):
                    place.with_name(place.name.removeprefix(".wh.")).unlink()
                    continue
                place.parent.mkdir(parents=True, exist_ok=True)
                if not place.is_dir():
                    place.unlink(missing_ok=True)
                layer.extract(member, folder, filter="fully_trusted")
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a distribution and one package."""
    folder = tmp_path / "root"
    (folder / "etc").mkdir(parents=True)
    (folder / "etc" / "os-release").write_bytes(OS_RELEASE)
    (folder / "var" / "lib" / "dpkg").mkdir(parents=True)
    (folder / "var" / "lib" / "dpkg" / "status").write_bytes(stanza("good", "1.0-1"))
    return folder


def scan(hullmark: Program, reference: str | Path, *options: str) -> Document:
    document: Document = hullmark("scan", "-o", "json", *options, reference, seconds=20).document
    return document


def names(document: Document) -> list[tuple[str, str, str]]:
    return [(package["type"], package["name"], package["version"]) for package in document["packages"]]


def without_layers(packages: list[Document]) -> list[Document]:
    return [
        {
            **package,
            "locations": [place["path"] for place in package["locations"]],
            "license_evidence": [{**told, "layer": None} for told in package["license_evidence"]],
        }
        for package in packages
    ]


def test_a_folder_has_the_packages_of_the_image_that_was_unpacked_into_it(hullmark: Program, tmp_path: Path) -> None:
    folder = unpacked(tmp_path / "root")
    image, found = scan(hullmark, shop_layout(tmp_path / "shop")), scan(hullmark, f"dir:{folder}")
    assert names(found) == PACKAGES
    assert without_layers(found["packages"]) == without_layers(image["packages"])
    assert (found["distro"], found["problems"]) == (image["distro"], [])
    assert found["source"] == {
        "kind": "dir",
        "reference": f"dir:{folder}",
        "digest": "",
        "config_digest": "",
        "platform": "",
        "layers": found["source"]["layers"],
    }
    assert len(found["source"]["layers"]) == 1


def test_its_files_have_the_same_owners_and_states(hullmark: Program, tmp_path: Path) -> None:
    folder, image = unpacked(tmp_path / "root"), shop_layout(tmp_path / "shop")

    def told(reference: str | Path) -> dict[str, tuple[object, ...]]:
        keys = ("type", "size", "sha256", "owner", "state")
        files = scan(hullmark, reference, "--files")["files"]
        return {file["path"]: tuple(file[key] for key in keys) for file in files}

    found, expected = told(folder), told(image)
    assert {path: found[path] for path in expected} == expected
    # Folders that no layer lists are made when it is unpacked.
    assert {found[path][0] for path in set(found) - set(expected)} == {"dir"}


@pytest.mark.parametrize("name", [pytest.param("nginx", marks=pytest.mark.slow), "rpm-image", "apk-image"])
def test_a_real_image_is_the_same_when_another_tool_unpacked_it(hullmark: Program, tmp_path: Path, name: str) -> None:
    layout = corpus("oci", name)
    if shutil.which("umoci") is None or os.geteuid() != 0:
        pytest.skip("umoci as root is needed")
    folder = tmp_path / "root"
    unpack = ["umoci", "raw", "unpack", "--image", f"{layout}:latest", str(folder)]
    subprocess.run(unpack, check=True, capture_output=True, timeout=120)
    image, found = scan(hullmark, f"oci-dir:{layout}", "--files"), scan(hullmark, folder, "--files")
    assert without_layers(found["packages"]) == without_layers(image["packages"])
    assert found["distro"] == image["distro"]
    keys = ("type", "mode", "uid", "gid", "size", "sha256", "link", "owner", "state")
    there = {file["path"]: [file[key] for key in keys] for file in found["files"]}
    listed = {file["path"]: [file[key] for key in keys] for file in image["files"]}
    for each in (there, listed):
        for path, facts in each.items():
            if facts[0] == "file":
                each[path] = [*facts[:6], "", *facts[7:]]  # only a layer knows which name of a hard link came first
    assert there == listed


def test_a_bare_path_is_a_folder_too(hullmark: Program, root: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("root")
    for reference in (root, f"{root}/", tmp_path / "link", f"dir:{tmp_path}/link"):
        assert names(scan(hullmark, reference)) == [("deb", "good", "1.0-1")]


def test_links_lead_nowhere_outside(hullmark: Program, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "status").write_bytes(stanza("foreign", "6.6"))
    (outside / "package.json").write_text('{"name": "foreign", "version": "6.6.6"}')
    (root / "srv").symlink_to(outside)
    (root / "var" / "lib" / "apk").symlink_to("../../../outside")
    shutil.rmtree(root / "var" / "lib" / "dpkg")
    (root / "var" / "lib" / "dpkg").symlink_to(outside)
    (root / "etc" / "os-release").unlink()
    (root / "etc" / "os-release").symlink_to("/etc/os-release")
    document = scan(hullmark, root, "--files")
    assert (document["packages"], document["distro"]) == ([], None)
    assert {file["path"]: file["link"] for file in document["files"] if file["type"] == "symlink"} == {
        "/etc/os-release": "/etc/os-release",
        "/srv": str(outside),
        "/var/lib/apk": "../../../outside",
        "/var/lib/dpkg": str(outside),
    }


def test_a_link_is_read_as_a_container_would(hullmark: Program, root: Path) -> None:
    (root / "usr" / "lib").mkdir(parents=True)
    (root / "etc" / "os-release").rename(root / "usr" / "lib" / "os-release")
    (root / "etc" / "os-release").symlink_to("/usr/lib/os-release")
    assert scan(hullmark, root)["distro"]["pretty_name"] == "Debian GNU/Linux 13 (trixie)"


def test_pipes_sockets_and_devices_are_not_waited_for(hullmark: Program, root: Path) -> None:
    (root / "srv" / "node_modules" / "a").mkdir(parents=True)
    os.mkfifo(root / "srv" / "node_modules" / "a" / "package.json")
    (root / "var" / "lib" / "rpm").mkdir()
    os.mkfifo(root / "var" / "lib" / "rpm" / "rpmdb.sqlite")
    (root / "srv" / "pipe").symlink_to("node_modules/a/package.json")
    with socket.socket(socket.AF_UNIX) as listening:
        place = Path.cwd()
        os.chdir(root)  # the address of a socket is short
        try:
            listening.bind("srv/socket")
        finally:
            os.chdir(place)
        if os.geteuid() == 0:
            os.mknod(root / "srv" / "package.json", 0o20666, os.makedev(1, 5))  # /dev/zero
        document = scan(hullmark, root, "--files")
    assert names(document) == [("deb", "good", "1.0-1")]
    types = {file["path"]: file["type"] for file in document["files"]}
    assert types["/srv/node_modules/a/package.json"] == types["/var/lib/rpm/rpmdb.sqlite"] == "fifo"
    assert "/srv/socket" not in types
    assert types.get("/srv/package.json", "char") == "char"


def test_names_may_be_any_bytes(hullmark: Program, root: Path) -> None:
    names_ = (b"latin-\xe9", b"new\nline", b"\x1b[31mred", "ü".encode(), b"-rf", b"back\\slash", b".wh", b"a" * 255)
    for name in names_:
        (root / os.fsdecode(name)).write_bytes(name)
    document = scan(hullmark, root, "--files")
    sizes = {file["path"]: file["size"] for file in document["files"]}
    assert [sizes["/" + name.decode("utf-8", "backslashreplace")] for name in names_] == [len(name) for name in names_]
    assert "\x1b" not in hullmark("files", root).text


def test_what_cannot_be_read_is_told_and_the_rest_is_read(hullmark: Program, root: Path) -> None:
    secret, folder = root / "etc" / "secret", root / "srv"
    secret.write_bytes(b"secret")
    folder.mkdir()
    (folder / "below").write_bytes(b"x")
    secret.chmod(0)
    folder.chmod(0)
    ran = hullmark.powerless("scan", "-o", "json", "--files", root)
    folder.chmod(0o700)
    document = ran.document
    assert names(document) == [("deb", "good", "1.0-1")]
    assert [(problem["path"], problem["reason"].split(":")[0]) for problem in document["problems"]] == [
        ("/etc/secret", "cannot be read"),
        ("/srv", "the folder cannot be read"),
    ]
    [told] = [file for file in document["files"] if file["path"] == "/etc/secret"]
    assert (told["size"], told["sha256"], told["mode"]) == (6, "", 0)


def test_an_unreadable_database_is_no_empty_one(hullmark: Program, root: Path) -> None:
    (root / "var" / "lib" / "dpkg" / "status").chmod(0)
    document = hullmark.powerless("scan", "-o", "json", root).document
    assert document["packages"] == []
    assert "/var/lib/dpkg/status" in [problem["path"] for problem in document["problems"]]


def test_a_folder_that_cannot_be_read_is_refused(hullmark: Program, root: Path) -> None:
    root.chmod(0)
    ran = hullmark.powerless("scan", root)
    root.chmod(0o700)
    assert "Permission denied" in ran.refusal[0]
    assert "Not a directory" in hullmark("scan", f"dir:{root}/etc/os-release").refusal[0]


def test_a_file_that_claims_more_than_the_disk_holds_costs_no_time(hullmark: Program, root: Path) -> None:
    for name in ("hole", "package.json"):
        with (root / name).open("wb") as file:
            file.truncate(1 << 42)
    document = hullmark.bounded(
        "scan", "-o", "json", "--files", root, seconds=20, memory=1 << 30, is_started=True
    ).document
    told = {file["path"]: (file["size"], file["sha256"]) for file in document["files"]}
    assert told["/hole"] == (1 << 42, "")
    assert names(document) == [("deb", "good", "1.0-1")]


def test_folders_may_be_very_deep(hullmark: Program, root: Path) -> None:
    deepest = os.open(root, os.O_RDONLY)
    try:
        for _ in range(3000):
            os.mkdir("d", dir_fd=deepest)
            below = os.open("d", os.O_RDONLY, dir_fd=deepest)
            os.close(deepest)
            deepest = below
        document = scan(hullmark, root)
        assert names(document) == [("deb", "good", "1.0-1")]
        assert document["problems"] != []
    finally:
        os.close(deepest)
        subprocess.run(["rm", "-rf", str(root)], check=True)


def test_nothing_is_written_into_the_folder(hullmark: Program, root: Path) -> None:
    before = sorted(root.rglob("*"))
    hullmark("scan", "--files", root)
    assert sorted(root.rglob("*")) == before
    assert not (hullmark.home / ".cache").exists()


def test_a_hard_link_is_another_name_of_a_file(hullmark: Program, root: Path) -> None:
    (root / "opt").mkdir()
    shutil.copy("/bin/true", root / "opt" / "a")
    for name in ("b", "c"):
        os.link(root / "opt" / "a", root / "opt" / name)
    (root / "opt" / "d").symlink_to("a")
    document = scan(hullmark, root, "--files")
    size = (root / "opt" / "a").stat().st_size
    assert (document["unexplained"]["executables"], document["unexplained"]["bytes"]) == (1, size)
    files = {file["path"]: file for file in document["files"]}
    assert [files[f"/opt/{name}"]["link"] for name in "abcd"] == ["", "opt/a", "opt/a", "a"]
    assert {(files[f"/opt/{name}"]["sha256"], files[f"/opt/{name}"]["size"]) for name in "abc"} == {
        (files["/opt/a"]["sha256"], size)
    }


def test_a_file_that_is_wanted_by_another_of_its_names_only_is_read(hullmark: Program, root: Path) -> None:
    (root / "a" / "store").mkdir(parents=True)
    (root / "srv" / "node_modules" / "x").mkdir(parents=True)
    (root / "a" / "store" / "01").write_text('{"name": "x", "version": "1.2.3"}')
    os.link(root / "a" / "store" / "01", root / "srv" / "node_modules" / "x" / "package.json")
    with (root / "a" / "store" / "02").open("wb") as large:
        large.seek(200 << 20)
        large.write(b"x")
    os.link(root / "a" / "store" / "02", root / "srv" / "package-lock.json")
    document = scan(hullmark, root)
    assert ("npm", "x", "1.2.3") in [
        (package["type"], package["name"], package["version"]) for package in document["packages"]
    ]
    assert [(problem["path"], problem["kind"]) for problem in document["problems"]] == [
        ("/srv/package-lock.json", "unseen")
    ]
