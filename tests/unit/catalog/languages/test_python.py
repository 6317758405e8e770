"""Installed Python distributions."""

from __future__ import annotations

import base64
import csv
import email.parser
import email.policy
import hashlib
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from packageurl import PackageURL

from hullmark.catalog.languages import python_eggs
from hullmark.catalog.languages.python import CATALOGER, Origin, extract_origin, find_owned_files, list_owned_files
from hullmark.catalog.languages.python_eggs import EGG, WHEEL
from hullmark.catalog.languages.python_metadata import Metadata, extract_metadata
from hullmark.model.licence_evidence import make_evidence
from hullmark.model.package import UNKNOWN_VERSION, Location, OwnedFile, Package
from tests.support.cataloging import problems
from tests.support.conformance import expected, files_of, package_cases
from tests.support.effort import ends
from tests.support.records import egg
from tests.support.views import FakeView
from tests.unit.catalog.test_licence_text import BSD_TEXT, MIT_TEXT

CASES = package_cases("python", "mixed")
SITE = "usr/lib/python3.12/site-packages"


def take(body: bytes) -> tuple[Metadata | None, list[str]]:
    problems: list[str] = []
    return extract_metadata("x.dist-info/METADATA", memoryview(body), problems.append), problems


def read(*lines: str) -> Metadata:
    fact, problems = take("\n".join(["Metadata-Version: 2.1", "Name: x", "Version: 1.0", *lines, ""]).encode())
    assert fact is not None
    assert problems == []
    return fact


def metadata(name: str, version: str = "1.0", *more: str) -> bytes:
    return "\n".join(["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *more, "", "text"]).encode()


def view_of(files: dict[str, bytes], **more: Any) -> FakeView:
    return FakeView(files, CATALOGER, **more)


def packages(files: dict[str, bytes], **more: Any) -> list[Package]:
    return list(CATALOGER.assemble(view_of(files, **more)))


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_the_conformance_cases_are_met(case: dict[str, Any]) -> None:
    got = packages(files_of(case))
    assert sorted({(package.name, package.version) for package in got}) == expected(case, "python")
    for name, licenses in case.get("expected_licenses", {}).items():
        assert {package.licenses for package in got if package.name == name} == {tuple(licenses)}
    purls = [PackageURL.from_string(purl) for purl in case.get("expected_purls", ())]
    if purls:
        assert [PackageURL.from_string(package.purl) for package in got] == purls


def test_a_wheel_as_pip_installs_it() -> None:
    path = f"{SITE}/Zope_Interface-5.0.dist-info/METADATA"
    more = ("License: ZPL 2.1", "Home-page: https://zope.example", "Author: A")
    assert packages({path: metadata("Zope_Interface", "5.0", *more)}) == [
        Package(
            type="pypi",
            name="zope-interface",
            version="5.0",
            purl="pkg:pypi/zope-interface@5.0",
            cataloger="python",
            licenses=("ZPL 2.1",),
            license_evidence=make_evidence(("ZPL 2.1",), "License", f"/{path}", 0),
            locations=(Location(f"/{path}", 0),),
            notes={"name": "Zope_Interface", "homepage": "https://zope.example", "author": "A"},
        )
    ]


@pytest.mark.parametrize(
    "path",
    [
        "x-1.0.dist-info/METADATA",
        "dist-info/METADATA",
        "DIST-INFO/METADATA",
        "x-1.0-py3.8.egg-info",
        "x.egg-info/PKG-INFO",
        "egg-info/PKG-INFO",
        "x-1.0-py3.8.egg/EGG-INFO/PKG-INFO",
    ],
)
def test_every_form_of_record_is_found(path: str) -> None:
    assert [package.purl for package in packages({f"{SITE}/{path}": metadata("x")})] == ["pkg:pypi/x@1.0"]


@pytest.mark.parametrize("path", ["x-1.0/PKG-INFO", "METADATA", "x.dist-info/METADATA/x", "x.egg-info/SOURCES.txt"])
def test_other_files_are_no_records(path: str) -> None:
    assert packages({f"{SITE}/{path}": metadata("x")}) == []


def test_the_description_is_not_searched() -> None:
    fact, _ = take(b"Name: x\nVersion: 1\n\nName: y\nLicense: z\n")
    assert fact == Metadata("x", "1")


def test_headers_end_where_a_line_is_none() -> None:
    fact, _ = take(b"Name: x\nSummary: <!-- a\n<!-- b -->\nVersion: 1\n")
    assert fact == Metadata("x", "")


def test_a_folded_description_does_not_hide_what_follows() -> None:
    assert read("Description: a", "        Version: 2", "        ", "        b", "License: MIT").licenses == ("MIT",)


def test_a_missing_version_is_unknown() -> None:
    [package] = packages({f"{SITE}/x.egg-info": b"Name: x\n"})
    assert (package.version, package.purl) == (UNKNOWN_VERSION, "pkg:pypi/x")


def test_the_interpreters_own_record_is_no_package() -> None:
    assert take(b"Name: Python\nVersion: 2.7.13\n") == (None, [])


def test_a_byte_order_mark_and_carriage_returns_are_no_harm() -> None:
    fact, problems = take(b"\xef\xbb\xbfName: x\r\nVersion: 1.0\r\n\r\nName: y\r\n")
    assert (fact, problems) == (Metadata("x", "1.0"), [])


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "this is not Python package metadata: it does not begin with a header"),
        (b"\x00\x01junk", "this is not Python package metadata: it does not begin with a header"),
        ("Name: x\n".encode("utf-16"), "this is not Python package metadata: it does not begin with a header"),
        (b"Metadata-Version: 2.1\nVersion: 1.0\n", "the Python package metadata has no Name"),
        (b"Name: ../../evil\nVersion: 1\n", "the Python package metadata has a Name that is not allowed"),
        (b"Name: a\n b\nVersion: 1\n", "the Python package metadata has a Name that is not allowed"),
    ],
)
def test_what_cannot_be_used_is_reported(body: bytes, problem: str) -> None:
    assert take(body) == (None, [problem])


