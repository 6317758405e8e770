"""Needs that are odd in a part, packages that nobody can be told to need, and links that lead in circles."""

from __future__ import annotations

import json
import sqlite3

import pytest
from msgspec.structs import replace

from hullmark.catalog.languages import gem, npm, python
from hullmark.catalog.locks import npm as npm_locks
from hullmark.catalog.relations import gem as gem_relations
from hullmark.catalog.relations import locks
from hullmark.catalog.relations import nix as nix_relations
from hullmark.catalog.relations import npm as npm_relations
from hullmark.catalog.relations import python as python_relations
from hullmark.catalog.relations import rpm as rpm_relations
from hullmark.catalog.relations.provenance import file_provenance
from hullmark.catalog.relations.resolver import Scene, Steps
from hullmark.catalog.systems import nix, rpm
from hullmark.model.package import Package
from tests.support.nix_database import place, register, two_files
from tests.support.relations import needs
from tests.support.views import FakeView
from tests.unit.catalog.relations.test_languages import distribution, gemspec, module, pypi
from tests.unit.catalog.relations.test_systems import EQUAL, header
from tests.unit.catalog.systems.test_rpm_databases import make_sqlite
from tests.unit.catalog.systems.test_rpm_header import INT32
from tests.unit.report.samples import EMPTY, WITH_FILES

# Python


@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        ("'3.8' <= python_version", ["a -> b"]),
        ("'3.12' <= python_version", []),
        ("'posix' == os_name", ["a -> b"]),
        ("python_version >= 'any'", []),
        ("python_version < 'any'", ["a -> b"]),
        ("python_full_version >= '3.11.2'", ["a -> b (optional)"]),
    ],
)
def test_a_marker_counts_as_python_compares_its_sides(marker: str, expected: list[str]) -> None:
    other = Package(type="deb", name="python3.12", version="3.12.1-1", purl="pkg:deb/debian/p", cataloger="dpkg")
    assert pypi(distribution("a", f"b; {marker}"), distribution("b"), more=(other,)) == expected


def test_a_distribution_in_an_eggs_folder_is_found_beside_the_others() -> None:
    egg = {
        "usr/lib/python3.11/site-packages/b-1.0-py3.11.egg/EGG-INFO/PKG-INFO": b"Metadata-Version: 1.0\nName: b\nVersion: 1.0\n"
    }
    assert pypi(distribution("a", "b"), egg) == ["a -> b"]


def test_a_distribution_that_is_not_in_the_list_needs_nothing_and_is_not_needed() -> None:
    view = FakeView(distribution("a", "b") | distribution("b", "a"), python.CATALOGER)
    listed = [package for package in python.assemble(view) if package.name == "a"]
    assert list(python_relations.relate(Scene(view, listed, Steps()))) == []


# npm


def test_dependencies_that_are_not_text_are_passed_over() -> None:
    body = module("app", dependencies={"b": "1"}, peerDependencies={"c": "x"}).replace(b'"x"', b'"\xff"')
    files = {"app/package.json": body, **{f"app/node_modules/{name}/package.json": module(name) for name in "bc"}}
    assert needs(files, npm.CATALOGER, npm_relations.RESOLVER) == ["app@1.0.0 -> b@1.0.0"]


@pytest.mark.parametrize(("depth", "expected"), [(20, ["deep@1.0.0 -> b@1.0.0"]), (140, [])])
def test_a_dependency_is_looked_for_in_as_many_folders_as_there_may_be(depth: int, expected: list[str]) -> None:
    folder = "/".join("node_modules/d" for _ in range(depth))
    files = {
        f"app/{folder}/package.json": module("deep", dependencies={"b": "1"}),
        "app/node_modules/b/package.json": module("b"),
    }
    assert needs(files, npm.CATALOGER, npm_relations.RESOLVER) == expected


