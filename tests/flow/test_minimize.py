"""`hullmark minimize`: what of an image is reached, and what is left of it."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.support.dynamic import dynamic_elf
from tests.support.images import Blobs, tagged, tar_of, write_layout
from tests.support.machine_elf import machine_elf
from tests.support.places import REPOSITORY
from tests.support.program import Program, program_in
from tests.unit.catalog.relations.test_systems import stanza

LD = "lib64/ld.so"


def program(*needed: str) -> bytes:
    return dynamic_elf((*needed, "libc.so.6"), interpreter=f"/{LD}")


FILES = {
    "etc/os-release": b"ID=debian\nVERSION_ID=13\n",
    "var/lib/dpkg/status": (
        stanza("shop", Depends="lib, doc") + stanza("lib") + stanza("doc") + stanza("mount")
    ).encode(),
    "var/lib/dpkg/info/lib.list": b"/usr/lib/liba.so.1\n",
    "var/lib/dpkg/info/shop.list": b"/usr/bin/shop\n/usr/bin/other\n",
    "var/lib/dpkg/info/doc.list": b"/usr/share/doc.txt\n",
    "var/lib/dpkg/info/mount.list": b"/bin/mount\n",
    LD: dynamic_elf(soname="ld.so"),
    "usr/lib/libc.so.6": dynamic_elf(soname="libc.so.6"),
    "usr/lib/liba.so.1": dynamic_elf(soname="liba.so.1"),
    "usr/bin/shop": program("liba.so.1"),
    "bin/mount": program(),
    "usr/share/doc.txt": b"read me",
}


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


def tar_of_programs(files: dict[str, bytes]) -> bytes:
    """A tar of files that may be run, with a link and an empty folder."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(body), 0o755
            tar.addfile(info, io.BytesIO(body))
        for name, kind, target in (("usr/bin/other", tarfile.LNKTYPE, "usr/bin/shop"), ("spool", tarfile.DIRTYPE, "")):
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.mode = kind, target, 0o1777
            tar.addfile(info)
    return out.getvalue()


@pytest.fixture
def image(tmp_path: Path) -> str:
    return image_of(tmp_path / "layout", FILES)


def image_of(layout: Path, files: dict[str, bytes], **settings: Any) -> str:
    """An image of programs, which starts one of them."""

    def config(made: dict[str, Any]) -> dict[str, Any]:
        return {**made, "config": {"Cmd": ["other", "-f"], "Env": ["A=b c"], "User": "7", **settings}}

    blobs = Blobs()
    made = blobs.image([tar_of_programs(files), tar_of_programs({})], config=config)
    return f"oci-dir:{write_layout(layout, blobs, [tagged(made, 'latest')])}"


def advisories(folder: Path, *names: str) -> Path:
    """A folder of advisories, one about each of some packages of Debian 13: CVE-2026- and how long its name is."""
    folder.mkdir(exist_ok=True)
    for name in names:
        affected = {
            "package": {"ecosystem": "Debian:13", "name": name},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
        }
        record = {"id": f"CVE-2026-{len(name)}", "modified": "2026-01-01T00:00:00Z", "affected": [affected]}
        (folder / f"{name}.json").write_text(json.dumps(record))
    return folder


def test_packages_are_reached_or_not_and_the_recipe_respects_who_needs_them(hullmark: Program, image: str) -> None:
    document = hullmark("minimize", image, "-o", "json").document
    assert document["schema"] == "hullmark-minimality/1"
    assert document["roots"] == ["CMD other -f"]
    assert {package["name"]: package["reach"] for package in document["packages"]} == {
        "shop": "reachable", "lib": "reachable", "doc": "unreachable", "mount": "unreachable",
    }  # fmt: skip
    assert document["recipe"]["purge"] == ["mount"]
    assert [each["purl"].partition("@")[0] for each in document["recipe"]["kept"]] == ["pkg:deb/debian/doc"]
    assert 'ENV A="b c"' in document["recipe"]["dockerfile"]
    assert document["vanish"] is None


def test_one_package_is_answered_for(hullmark: Program, image: str) -> None:
    told = hullmark("minimize", image, "--why", "lib", "--why", "/bin/mount", "--why", "doc").text
    assert (
        "lib@1 is reachable\n  -> /usr/bin/other: is what CMD starts\n  -> /usr/lib/liba.so.1: needs liba.so.1\n"
        in told
    )
    assert "/bin/mount is unreachable" in told
    assert "packages that say that they need it: shop@1" in told
    assert "no package or program nothing" in " ".join(hullmark("minimize", image, "--why", "nothing").refusal)


def test_vulnerabilities_vanish_with_what_is_unreachable(hullmark: Program, image: str, tmp_path: Path) -> None:
    snapshot = advisories(tmp_path / "advisories", "mount", "lib")
    document = hullmark("minimize", image, "--advisories", snapshot, "-o", "json").document
    assert document["vanish"] == ["CVE-2026-5"]
    assert [match["reach"] for match in document["matches"]] == ["reachable", "unreachable"]