def test_a_version_that_cannot_be_one_is_reported_and_the_package_kept() -> None:
    fact, problems = take(b"Name: x\nVersion: 1.0; rm -rf /\n")
    assert (fact, problems) == (Metadata("x", ""), ["the Version of the Python package x cannot be one"])


@pytest.mark.parametrize(
    ("lines", "licenses", "classifiers"),
    [
        (["License: MIT", "License-Expression: Apache-2.0 OR MIT"], ("Apache-2.0 OR MIT",), ()),
        (["License: UNKNOWN"], (), ()),
        (["License: MIT", "Classifier: License :: OSI Approved :: BSD License"], ("MIT",), ("BSD License",)),
        (["Classifier: License :: OSI Approved", "Classifier: License :: Public Domain"], (), ("Public Domain",)),
        (["Classifier: Topic :: License"], (), ()),
        (["License: Copyright X", *(f"        {line}" for line in MIT_TEXT.split("\n"))], ("MIT",), ()),
        (["License: a", "        text that nobody knows"], (), ()),
    ],
)
def test_licences_as_stated(lines: list[str], licenses: tuple[str, ...], classifiers: tuple[str, ...]) -> None:
    fact = read(*lines)
    assert (fact.licenses, fact.classifiers) == (licenses, classifiers)


def test_the_licence_file_says_which_of_the_bsd_licences_a_classifier_means() -> None:
    classifier = "Classifier: License :: OSI Approved :: BSD License"
    files = {f"{SITE}/x.dist-info/METADATA": metadata("x", "1.0", classifier)}
    assert packages(files)[0].licenses == ("BSD License",)
    for name in ("LICENSE.txt", "licenses/LICENSE"):
        assert packages({**files, f"{SITE}/x.dist-info/{name}": BSD_TEXT.encode()})[0].licenses == ("BSD-3-Clause",)


def direct_url(document: object) -> tuple[Origin | None, list[str]]:
    problems: list[str] = []
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return extract_origin("direct_url.json", memoryview(body), problems.append), problems


def test_a_repository_is_a_qualifier_of_the_purl() -> None:
    document = {
        "url": "https://git.example/x.git",
        "vcs_info": {"vcs": "git", "commit_id": "ab" * 20, "requested_revision": "v1"},
    }
    files = {
        f"{SITE}/x.dist-info/METADATA": metadata("x"),
        f"{SITE}/x.dist-info/direct_url.json": json.dumps(document).encode(),
    }
    [package] = packages(files)
    assert PackageURL.from_string(package.purl).qualifiers == {"vcs_url": f"git+https://git.example/x.git@{'ab' * 20}"}
    assert package.notes == {"direct_url": "https://git.example/x.git", "requested_revision": "v1"}


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://me:secret@git.example/x", "https://git.example/x"),
        ("https://token@git.example/x", "https://git.example/x"),
        ("ssh://git@git.example/x", "ssh://git@git.example/x"),
    ],
)
def test_a_login_in_a_url_is_left_out(url: str, kept: str) -> None:
    assert direct_url({"url": url}) == (Origin(kept), [])