def test_a_lock_file_inside_an_installed_package_says_nothing() -> None:
    packages = {
        "": {"name": "app", "version": "1.0.0"},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "1"}},
        "node_modules/b": {"version": "1.0.0"},
    }
    lock = json.dumps({"lockfileVersion": 3, "packages": packages}).encode()
    resolver = next(each for each in locks.RESOLVERS if each.cataloger == npm_locks.CATALOGER.name)
    view = FakeView({"srv/node_modules/x/package-lock.json": lock}, npm_locks.CATALOGER)
    assert list(resolver.relate(Scene(view, (), Steps()))) == []
    assert needs({"srv/package-lock.json": lock}, npm_locks.CATALOGER, resolver) == ["a@1.0.0 -> b@1.0.0"]


# Ruby


def test_a_requirement_that_is_none_is_met_by_the_newest_gem() -> None:
    files = {
        **gemspec("rack", "2.2.9"),
        **gemspec("rack", "3.1.0"),
        **gemspec("a", "1.0", '  s.add_dependency "rack", "as you like"'),
    }
    assert needs(files, gem.CATALOGER, gem_relations.RESOLVER) == ["a@1.0 -> rack@3.1.0"]


def test_a_gem_whose_version_cannot_be_compared_meets_no_need() -> None:
    files = {
        "usr/lib/ruby/specifications/rack.gemspec": b'Gem::Specification.new do |s|\n  s.name = "rack"\nend\n',
        **gemspec("a", "1.0", '  s.add_dependency "rack"'),
    }
    assert needs(files, gem.CATALOGER, gem_relations.RESOLVER) == []


def test_the_specification_of_a_repository_that_bundler_did_not_write_needs_nothing() -> None:
    [(_, body)] = gemspec("a", "1.0", '  s.add_dependency "rack"').items()
    files = {"usr/lib/ruby/bundler/gems/a-0123/a.gemspec": body, **gemspec("rack", "3.1.0")}
    assert needs(files, gem.CATALOGER, gem_relations.RESOLVER) == []


# Systems


@pytest.mark.parametrize(("release", "expected"), [("1-2.el9", ["a -> libs"]), ("2-2.el9", [])])
def test_a_release_counts_only_where_both_sides_have_one(release: str, expected: list[str]) -> None:
    headers = [
        header("a", requires=["cap"], require_flags=(INT32, [EQUAL]), require_versions=[release]),
        header("libs", provides=["cap"], provide_flags=(INT32, [EQUAL]), provide_versions=["1"]),
    ]
    found = needs({"var/lib/rpm/rpmdb.sqlite": make_sqlite(headers)}, rpm.CATALOGER, rpm_relations.RESOLVER)
    assert [each.replace("@5.1-6.el9", "") for each in found] == expected


def test_an_object_that_is_reached_in_two_ways_is_needed_once() -> None:
    names = ("hello-2.12", "wrapper", "other", "glibc-2.38")

    def change(db: sqlite3.Connection) -> None:
        register(*names)(db)
        db.executemany("INSERT INTO Refs VALUES (?, ?)", [(1, 3), (2, 4), (3, 1)])

    files = {f"{place(name)}/bin/x": b"x" for name in names} | two_files(before=change)
    view = FakeView(files, nix.CATALOGER)
    packages = list(nix.assemble(view))
    found = [each.dependency for each in nix_relations.RESOLVER.relate(Scene(view, packages, Steps()))]
    assert found == [package.purl for package in packages if package.name == "glibc"]


# Files


@pytest.mark.parametrize(
    ("links", "real"),
    [
        ({"/srv/up": "../srv/./data"}, "/srv/data"),
        ({"/srv/up": "../../../srv/data"}, "/srv/data"),
        ({"/srv/up": "/srv/again", "/srv/again": "up"}, "/srv/up"),
    ],
)
def test_links_lead_no_further_than_the_root_and_a_circle_leads_nowhere(links: dict[str, str], real: str) -> None:
    [data] = [record for record in WITH_FILES.files or () if record.path == "/srv/data"]
    records = [replace(data, path=path, type="symlink", link=link) for path, link in links.items()]
    found = file_provenance(replace(EMPTY, files=(data, *records)), "/srv/up")
    assert found is not None
    assert found.real == real
