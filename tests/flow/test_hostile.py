"""Every image of the hostile corpus ends as it should: read, read in part and said so, or refused; and does no harm."""

from __future__ import annotations

import json
import socket
from collections.abc import Container, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import CORPUS, corpus
from tests.support.program import Bounded, Program, program_in

SECONDS = 60
SECONDS_INSIDE = 600
"""Bombs that an engine has to see unpacked are unpacked up to half a gibibyte each."""

PEAK_MIB = 512
ADDRESS_SPACE = 1 << 30

GOOD = {("deb", "good", "1.2.3-4")}
"""What stands in an image of the corpus unless it is told otherwise here."""

FOUND = {
    "duplicate-entries": {("deb", "good", "9.9.9-9")},  # the later of two databases
    "odd-names": GOOD | {("pypi", "bytesname", "1.0")},
    "python-malformed": GOOD | {("pypi", "good", "1.0")},
    "npm-malformed": GOOD | {("npm", "good", "1.0.0")},
    "jar-bombs": GOOD | {("maven", "good", "1.0")},
    "rpm-header-huge": {("rpm", "good", "1.0-1")},
    "apk-malformed": {("apk", "good", "1.0-r0"), ("apk", "last", "2.0-r0")},
}

BOMBS = ("bomb-gzip", "bomb-gzip-database", "bomb-zstd")
"""Gigabytes of zeros, which are read to their end."""

ONLY_SCANNED = ("bomb-gzip", "bomb-zstd")
"""Facets see nothing in them but zeros, as in bomb-gzip-database, whose four GiB are already more than a number of 32 bits can count."""

DEAR = (*BOMBS, "jar-bombs", "many-entries")
"""What takes seconds when all facets look into it."""

READ_WHOLE = {
    "bomb-gzip": "ten GiB of zeros are read to their end, and what stands behind them is found",
    "bomb-zstd": "it holds nothing but zeros",
}
"""What is not cut short, though it takes seconds."""

NOTHING_GOOD = {
    "bomb-zstd": "its only layer is the bomb",
    "no-layers": "it has no layers",
    "artifact": "it is a chart, not a file system",
    "rpmdb-damaged": "none of its databases is whole",
}


def cases() -> dict[str, dict[str, Any]]:
    """Name → what to expect; empty where the corpus was not built."""
    if CORPUS is None or not (CORPUS / "hostile" / "cases.json").exists():
        return {}
    found: dict[str, dict[str, Any]] = json.loads((CORPUS / "hostile" / "cases.json").read_bytes())
    return found


def named(*expectations: str) -> list[str]:
    """The cases that are to end in one of these ways."""
    return [name for name, case in cases().items() if case["expect"] in expectations]


def marked(late: Container[str], *expectations: str, without: Container[str] = ()) -> list[Any]:
    """The same `without` some, with those marked that are long by nature."""
    names = [name for name in named(*expectations) if name not in without]
    return [pytest.param(name, marks=pytest.mark.slow) if name in late else name for name in names]


def reference(name: str) -> str:
    """The case as an image reference."""
    folder = corpus("hostile")
    archive = folder / f"{name}.tar"
    return f"docker-archive:{archive}" if archive.exists() else f"oci-dir:{folder / name}"


@pytest.fixture
def hullmark(tmp_path: Path) -> Program:
    return program_in(tmp_path / "run")


@pytest.fixture
def telltale() -> Iterator[socket.socket]:
    """A socket where every proxy that the program is told of would be: who asks for an address shows up here."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


def escaped() -> set[Path]:
    """What the corpus' images would write outside, had they their way."""
    found = set(Path("/tmp").glob("corpus-escape*"))  # noqa: S108
    for folder in Path("/tmp").iterdir():  # noqa: S108
        with suppress(OSError):  # other tests make folders there, and remove them
            found.update(folder.glob("corpus-escape*"))
    return found


def scan(hullmark: Program, telltale: socket.socket, name: str) -> Bounded:
    """Scan a case within the bounds."""
    return within_bounds(hullmark, telltale, "scan", reference(name))


def with_all_facets(hullmark: Program, telltale: socket.socket, name: str) -> Bounded:
    """Scan a case with all facets within the bounds, malware among them where the library for YARA rules is there."""
    words = ["--for-policies"]
    if find_spec("yara_x") is not None:
        rules = hullmark.place / "rules.yar"
        rules.write_text('rule escape { strings: $name = "corpus-escape" condition: $name }\n')
        words += ["--yara-rules", str(rules)]
    return within_bounds(hullmark, telltale, "scan", *words, reference(name), seconds=SECONDS_INSIDE)


def within_bounds(
    hullmark: Program, telltale: socket.socket, verb: str, *words: str, seconds: int = SECONDS
) -> Bounded:
    """Run a command within the bounds, and look for what it must not have done."""
    proxy = "http://{}:{}".format(*telltale.getsockname())
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), proxy)
    outside = escaped()
    ran = hullmark.bounded(
        *(verb, "--no-cache", "-o", "json", *words),
        env=proxies,
        seconds=seconds,
        memory=ADDRESS_SPACE,
        file_bytes=0,
    )
    assert ran.peak_mib <= PEAK_MIB
    assert [leftover for leftover in hullmark.leftovers() if leftover != "place/rules.yar"] == []
    assert escaped() == outside
    with pytest.raises(BlockingIOError):
        telltale.accept()
    assert b"root:x:0:" not in ran.out, "this machine's own files are in the result"
    return ran