def test_an_editable_install_is_noted() -> None:
    assert direct_url({"url": "file:///app", "dir_info": {"editable": True}}) == (
        Origin("file:///app", editable=True),
        [],
    )
    files = {
        f"{SITE}/x.dist-info/METADATA": metadata("x"),
        f"{SITE}/x.dist-info/direct_url.json": b'{"url":"file:///app","dir_info":{"editable":true}}',
    }
    [package] = packages(files)
    assert (package.purl, package.notes["editable"]) == ("pkg:pypi/x@1.0", "true")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b'{"url":' + b"[" * 100_000, b'{"url":"\xff"}'])
def test_an_unreadable_direct_url_is_reported(body: bytes) -> None:
    assert direct_url(body) == (None, ["direct_url.json cannot be read"])


def test_odd_types_in_a_direct_url_are_ignored() -> None:
    assert direct_url({"url": 5, "vcs_info": [], "dir_info": {"editable": "yes"}}) == (Origin(""), [])


def test_an_egg_link_marks_the_project_it_leads_to() -> None:
    view = view_of({"app/my.egg-info/PKG-INFO": metadata("my"), f"{SITE}/my.egg-link": b"/app\n."})
    [package] = CATALOGER.assemble(view)
    assert (package.notes, package.locations[0].path) == ({"editable": "true"}, "/app/my.egg-info/PKG-INFO")
    assert view.problems == []


def test_an_egg_link_follows_links_of_the_image() -> None:
    files = {"srv/app/my.egg-info/PKG-INFO": metadata("my"), f"{SITE}/my.egg-link": b"/app\n."}
    assert packages(files, links={"app": "srv/app"})[0].notes == {"editable": "true"}


def test_an_egg_link_to_nothing_is_reported() -> None:
    view = view_of({f"{SITE}/my.egg-link": b"/gone\n."})
    assert list(CATALOGER.assemble(view)) == []
    assert view.problems == [(f"{SITE}/my.egg-link", "the egg-link leads to /gone, where no egg-info folder is")]


@pytest.mark.parametrize("body", [b"", b"app", b"\xff\x00", b"\n\n"])
def test_an_egg_link_that_names_no_folder_is_reported(body: bytes) -> None:
    view = view_of({f"{SITE}/my.egg-link": body})
    assert list(CATALOGER.assemble(view)) == []
    assert view.problems == [(f"{SITE}/my.egg-link", "the egg-link names no absolute folder")]


def recorded(record: bytes) -> tuple[list[OwnedFile], list[str]]:
    view = view_of({f"{SITE}/x.dist-info/METADATA": metadata("x"), f"{SITE}/x.dist-info/RECORD": record})
    return list(list_owned_files(view)), [reason for _, reason in view.problems]


def sha256(body: bytes) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(body).digest()).decode().rstrip("=")


def test_a_record_claims_files_with_their_digests() -> None:
    digest = hashlib.sha256(b"body").hexdigest()
    record = (
        f"x/__init__.py,{sha256(b'body')},4\r\n"
        "x/__pycache__/__init__.cpython-312.pyc,,\r\n"
        f"../../../bin/x,{sha256(b'body')}=,4\r\n"
        f'"x/a, ""b"".py",{sha256(b"body")},4\r\n'
        "/etc/x.conf,sha512=zzzz,4\r\n"
        "x.dist-info/RECORD,,\r\n"
    )
    owner = "pkg:pypi/x@1.0"
    assert recorded(record.encode()) == (
        [
            OwnedFile(f"{SITE}/x/__init__.py", owner, "sha256", digest),
            OwnedFile(f"{SITE}/x/__pycache__/__init__.cpython-312.pyc", owner, ghost=True),
            OwnedFile("usr/bin/x", owner, "sha256", digest),
            OwnedFile(f'{SITE}/x/a, "b".py', owner, "sha256", digest),
            OwnedFile("etc/x.conf", owner),
            OwnedFile(f"{SITE}/x.dist-info/RECORD", owner),
        ],
        [],
    )


