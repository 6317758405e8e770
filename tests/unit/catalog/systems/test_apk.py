"""What the apk cataloger makes of installed databases."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.systems.apk import CATALOGER, licenses, parse_installed
from hullmark.model.inventory import Distro
from hullmark.model.package import Location, OwnedFile, Package, SourcePackage
from tests.support.places import shared
from tests.support.views import FakeView

DB = "lib/apk/db/installed"
ALPINE = Distro(id="alpine", version_id="3.19.1")
DIGEST = hashlib.sha1(b"x", usedforsecurity=False).hexdigest()
Q1 = "Q1" + base64.b64encode(bytes.fromhex(DIGEST)).decode()
SHA256 = hashlib.sha256(b"x").hexdigest()
Q2 = "Q2" + base64.b64encode(bytes.fromhex(SHA256)).decode()
PURL = "pkg:apk/alpine/a@1-r0"


def record(name: str = "a", version: str = "1-r0", *more: str) -> bytes:
    return "\n".join([f"P:{name}", f"V:{version}", *more]).encode() + b"\n\n"


def read(body: bytes) -> tuple[dict[str, str], list[str]]:
    complaints: list[str] = []
    found = parse_installed(DB, memoryview(body), complaints.append)
    return {package.name: package.version for package in found}, complaints


def packages(view: FakeView) -> dict[str, Package]:
    return {package.name: package for package in CATALOGER.assemble(view)}


def owned(*lines: str, path: str = DB) -> list[OwnedFile]:
    assert CATALOGER.owned is not None
    view = FakeView({path: record("a", "1-r0", *lines)}, CATALOGER)
    found = list(CATALOGER.owned(view))
    assert view.problems == []
    return found


def cases() -> list[Any]:
    lines = shared("conformance", "packages", "cases.jsonl").read_text().splitlines()
    return [case for line in lines if (case := json.loads(line))["ecosystem"] == "apk"]


def placed(case: dict[str, Any]) -> dict[str, bytes]:
    source = shared("conformance", "packages", case["input"])
    place = case["place_as"].strip("/")
    if source.is_file():
        return {place: source.read_bytes()}
    return {str(Path(place) / p.relative_to(source)): p.read_bytes() for p in source.rglob("*") if p.is_file()}


def test_every_conformance_case_is_met() -> None:
    for case in cases():
        view = FakeView(placed(case), CATALOGER)
        found = packages(view)
        assert sorted((p.name, p.version) for p in found.values()) == sorted(
            (e["name"], e["version"]) for e in case["expected"]
        ), case["id"]
        for name, wanted in case.get("expected_licenses", {}).items():
            assert list(found[name].licenses) == wanted, case["id"]
        assert view.problems == []


def test_a_package_says_all_that_its_record_says() -> None:
    body = record(
        "busybox-binsh", "1.36.1-r15", "A:x86_64", "L:GPL-2.0-only", "o:busybox", "m:Sören <s@example.org>", "c:ab"
    )
    assert packages(FakeView({DB: body}, CATALOGER, distro=ALPINE))["busybox-binsh"] == Package(
        type="apk",
        name="busybox-binsh",
        version="1.36.1-r15",
        purl="pkg:apk/alpine/busybox-binsh@1.36.1-r15?arch=x86_64&distro=alpine-3.19.1&upstream=busybox",
        cataloger="apk",
        arch="x86_64",
        source=SourcePackage("busybox", "1.36.1-r15"),
        licenses=("GPL-2.0-only",),
        locations=(Location("/lib/apk/db/installed", 0),),
        notes={"maintainer": "Sören <s@example.org>", "commit": "ab"},
    )


def test_a_package_without_origin_is_its_own_source() -> None:
    package = packages(FakeView({DB: record()}, CATALOGER, distro=Distro(id="wolfi")))["a"]
    assert package.source == SourcePackage("a", "1-r0")
    assert package.purl == "pkg:apk/wolfi/a@1-r0?distro=wolfi"


def test_virtual_packages_are_packages() -> None:
    assert read(record(".build-deps", "20240101.101010")) == ({".build-deps": "20240101.101010"}, [])


def test_a_record_without_version_is_a_package_of_unknown_version() -> None:
    package = packages(FakeView({DB: b"P:a\n"}, CATALOGER))["a"]
    assert (package.version, package.purl) == ("UNKNOWN", "pkg:apk/alpine/a")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("MIT", ("MIT",)),
        ("MIT BSD GPL2+", ("MIT", "BSD", "GPL2+")),
        ("MPL-2.0 AND MIT", ("MPL-2.0 AND MIT",)),
        ("ISC AND (BSD-3-Clause OR MIT)", ("ISC AND (BSD-3-Clause OR MIT)",)),
        ("GPL-2.0-only WITH Classpath-exception-2.0", ("GPL-2.0-only WITH Classpath-exception-2.0",)),
        ("MIT AND BSD GPL", ("MIT", "AND", "BSD", "GPL")),
        ("", ()),
    ],
)
def test_an_expression_is_one_licence_and_a_list_is_several(text: str, names: tuple[str, ...]) -> None:
    assert licenses(text) == names


def test_files_have_folders_digests_and_kinds() -> None:
    assert owned(
        "F:", "R:top", f"Z:{Q1}", "F:bin", "M:0:0:755", "R:busybox", "a:0:0:755", f"Z:{Q1}", "R:sh", "a:0:0:777", f"Z:{Q1}",
        "F:etc", "R:passwd", f"Z:{Q2}", "F:var/empty",
    ) == [
        OwnedFile("top", PURL, "sha1", DIGEST, kind="f"),
        OwnedFile("bin", PURL, kind="d"),
        OwnedFile("bin/busybox", PURL, "sha1", DIGEST, kind="f"),
        OwnedFile("bin/sh", PURL, "sha1", DIGEST),
        OwnedFile("etc", PURL, kind="d"),
        OwnedFile("etc/passwd", PURL, "sha256", SHA256, config=True, kind="f"),
        OwnedFile("var/empty", PURL, kind="d"),
    ]  # fmt: skip


@pytest.mark.parametrize("home", ["", "usr/", "mnt/", "mnt/usr/"])
def test_the_database_stands_in_lib_or_usr_lib_of_any_root(home: str) -> None:
    root = home.removesuffix("usr/")
    assert [file.path for file in owned("F:etc", "R:x", path=home + DB)] == [root + "etc", root + "etc/x"]
    assert [file.config for file in owned("F:etc", "R:x", path=home + DB)] == [False, True]


def test_a_database_that_is_not_in_lib_is_none() -> None:
    assert packages(FakeView({"src/apk/db/installed": record()}, CATALOGER)) == {}


def test_a_database_behind_a_link_is_read_and_one_of_another_name_is_a_problem() -> None:
    behind = FakeView({"data/apk/db/installed": record()}, CATALOGER, links={"lib/apk": "/data/apk"})
    assert list(packages(behind)) == ["a"]
    assert behind.problems == []
    other = FakeView({"data/db.txt": record()}, CATALOGER, links={DB: "/data/db.txt"})
    assert packages(other) == {}
    assert [path for path, _ in other.problems] == [DB]


def test_a_bad_record_loses_only_itself() -> None:
    body = (
        b"P:good\nV:1.0-r0\nA:x86_64\nL:MIT\n\nV:1\n\nP:nover\n\nP:long\nV:1\nF:" + b"x/" * 100000 + b"\nR:f\n\n"
        b"garbage\n:\nP\n\nP:slip\nV:1.0-r0\nF:../../../etc\nR:passwd\na:x:y:z\nZ:Q1!!!\n\n"
        b"P:last\nV:2.0-r0\nS:notanumber\np:so:libx.so.1=1 =\nD:!a <>= ~\n\xff\xfe\n"
    )
    found, complaints = read(body)
    assert found == {"good": "1.0-r0", "nover": "", "long": "1", "slip": "1.0-r0", "last": "2.0-r0"}
    assert complaints == [
        "a record has no name and was not read",
        "the package long has 1 path(s) that are too long or leave the root, which were not read",
        "a record has no name and was not read",
        "the package slip has 1 path(s) that are too long or leave the root, which were not read",
        "the record of last has a line that is not a field",
    ]


@pytest.mark.parametrize("path", ["..", "../x", "a/../../b", "/etc"])
def test_folders_that_leave_the_root_are_reported_with_all_their_files(path: str) -> None:
    body = record("a", "1-r0", "F:ok", "R:x", f"F:{path}", "R:passwd", f"Z:{Q1}", "F:ok2")
    view = FakeView({DB: body}, CATALOGER)
    assert CATALOGER.owned is not None
    assert [file.path for file in CATALOGER.owned(view)] == ["ok", "ok/x", "ok2"]
    assert len(view.problems) == 1


@pytest.mark.parametrize("name", ["..", ".", "", "../x", "a/b"])
def test_file_names_that_are_paths_are_reported_and_their_digests_go_to_no_other_file(name: str) -> None:
    view = FakeView({DB: record("a", "1-r0", "F:bin", "R:x", f"R:{name}", f"Z:{Q1}", "R:y..z")}, CATALOGER)
    assert CATALOGER.owned is not None
    assert [(file.path, file.digest) for file in CATALOGER.owned(view)][1:] == [("bin/x", ""), ("bin/y..z", "")]
    assert len(view.problems) == 1


def test_a_checksum_that_cannot_be_read_is_reported_and_the_file_stays() -> None:
    view = FakeView({DB: record("a", "1-r0", "F:bin", "R:x", "Z:Q1AAAA", "R:y", "Z:X9abc")}, CATALOGER)
    assert CATALOGER.owned is not None
    assert [(file.path, file.digest) for file in CATALOGER.owned(view)][1:] == [("bin/x", ""), ("bin/y", "")]
    assert view.problems == [(DB, "the package a has 2 checksum(s) that cannot be read")]


def test_a_missing_empty_line_hides_no_package() -> None:
    found, complaints = read(b"C:x\nP:a\nV:1\nF:bin\nR:x\nC:y\nP:b\nV:2\n\n" + record("c", "3"))
    assert found == {"a": "1", "b": "2", "c": "3"}
    assert "1 record(s) begin before the one above has ended" in complaints


def test_crlf_is_read_and_control_characters_are_not() -> None:
    assert read(record().replace(b"\n", b"\r\n")) == ({"a": "1-r0"}, [])
    found, complaints = read(record("a\x1b[2J") + record("b", "1 2") + record("c", "1\x1b"))
    assert found == {}
    assert len(complaints) == 3


def test_the_layer_is_the_one_that_brought_this_version() -> None:
    low = {DB: record("kept") + record("upgraded", "1")}
    high = {DB: record("kept") + record("upgraded", "2") + record("new")}
    found = packages(FakeView({}, CATALOGER, layers=[low, high]))
    assert {name: package.locations[0].layer for name, package in found.items()} == {"kept": 0, "upgraded": 1, "new": 1}


_lines = st.lists(
    st.sampled_from([b"P:a", b"V:1", b"F:", b"F:x", b"R:y", b"Z:Q1", b"a:0", b"", b"M:", b"F:.."])
    | st.binary(max_size=20)
)


@given(_lines)
def test_any_bytes_are_survived(lines: list[bytes]) -> None:
    view = FakeView({DB: b"\n".join(lines)}, CATALOGER)
    assert CATALOGER.owned is not None
    list(CATALOGER.assemble(view))
    for file in CATALOGER.owned(view):
        assert ".." not in file.path.split("/")
        assert not file.path.startswith("/")


_words = st.from_regex(r"[a-z0-9][a-z0-9.+-]{0,20}", fullmatch=True)


@given(st.dictionaries(_words, _words, max_size=20))
def test_what_was_written_is_read(wanted: dict[str, str]) -> None:
    body = b"".join(record(name, version, "L:MIT", "F:bin", "R:x", f"Z:{Q1}") for name, version in wanted.items())
    assert read(body) == (wanted, [])


def test_the_names_that_a_package_provides_are_kept() -> None:
    view = FakeView({DB: record("a", "1-r0", "p:so:libx.so.1=1.2 cmd:x=1-r0")}, CATALOGER)
    (package,) = CATALOGER.assemble(view)
    assert package.notes["provides"] == "so:libx.so.1=1.2 cmd:x=1-r0"