def packages(document: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(package["type"], package["name"], package["version"]) for package in document["packages"]}


def has_what_is_good(document: dict[str, Any], name: str) -> bool:
    """Whether all is found that stands in a case; where nothing does, nothing may be."""
    found = packages(document)
    return found == set() if name in NOTHING_GOOD else found >= FOUND.get(name, GOOD)


def test_the_corpus_holds_hostile_images() -> None:
    corpus("hostile", "cases.json")
    assert len(named("ok")) + len(named("partial")) + len(named("reject")) == len(cases()) > 40
    assert {*FOUND, *NOTHING_GOOD} <= {*named("ok", "partial")}


@pytest.mark.parametrize("name", named("ok"))
def test_an_odd_but_legal_image_is_read(hullmark: Program, telltale: socket.socket, name: str) -> None:
    document = scan(hullmark, telltale, name).document
    assert has_what_is_good(document, name)


@pytest.mark.parametrize("name", marked(BOMBS, "partial"))
def test_what_can_be_read_is_read_and_the_rest_is_said(hullmark: Program, telltale: socket.socket, name: str) -> None:
    document = scan(hullmark, telltale, name).document
    assert has_what_is_good(document, name)
    assert (document["problems"] == []) == (name in READ_WHOLE)
    assert all(problem["reason"] for problem in document["problems"])


@pytest.mark.parametrize("name", named("reject"))
def test_an_image_that_cannot_be_believed_is_refused_in_a_line(
    hullmark: Program, telltale: socket.socket, name: str
) -> None:
    what, _ = scan(hullmark, telltale, name).refusal
    assert 10 < len(what) < 300


@pytest.mark.parametrize("name", marked(DEAR, "ok", "partial", without=ONLY_SCANNED))
def test_all_facets_bear_what_the_scan_bears(hullmark: Program, telltale: socket.socket, name: str) -> None:
    document = with_all_facets(hullmark, telltale, name).document
    facts = document["policy_facts"]
    assert has_what_is_good(document, name)
    assert facts["configuration"] is not None
    assert (facts["malware"] is None) == (find_spec("yara_x") is None)
    assert named("ok").count(name) or name in READ_WHOLE or document["problems"] != []


@pytest.mark.parametrize("name", named("reject"))
def test_what_cannot_be_believed_is_refused_with_all_facets_too(
    hullmark: Program, telltale: socket.socket, name: str
) -> None:
    what, _ = with_all_facets(hullmark, telltale, name).refusal
    assert 10 < len(what) < 300


def test_the_configuration_of_all_that_can_be_read_is_told_in_one_run(
    hullmark: Program, telltale: socket.socket
) -> None:
    corpus("hostile", "cases.json")
    names = [name for name in named("ok", "partial") if name not in BOMBS]
    ran = within_bounds(hullmark, telltale, "config", *map(reference, names), seconds=SECONDS_INSIDE)
    assert ran.status == 0, ran.err
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert len(told) == len(names) > 25
    assert all({"settings", "files", "problems"} <= set(each) for each in told)


def test_a_cache_of_hostile_images_holds_nothing_by_their_names(hullmark: Program) -> None:
    for name in ("path-traversal", "symlink-escape", "odd-names"):
        assert hullmark("scan", "--files", "-o", "json", reference(name)).status == 0
    kept = [line.removeprefix("home/.cache/hullmark/") for line in hullmark.leftovers() if "hullmark/" in line]
    assert {line.split("/")[0] for line in kept} <= {"facts", "records", "results", "stamps"}
    assert [line for line in kept if "escape" in line or "odd" in line] == []


def test_a_table_of_odd_names_sends_the_terminal_no_commands(hullmark: Program) -> None:
    for verb in (("scan", "--files"), ("files",)):
        shown = hullmark(*verb, "--no-cache", "-o", "table", reference("odd-names"))
        assert (shown.status, shown.text.count("\x1b"), shown.text.count("\u202e")) == (0, 0, 0)
    assert hullmark("files", "--no-cache", "-o", "table", reference("odd-names")).text.count("red") == 1


def test_whiteouts_of_every_odd_kind_leave_what_they_should(hullmark: Program) -> None:
    document = hullmark("scan", "--no-cache", "--files", "-o", "json", reference("whiteouts")).document
    found = {file["path"]: file["type"] for file in document["files"]}
    assert {path for path in found if path.rpartition("/")[2].startswith(".wh.")} == set()
    assert {"/keep", "/again/new", "/file", "/dir/in", "/opq/b"} <= set(found)
    assert {"/gone", "/again/old", "/file/was-dir", "/opq/a"} & set(found) == set()
    assert (found["/file"], found.get("/dir", "dir")) == ("file", "dir")
