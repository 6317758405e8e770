"""Nix' database: who needs whom in the store."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.catalog.relations.nix import RESOLVER
from hullmark.catalog.relations.resolver import Scene, Steps
from hullmark.catalog.systems import nix
from hullmark.catalog.systems.nix_database import extract_database, extract_log
from tests.support.nix_database import DB, place, register, two_files
from tests.support.views import FakeView


def needs(files: dict[str, bytes], *names: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Who needs whom of these objects that are in the store, and the problems."""
    stored = {f"{place(name)}/bin/x": b"x" for name in names}
    view = FakeView({**stored, **files}, nix.CATALOGER)
    packages = list(nix.assemble(view))
    names_of = {package.purl: package.name for package in packages}
    found = RESOLVER.relate(Scene(view, packages, Steps()))
    pairs = {
        (names_of.get(edge.dependent, edge.dependent), names_of.get(edge.dependency, edge.dependency)) for edge in found
    }
    return sorted(pairs), [reason for _, reason in view.problems]


def test_an_object_needs_those_that_it_refers_to() -> None:
    names = ("hello-2.12", "glibc-2.38")
    assert needs(two_files(before=register(*names)), *names) == ([("hello", "glibc")], [])


def test_what_stands_between_two_packages_is_no_gap() -> None:
    names = ("hello-2.12", "wrapper", "glibc-2.38")
    assert needs(two_files(before=register(*names)), *names) == ([("hello", "glibc")], [])


def test_what_the_log_says_counts() -> None:
    before, after = ("hello-2.12", "glibc-2.38"), ("python3-3.11", "zlib-1.3")
    files = two_files(register(*after), before=register(*before))
    assert needs(files, *before, *after) == ([("hello", "glibc"), ("python3", "zlib")], [])
    assert needs(two_files(register(*before)), *before) == ([("hello", "glibc")], [])


def test_a_package_that_only_the_database_has_is_told() -> None:
    _, [problem] = needs(two_files(before=register("hello-2.12", "glibc-2.38")), "hello-2.12")
    assert problem == f"the database of Nix has packages that are not in the store: /{place('glibc-2.38')}"


@pytest.mark.parametrize("body", [b"x", bytes(200), b"SQLite format 3\0" + bytes(200)])
def test_a_database_that_cannot_be_read_is_told_and_hides_no_package(body: bytes) -> None:
    found, problems = needs({DB: body, f"{DB}-wal": body}, "hello-2.12")
    assert (found, len(problems)) == ([], 2)


@given(st.binary(), st.integers(0, 20_000))
def test_any_bytes_are_survived(body: bytes, at: int) -> None:
    for whole in (b"", *_FILES.values()):
        damaged = memoryview(whole[:at] + body + whole[at + len(body) :])
        extract_database(DB, damaged, lambda reason: None)
        extract_log(DB, damaged, lambda reason: None)


_FILES = two_files(register("python3-3.11", "zlib-1.3"), before=register("hello-2.12", "glibc-2.38"))
