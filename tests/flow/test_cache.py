"""What is kept of layers: the same answer sooner, never another one, whatever happens to the folder."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.images import Blobs, sha256, tagged, tar_of, write_layout
from tests.support.program import HULLMARK, Program, program_in
from tests.support.shop import PACKAGES, shop_layout


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


def aged(layout: Path) -> Path:
    """The layout, once it is so old that a change of its files cannot hide in the clock's grain."""
    time.sleep(max(0.0, layout.stat().st_ctime + 1.1 - time.time()))
    return layout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image, for tests that leave it as it is."""
    return aged(shop_layout(tmp_path_factory.mktemp("shop") / "shop"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The image, for tests that tamper with it."""
    return aged(shop_layout(tmp_path / "shop"))


def kept(hullmark: Program, kind: str = "") -> list[Path]:
    """The files of the cache, or of one kind."""
    folder = hullmark.home / ".cache" / "hullmark" / kind
    return sorted(path for path in folder.rglob("*") if path.is_file())


def layers(layout: Path) -> list[Path]:
    """The layers' files, largest first: the base, then what was changed, then the program."""
    found = [path for path in (layout / "blobs" / "sha256").iterdir() if path.read_bytes()[:2] == b"\x1f\x8b"]
    return sorted(found, key=lambda path: -path.stat().st_size)


def packages(hullmark: Program, *arguments: str | Path) -> list[tuple[str, str, str]]:
    document = hullmark("scan", "-o", "json", *arguments).document
    return [(package["type"], package["name"], package["version"]) for package in document["packages"]]


@pytest.mark.parametrize("options", [(), ("--all-layers",)])
def test_a_second_scan_says_the_same(hullmark: Program, shop: Path, options: tuple[str, ...]) -> None:
    first = hullmark("scan", "-o", "json", *options, shop)
    assert first.status == 0
    assert hullmark("scan", "-o", "json", *options, shop).out == first.out
    assert hullmark("scan", "-o", "json", *options, "--no-cache", shop).out == first.out


def test_what_only_some_ask_for_takes_nothing_from_the_others(hullmark: Program, tmp_path: Path) -> None:
    """What an image's start reaches is found in Java archives too, which catalogers read: what they met stays in the record."""
    blobs = Blobs()
    descriptor = blobs.image([tar_of({"opt/app.jar": b"PK\3\4 no archive", **jar("shop", "1.2")})])
    layout = write_layout(tmp_path / "layout", blobs, [tagged(descriptor, "latest")])
    fresh = hullmark("scan", "-o", "json", "--no-cache", f"oci-dir:{layout}").document
    hullmark("minimize", "-o", "json", f"oci-dir:{layout}")
    after = hullmark("scan", "-o", "json", f"oci-dir:{layout}").document
    assert ("maven", "shop", "1.2") in packages(hullmark, f"oci-dir:{layout}")
    assert [problem["path"] for problem in fresh["problems"]] == ["/opt/app.jar"]
    assert after == fresh


