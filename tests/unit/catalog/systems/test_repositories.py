"""The repositories that an image names: dnf's enabled ones, and the content sets of Red Hat's images."""

from __future__ import annotations

import configparser
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.distro import DISTRO_READS, read_distro
from hullmark.catalog.systems.repositories import MANIFEST, REPO, parse_manifest, parse_repo
from hullmark.rootfs.dispatch import Dispatch
from tests.support.views import FakeView

READER = Cataloger(name="distro", types=(), reads=DISTRO_READS, assemble=lambda view: ())
RHEL = {"etc/os-release": b'ID="rhel"\nVERSION_ID="9.4"\n'}
CONTENT_SETS = "root/buildinfo/content_manifests/python-312-container-1-25.json"


def repo(text: str) -> tuple[tuple[str, ...] | None, list[str]]:
    problems: list[str] = []
    return parse_repo("etc/yum.repos.d/a.repo", memoryview(text.encode()), problems.append), problems


def manifest(body: bytes, path: str = CONTENT_SETS) -> tuple[tuple[str, ...] | None, list[str]]:
    problems: list[str] = []
    return parse_manifest(path, memoryview(body), problems.append), problems


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[a]\nname = A\nenabled = 1\n[b]\nenabled=0\n[c]\nname=C\n", ("a", "c")),
        ("[a]\nenabled=true\n[b]\nenabled=No\n[c]\nenabled = YES\n", ("a", "c")),
        ("[a]\nenabled=perhaps\n[b]\n", ("b",)),
        ("[a]\nenabled=0\n[a]\nenabled=1\n", ("a",)),
        ("# enabled=0\n[a]\n#enabled=0\n;enabled=0\n", ("a",)),
        ("[a]\nbaseurl=https://x/\n enabled=0\n", ("a",)),
        ("[main]\nenabled=1\n[rhel-9-for-$basearch-baseos-eus-rpms]\r\nenabled = 1\r\n", ("rhel-9-for-$basearch-baseos-eus-rpms",)),
        ("enabled=1\n", None),
        ("[a]\nenabled=0\n", None),
        ("", None),
    ],
)  # fmt: skip
def test_enabled_sections_are_the_repositories(text: str, expected: tuple[str, ...] | None) -> None:
    assert repo(text) == (expected, [])


def test_what_cannot_be_an_id_is_reported_and_left_out() -> None:
    assert repo("[a b]\n[c]\n[\x1b]\n") == (
        ("c",),
        ["2 id(s) of repositories in this file are none and were not read"],
    )
    many = "".join(f"[r{number}]\n" for number in range(1025))
    found, problems = repo(many)
    assert found is not None
    assert (len(found), problems) == (1024, ["it names more than 1024 repositories; the others were not read"])


def test_a_manifest_names_content_sets() -> None:
    body = json.dumps({"metadata": {"icm_version": 1}, "content_sets": ["ubi-9-baseos-rpms", "b", "b"]}).encode()
    assert manifest(body) == (("ubi-9-baseos-rpms", "b"), [])
    assert manifest(b'{"image_contents": []}') == (None, [])
    assert manifest(b'{"content_sets": null}') == (None, [])
    assert manifest(body, "usr/share/buildinfo/Dockerfile-ubi9") == (None, [])


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"content_sets": "a"}', b'{"content_sets": [1]}', b"\xff" * 9])
def test_a_manifest_that_cannot_be_read_is_reported(body: bytes) -> None:
    found, problems = manifest(body)
    assert found is None
    assert [problem.startswith("its content sets cannot be read: ") for problem in problems] == [True]


def test_the_distribution_carries_them_sorted_and_once() -> None:
    files = {
        **RHEL,
        "etc/yum.repos.d/redhat.repo": b"[c]\nenabled=1\n[off]\nenabled=0\n",
        "etc/yum.repos.d/notes.txt": b"[no]\n",
        CONTENT_SETS: b'{"content_sets": ["b", "a"]}',
        "usr/share/buildinfo/content-sets.json": b'{"content_sets": ["a"]}',
        "usr/share/buildinfo/labels.json": b'{"name": "ubi9"}',
        "srv/root/buildinfo/content_manifests/other.json": b'{"content_sets": ["no"]}',
    }
    view = FakeView(files, READER)
    found = read_distro(view)
    assert found is not None
    assert (found.id, found.repositories, view.problems) == ("rhel", ("a", "b", "c"), [])


def test_without_them_nothing_is_carried_and_without_a_distribution_there_is_none() -> None:
    found = read_distro(FakeView(RHEL, READER))
    assert found is not None
    assert found.repositories == ()
    assert read_distro(FakeView({"etc/yum.repos.d/a.repo": b"[a]\n"}, READER)) is None


def test_more_than_can_be_kept_is_reported() -> None:
    files = {
        f"etc/yum.repos.d/{letter}.repo": "".join(f"[{letter}{each}]\n" for each in range(600)).encode()
        for letter in "ab"
    }
    view = FakeView({**RHEL, **files}, READER)
    found = read_distro(view)
    assert found is not None
    assert len(found.repositories) == 1024
    assert [reason for _, reason in view.problems] == [
        "the image names more than 1024 repositories; the others do not count"
    ]


def test_files_are_chosen_by_their_name_alone() -> None:
    dispatch = Dispatch((REPO, MANIFEST))
    assert dispatch._others == ()
    assert dispatch.wanted(b"etc/yum.repos.d/redhat.repo") == (0,)
    assert dispatch.wanted(b"usr/share/buildinfo/content-sets.json") == (1,)
    assert dispatch.wanted(b"app/node_modules/x/package.json") == ()


IDS = st.lists(st.from_regex(r"[a-z0-9._-]{1,12}", fullmatch=True), max_size=6, unique=True)


@given(IDS, st.lists(st.booleans(), min_size=6, max_size=6))
def test_sections_are_read_as_the_standard_library_reads_them(ids: list[str], states: list[bool]) -> None:
    ids = [id_ for id_ in ids if id_ != "main"]
    parser = configparser.ConfigParser(interpolation=None, default_section="\n")
    parser.read_dict({each: {"enabled": str(int(state))} for each, state in zip(ids, states, strict=False)})
    text = "".join(f"[{each}]\nenabled = {int(state)}\n" for each, state in zip(ids, states, strict=False))
    expected = tuple(section for section in parser.sections() if parser.getboolean(section, "enabled"))
    assert repo(text)[0] == (expected or None)


@given(st.binary(max_size=200))
def test_any_bytes_are_survived(body: bytes) -> None:
    for parse in (parse_repo, parse_manifest):
        found = parse("etc/yum.repos.d/a.json", memoryview(body), lambda _: None)
        assert found is None or all(found)