def test_what_is_left_is_an_image_that_scanners_see(hullmark: Program, image: str) -> None:
    assert hullmark("minimize", image, "--emit", "small").status == 0
    left = hullmark.place / "small"
    document = hullmark("scan", f"oci-dir:{left}", "--files", "-o", "json").document
    assert [package["name"] for package in document["packages"]] == ["lib", "shop"]
    paths = {file["path"] for file in document["files"]}
    assert {"/usr/bin/other", "/usr/bin/shop", "/usr/lib/liba.so.1", "/lib64/ld.so", "/spool"} <= paths
    assert not {"/bin/mount", "/usr/share/doc.txt", "/var/lib/dpkg/info/mount.list"} & paths
    assert "usr/lib/liba.so.1\n" in (left / "files.txt").read_text()
    assert (left / "Dockerfile").read_text().endswith('USER 7\nCMD ["other", "-f"]\n')
    [layer] = [body for body in (left / "blobs" / "sha256").iterdir() if body.read_bytes().startswith(b"\x1f\x8b")]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer.read_bytes()))) as tar:
        assert tar.extractfile("usr/bin/other").read() == FILES["usr/bin/shop"]  # type: ignore[union-attr]
    again = hullmark("minimize", f"oci-dir:{left}", "-o", "json").document
    assert {package["reach"] for package in again["packages"]} == {"reachable"}


def test_a_body_stays_whose_first_name_is_gone_and_a_chain_of_links_is_read_twice(
    hullmark: Program, tmp_path: Path
) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number in range(8):
            info = tarfile.TarInfo(f"usr/bin/{number}")
            info.type, info.linkname, info.mode = tarfile.LNKTYPE, f"usr/bin/{number - 1}", 0o755
            if not number:
                info.type, info.size = tarfile.REGTYPE, len(FILES["usr/bin/shop"])
            tar.addfile(info, io.BytesIO(FILES["usr/bin/shop"]))
    gone = tar_of({f"usr/bin/.wh.{number}": b"" for number in range(7)})
    blobs = Blobs()
    layers = [tar_of_programs(FILES), out.getvalue(), gone]
    made = blobs.image(layers, config=lambda made: {**made, "config": {"Cmd": ["/usr/bin/7"]}})
    layout = write_layout(tmp_path / "chain", blobs, [tagged(made, "latest")])
    ran, read = hullmark.read("minimize", f"oci-dir:{layout}", "--emit", "small")
    assert ran.status == 0, ran.err
    [layer] = [
        body for body in (hullmark.place / "small/blobs/sha256").iterdir() if body.read_bytes()[:2] == b"\x1f\x8b"
    ]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(layer.read_bytes()))) as tar:
        assert "usr/bin/6" not in tar.getnames()
        assert tar.extractfile("usr/bin/7").read() == FILES["usr/bin/shop"]  # type: ignore[union-attr]
    assert read
    stored = {str(path): path.stat().st_size for path in (layout / "blobs/sha256").iterdir()}
    assert [path for path, count in read.items() if path in stored and count > 4 * stored[path]] == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("IMAGE", "--emit", "full"), "is there already"),
        (("dir:.", "--emit", "new"), "only an image"),
        ((f"sbom:{REPOSITORY / 'missing.json'}",), "no files to follow"),
    ],
)
def test_what_cannot_be_done_is_refused(hullmark: Program, image: str, words: tuple[str, ...], said: str) -> None:
    (hullmark.place / "full").mkdir()
    (hullmark.place / "full" / "file").touch()
    assert said in " ".join(hullmark("minimize", *(image if word == "IMAGE" else word for word in words)).refusal)


def test_the_system_calls_of_the_start_are_a_profile(hullmark: Program, tmp_path: Path) -> None:
    for name, code in (("sure", b"\xb8\x27\0\0\0\x0f\x05\xc3"), ("unsure", b"\x89\xf8\x0f\x05\xc3")):
        (tmp_path / "root").mkdir(exist_ok=True)
        (tmp_path / "root" / name).write_bytes(machine_elf([("", code)]))
        (tmp_path / "root" / name).chmod(0o755)
    words = ("minimize", f"dir:{tmp_path / 'root'}", "--seccomp", "profile.json", "--root")
    ran = hullmark(*words, "/sure", "-o", "json")
    assert re.search(
        r"^hullmark: profile.json allows \d\d system calls, of 3\d\d that engines allow by default$", ran.err, re.M
    )
    calls = {call["name"]: call["path"] for call in ran.document["syscalls"]["calls"]}
    assert (calls["getpid"], calls["execve"]) == ("/sure", None)
    profile = json.loads((hullmark.place / "profile.json").read_text())
    assert "symlink" not in profile["syscalls"][0]["names"]
    ran = hullmark(*words, "/unsure")
    assert (
        "profile.json allows what engines do by default (RuntimeDefault), as not all system calls can be told (1 reason, "
        in ran.err
    )
    assert "/unsure: it enters the kernel with a number that is not given beside it" in ran.text
    assert "symlink" in json.loads((hullmark.place / "profile.json").read_text())["syscalls"][0]["names"]
    assert "not all system calls" in " ".join(hullmark(*words, "/unsure", "--seccomp-unsure", "refuse").refusal)
    assert "no program is reached" in " ".join(hullmark(*words, "/none").refusal)


def test_a_folder_is_walked_from_its_roots(hullmark: Program, tmp_path: Path) -> None:
    for name, body in FILES.items():
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).write_bytes(body)
        (tmp_path / "root" / name).chmod(0o755)
    source = f"dir:{tmp_path / 'root'}"
    found = hullmark("minimize", source, "--root", "mount", "-o", "json").document["packages"]
    assert {each["name"]: each["reach"] for each in found}["mount"] == "reachable"
    assert "the image does not say what it starts" in hullmark("minimize", source).text