def jar(name: str, version: str) -> dict[str, bytes]:
    """A Java archive that says what it is."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        about = f"groupId={name}\nartifactId={name}\nversion={version}\n"
        archive.writestr(zipfile.ZipInfo(f"META-INF/maven/{name}/{name}/pom.properties"), about)
    return {f"opt/{name}-{version}.jar": out.getvalue()}


def test_a_second_scan_reads_no_layer(hullmark: Program, shop: Path) -> None:
    _, first = hullmark.read("scan", "-o", "json", shop)
    _, second = hullmark.read("scan", "-o", "json", shop)
    stored = [str(path) for path in layers(shop)]
    assert {path: first[path] for path in stored} == {path: Path(path).stat().st_size for path in stored}
    assert [path for path in stored if second.get(path)] == []


def test_a_list_of_files_is_kept_too(hullmark: Program, shop: Path) -> None:
    first = hullmark("scan", "--files", "-o", "json", shop)
    before = kept(hullmark, "records")
    assert len(before) == 3
    assert hullmark("scan", "--files", "-o", "json", shop).out == first.out
    assert kept(hullmark, "records") == before


def test_a_layer_that_another_image_shares_is_known(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    hullmark("scan", shop)
    before = kept(hullmark, "records")
    copy = shutil.copytree(shop, tmp_path / "copy")
    assert packages(hullmark, copy) == PACKAGES
    assert kept(hullmark, "records") == before


def test_without_a_cache_nothing_is_kept(hullmark: Program, shop: Path) -> None:
    assert hullmark("scan", "--no-cache", shop).status == 0
    assert hullmark("scan", shop, env={"HULLMARK_NO_CACHE": "yes"}).status == 0
    assert hullmark.leftovers() == []


def test_processes_may_share_a_folder(hullmark: Program, shop: Path) -> None:
    running = [
        subprocess.Popen(
            [*HULLMARK, "scan", "--files", "-o", "json", str(shop)],
            env=hullmark.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    ended = [(*process.communicate(timeout=60), process.returncode) for process in running]
    alone = hullmark("scan", "--no-cache", "--files", "-o", "json", shop).out
    assert ended == [(alone, b"", 0)] * 4
    assert [path for path in kept(hullmark) if path.name.startswith(".new-")] == []
    assert hullmark("scan", "--files", "-o", "json", shop).out == alone


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda body: body[: len(body) // 2],
    "empty": lambda body: b"",
    "zeros": lambda body: bytes(len(body)),
    "another byte": lambda body: body[:-1] + bytes([body[-1] ^ 1]),
    "something else": lambda body: b"<html>",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_cache_is_not_believed_and_written_anew(hullmark: Program, shop: Path, damage: str) -> None:
    first = hullmark("scan", "-o", "json", shop)
    whole = {path: path.read_bytes() for path in kept(hullmark)}
    assert len(whole) > 3
    for path, body in whole.items():
        path.write_bytes(DAMAGE[damage](body))
    again = hullmark("scan", "-o", "json", shop)
    assert (again.status, again.out, again.err) == (0, first.out, "")
    assert {path: path.read_bytes() for path in kept(hullmark)} == whole


def test_a_folder_in_a_files_place_does_not_keep_a_scan_from_its_work(hullmark: Program, shop: Path) -> None:
    first = hullmark("scan", "-o", "json", shop)
    for path in kept(hullmark):
        path.unlink()
        path.mkdir()
    assert hullmark("scan", "-o", "json", shop).out == first.out
    assert hullmark("cache").status == 0


def test_a_swapped_layer_of_the_same_size_is_noticed(hullmark: Program, own: Path) -> None:
    assert hullmark("scan", own).status == 0
    base = layers(own)[0]
    status, body = base.stat(), bytearray(base.read_bytes())
    body[4] ^= 0xFF  # the time in the header: it still unpacks to the same
    other = base.with_name("other")
    other.write_bytes(body)
    other.replace(base)
    os.utime(base, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert (base.stat().st_size, base.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)
    what, _ = hullmark("scan", own).refusal
    assert sha256(bytes(body)) in what
    body[4] ^= 0xFF
    base.write_bytes(body)
    assert packages(hullmark, own) == PACKAGES


def test_a_swapped_config_or_manifest_is_noticed(hullmark: Program, own: Path) -> None:
    assert hullmark("scan", own).status == 0
    documents = [path for path in (own / "blobs" / "sha256").iterdir() if path.read_bytes().startswith(b"{")]
    assert len(documents) == 2
    for path in documents:
        body = path.read_bytes()
        path.write_bytes(body.replace(b": ", b" :", 1))  # says the same, in as many bytes
        assert "sha256:" in hullmark("scan", own).refusal[0]
        path.write_bytes(body)
    assert hullmark("scan", own).status == 0


def read_only(hullmark: Program, owner: int | None) -> None:
    """Take from everyone the right to write the cache."""
    for path in sorted((hullmark.home / ".cache").rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
        if owner is not None:
            os.chown(path, owner, owner)


def test_a_cache_that_may_only_be_read_is_used(hullmark: Program, shop: Path) -> None:
    first = hullmark("scan", "-o", "json", shop)
    stored = kept(hullmark)
    # As root the files must be somebody else's, or root could still set their times.
    read_only(hullmark, 65534 if os.geteuid() == 0 else None)
    again = hullmark.powerless("scan", "-o", "json", shop)
    assert (again.status, again.out, again.err) == (0, first.out, "")
    files = hullmark.powerless("scan", "--files", "-o", "json", shop)
    assert (files.status, files.err) == (0, "")
    assert kept(hullmark) == stored


def test_a_cache_folder_that_cannot_be_made_costs_the_cache_only(hullmark: Program, shop: Path) -> None:
    (hullmark.home / ".cache").write_text("a file")
    assert packages(hullmark, shop) == PACKAGES
    assert packages(hullmark, "--cache-dir", "/dev/null/x", shop) == PACKAGES
    assert hullmark("cache").status == 0


def test_the_cache_verb_tells_what_is_kept(hullmark: Program, shop: Path) -> None:
    empty = hullmark("cache").text
    assert empty.splitlines()[0] == str(hullmark.home / ".cache" / "hullmark")
    assert [line.split()[0] for line in empty.splitlines()[1:]] == ["0", "0", "0", "0"]
    hullmark("scan", shop)
    told = [line.split() for line in hullmark("cache", "status").text.splitlines()[1:]]
    assert [(words[0], words[1]) for words in told] == [
        ("3", "layer"),
        ("0", "facts"),
        ("1", "results,"),
        ("3", "verified"),
    ]


def test_pruning_by_age_keeps_what_was_used(hullmark: Program, shop: Path) -> None:
    hullmark("scan", shop)
    assert hullmark("cache", "prune", "--older-than", "1h").text == "removed 0 files, 0 B\n"
    old, *young = kept(hullmark, "records")
    os.utime(old, (time.time() - 7200,) * 2)
    assert hullmark("cache", "prune", "--older-than", "1h").text.startswith("removed 1 files, ")
    assert kept(hullmark, "records") == young


def test_using_a_record_keeps_it_young(hullmark: Program, shop: Path) -> None:
    hullmark("scan", "--files", shop)
    for path in kept(hullmark):
        os.utime(path, (time.time() - 7200,) * 2)
    hullmark("scan", "--files", shop)
    assert hullmark("cache", "prune", "--older-than", "1h").text.startswith("removed 0 files")


def test_pruning_by_size_lets_go_of_what_was_unused_longest(hullmark: Program, shop: Path) -> None:
    hullmark("scan", shop)
    everything = kept(hullmark)
    for age, path in enumerate(everything):
        os.utime(path, (time.time() - 100 * age,) * 2)
    bound = everything[0].stat().st_size + everything[1].stat().st_size
    hullmark("cache", "prune", "--max-size", str(bound))
    assert kept(hullmark) == everything[:2]
    hullmark("cache", "prune", "--max-size", "1G")
    assert kept(hullmark) == everything[:2]
    hullmark("cache", "prune", "--max-size", "0")
    assert kept(hullmark) == []


def test_pruning_without_a_bound_removes_everything(hullmark: Program, shop: Path, tmp_path: Path) -> None:
    words = ("--cache-dir", tmp_path / "own")
    hullmark("scan", *words, shop)
    assert "removed 7 files" in hullmark("cache", "prune", *words).text
    assert [path for path in (tmp_path / "own").rglob("*") if path.is_file()] == []
    assert packages(hullmark, *words, shop) == PACKAGES


def test_pruning_leaves_everything_else_in_the_folder_alone(hullmark: Program, shop: Path) -> None:
    hullmark("scan", shop)
    mine = hullmark.home / ".cache" / "hullmark" / "notes.txt"
    mine.write_text("mine")
    hullmark("cache", "prune")
    assert kept(hullmark) == [mine]