def test_programs_that_pip_moved_into_its_target_are_found_there() -> None:
    site = "srv/target"
    files = {
        f"{site}/x.dist-info/METADATA": metadata("x"),
        f"{site}/x.dist-info/RECORD": f"../../bin/x,{sha256(b'body')},4\n../../bin/y,,\n../../../z,,\n../../bin/w,,\n".encode(),
        f"{site}/bin/x": b"body",
        f"{site}/bin/w": b"another",
        "bin/w": b"body",
        "srv/z": b"",
    }
    view = view_of(files)
    # One that is where the list says is not looked for elsewhere, and one that is nowhere stays where the list says.
    expected = [f"{site}/bin/x", "bin/y", "bin/w"]
    assert [file.path for file in list_owned_files(view)] == expected
    assert [file.path for file in find_owned_files(view, {"x", "y"})] == expected[:2]


def test_a_line_that_cannot_be_used_is_lost_alone_and_reported() -> None:
    record = (
        b"../../../../../../etc/passwd,sha256=x,1\n<<<<<<< HEAD\nx.py,sha256=short,1\n"
        b'"unclosed,,\n,,,,,\nx\x00,,\n\xff,,\na/..,,\n..,,\n'
    )
    files, problems = recorded(record)
    assert [file.path for file in files] == [f"{SITE}/x.py", f"{SITE}/\udcff"]
    assert files[0].digest == ""
    assert problems == ["lines of the list of installed files that cannot be used: 7"]


def test_installed_files_are_relative_to_the_egg_info() -> None:
    folder = f"{SITE}/x-1.0-py3.12.egg-info"
    listing = b"../x/__init__.py\n../../../../bin/x\nPKG-INFO\n.\n./\n../x/y.pyc\n../../../../../../../etc/passwd\n"
    view = view_of({f"{folder}/PKG-INFO": metadata("x"), f"{folder}/installed-files.txt": listing})
    assert [(file.path, file.ghost) for file in list_owned_files(view)] == [
        (f"{SITE}/x/__init__.py", False),
        ("usr/bin/x", False),
        (f"{folder}/PKG-INFO", False),
        (f"{SITE}/x/y.pyc", True),
    ]
    assert [reason for _, reason in view.problems] == ["lines of the list of installed files that cannot be used: 1"]


def test_asking_for_owners_reports_nothing_that_assembling_did() -> None:
    view = view_of({f"{SITE}/my.egg-link": b"/gone", f"{SITE}/x.dist-info/METADATA": metadata("x")})
    assert list(list_owned_files(view)) == []
    assert view.problems == []


def test_the_damaged_do_not_harm_the_good() -> None:
    view = view_of({
        f"{SITE}/good.dist-info/METADATA": metadata("good"),
        f"{SITE}/empty.dist-info/METADATA": b"",
        f"{SITE}/noname.dist-info/METADATA": b"Version: 1\n",
    })  # fmt: skip
    assert [package.name for package in CATALOGER.assemble(view)] == ["good"]
    assert {path for path, _ in view.problems} == {
        f"{SITE}/empty.dist-info/METADATA",
        f"{SITE}/noname.dist-info/METADATA",
    }


@pytest.mark.parametrize(
    "unit", [b"a", b"a:", b"\na:", b"\n a", b"\nLicense:", b"\nName", b"\r\n", b"\n ", b"\nClassifier: License :: x"]
)
def test_hostile_metadata_take_little_time(unit: bytes) -> None:
    with ends():
        take(b"Name: x\nX:" + unit * (4_000_000 // len(unit)))


WORDS = (
    st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1, max_size=20)
    .map(str.strip)
    .filter(bool)
)
FIELDS = st.sampled_from(
    ["Name", "name", "Version", "License", "Summary", "Classifier", "Home-page", "X-Other", "Description"]
)
VALUES = st.lists(WORDS, min_size=1, max_size=3).map("\n        ".join)
LINES = st.tuples(FIELDS, VALUES).map(": ".join) | st.sampled_from(["", "no header", " folded", "\t"])


@given(st.lists(LINES, max_size=8), st.sampled_from(["\n", "\r\n"]))
def test_headers_are_read_as_the_email_parser_reads_them(lines: list[str], end: str) -> None:
    text = f"Name: first{end}X: y{end}" + "".join(f"{line}{end}" for line in "\n".join(lines).split("\n"))
    message = email.parser.BytesParser(policy=email.policy.compat32).parsebytes(text.encode())
    fact, problems = take(text.encode())
    assert fact is not None
    assert fact.name == "first"
    version = (message["Version"] or "").strip()
    readable = fact.version == version
    assert readable or problems == ["the Version of the Python package first cannot be one"] or version == "UNKNOWN"
    stated = (message["License"] or "").strip()
    if "\n" not in stated and stated != "UNKNOWN":
        assert fact.licenses == ((stated,) if stated else ())


NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"], exclude_characters="/"), min_size=1, max_size=20
)


@given(st.lists(st.tuples(NAMES.filter(lambda name: name not in (".", "..")), st.binary(max_size=4)), max_size=6))
def test_a_record_that_the_csv_module_wrote_is_read_back(rows: list[tuple[str, bytes]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows((name, sha256(body), len(body)) for name, body in rows)
    files, problems = recorded(out.getvalue().encode() or b"\n")
    assert [(file.path, file.digest) for file in files] == [
        (f"{SITE}/{name}", hashlib.sha256(body).hexdigest()) for name, body in rows
    ]
    assert problems == []


@given(st.binary())
def test_any_bytes_are_survived(body: bytes) -> None:
    folder = f"{SITE}/x.dist-info"
    names = ("METADATA", "direct_url.json", "LICENSE", "RECORD")
    view = view_of(
        {**{f"{folder}/{name}": body for name in names}, f"{SITE}/y.egg-link": body, f"{SITE}/z.egg-info": body}
    )
    list(CATALOGER.assemble(view))
    view = view_of({f"{folder}/METADATA": metadata("x"), f"{folder}/RECORD": body})
    list(list_owned_files(view))
    view = view_of({f"{SITE}/x.egg-info/PKG-INFO": metadata("x"), f"{SITE}/x.egg-info/installed-files.txt": body})
    assert all(file.path for file in list_owned_files(view))


def test_what_a_distribution_ships_as_test_material_is_no_distribution() -> None:
    site = "usr/lib/python3/dist-packages/"
    metadata = b"Metadata-Version: 2.1\nName: x\nVersion: 1\n"
    shipped = (
        site + "pkg_resources/tests/data/my-test-package_unpacked-egg/my_test_package-1.0-py3.7.egg/EGG-INFO/PKG-INFO"
    )
    view = FakeView({shipped: metadata, site + "tests-1.dist-info/METADATA": metadata}, CATALOGER)
    assert [package.locations[0].path for package in CATALOGER.assemble(view)] == [f"/{site}tests-1.dist-info/METADATA"]


def test_a_wheel_that_lies_there_is_a_package_by_its_metadata_or_where_it_is_too_large_by_its_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    body = egg(
        b"Metadata-Version: 2.1\nName: Pkg.One\nVersion: 2.1\nLicense: MIT\n\n", "Pkg.One-2.1.dist-info/METADATA"
    )
    files = {
        "a/pkg_one-2.1-py3-none-any.whl": body,
        "b/other-1.0rc1-2-cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": body + bytes(9000),
        "c/strange.whl": body + bytes(9000),
    }
    monkeypatch.setattr(
        python_eggs, "CATALOGER", replace(python_eggs.CATALOGER, reads=(EGG, replace(WHEEL, limit=5000)))
    )
    view = FakeView(files, python_eggs.CATALOGER)
    assert [(each.purl, each.licenses) for each in python_eggs.CATALOGER.assemble(view)] == [
        ("pkg:pypi/pkg-one@2.1", ("MIT",)),
        ("pkg:pypi/other@1.0rc1", ()),
    ]
    assert view.problems == [("c/strange.whl", "the wheel is too large, and has not the name of one: it was not read")]
    assert problems(python_eggs.CATALOGER, {"x/a-1-py3-none-any.whl": b"PK"}) != []


_PARTS = st.sampled_from(
    ("a.so", "b.so", "x", "..", ".", "", '"a.so"', "a,b", "\r", "/a.so", "p/../a.so", "a.so/.", "q/a.so/", "c.pyc")
)
_LINES = st.lists(st.builds("/".join, st.lists(_PARTS, max_size=3)), max_size=6)


@given(_LINES, st.sampled_from(("", ",,", ",sha256=x,1", ",")), st.booleans())
def test_files_by_their_names_are_those_of_all_files(lines: list[str], rest: str, is_egg: bool) -> None:
    folder, listing = ("x.egg-info", "installed-files.txt") if is_egg else ("x-1.dist-info", "RECORD")
    files = {
        f"{SITE}/{folder}/{'PKG-INFO' if is_egg else 'METADATA'}": metadata("x"),
        f"{SITE}/{folder}/{listing}": "\n".join(line + ("" if is_egg else rest) for line in lines).encode(),
    }
    names = {"a.so", "c.pyc"}
    found = [(file.path, file.owner) for file in find_owned_files(view_of(files), names)]
    assert found == [
        (file.path, file.owner) for file in list_owned_files(view_of(files)) if file.path.rpartition("/")[2] in names
    ]
