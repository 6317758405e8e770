"""Lock files of which a part has another form: what is said of it, and what is read all the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hullmark.catalog.locks import java, npm
from tests.support.cataloging import problems, purls
from tests.unit.catalog.locks.test_ecosystems import found


def refused(count: int, *shown: str) -> list[str]:
    """What is said of entries that cannot be used."""
    return [f"entries that cannot be used: {count} ({', '.join(map(repr, shown))})"]


ENTRIES: list[tuple[str, str, Any, list[str], list[str]]] = [
    ("locks.bun", "bun.lock", {"packages": {"a": ["a@1.0"], "b": [], "c": 7}}, ["pkg:npm/a@1.0"], refused(2, "b", "c")),
    ("locks.bun", "deno.lock", {"packages": {"npm": {"a@1.0": {}, "@": {}}}}, ["pkg:npm/a@1.0"], refused(1, "@")),
    (
        "locks.bun",
        "deno.lock",
        {"version": "2", "npm": {"specifiers": {"a": "a@1.0"}, "packages": {"a@1.0": {"dependencies": {}}}}},
        ["pkg:npm/a@1.0"],
        [],
    ),
    ("locks.r", "renv.lock", {"Packages": {"a": {"Version": "1.0"}, "b": 7}}, ["pkg:cran/a@1.0"], refused(1, "b")),
    (
        "locks.swift",
        "Package.resolved",
        {"pins": [7, {"identity": "a", "state": {"version": "1.0"}}]},
        ["pkg:swift/a@1.0"],
        refused(1, "7"),
    ),
    (
        "locks.haskell",
        "stack.yaml.lock",
        {"packages": ["a", {"completed": {"hackage": "b-1.0@sha256:00,1"}}]},
        ["pkg:hackage/b@1.0"],
        refused(1, "a"),
    ),
    (
        "locks.dart",
        "pubspec.lock",
        {"packages": {"a": "1.0", "b": {"version": "2.0"}}},
        ["pkg:pub/b@2.0"],
        refused(1, "a"),
    ),
    (
        "locks.conda",
        "environment.yml",
        {"dependencies": ["a==1.0", {"npm": ["b"]}, {"pip": ["c==1"]}]},
        ["pkg:conda/a@1.0", "pkg:pypi/c@1"],
        refused(1, "{'npm': ['b']}"),
    ),
    (
        "locks.npm",
        "pnpm-lock.yaml",
        {"lockfileVersion": "9.0", "packages": {"a@1.0": 7, "b@2.0": {}}, "snapshots": {"a@1.0": 7, "b@2.0": {}}},
        ["pkg:npm/b@2.0"],
        refused(1, "a@1.0"),
    ),
    (
        "locks.npm",
        "package-lock.json",
        {"lockfileVersion": 1, "dependencies": {"a": 7, "b": {"version": "1.0"}, "c": {}, "d": {"version": 7}}},
        ["pkg:npm/b@1.0", "pkg:npm/c", "pkg:npm/d"],
        refused(2, "a", "d 7"),
    ),
]


@pytest.mark.parametrize(("module", "path", "document", "packages", "said"), ENTRIES)
def test_entries_of_another_form_are_said_and_the_others_read(
    module: str, path: str, document: Any, packages: list[str], said: list[str]
) -> None:
    assert found(module, path, json.dumps(document)) == (packages, said)


def test_entries_of_julias_manifest_of_another_form_are_said() -> None:
    body = 'manifest_format = "2.0"\n[deps]\na = [7, {version = "1.0"}]\nb = 8\n'
    assert found("locks.julia", "Manifest.toml", body) == (["pkg:julia/a@1.0"], refused(1, "a"))


@pytest.mark.parametrize(
    ("module", "path", "document", "reason"),
    [
        ("locks.bun", "bun.lock", {"packages": []}, "its packages are not an object"),
        ("locks.r", "renv.lock", {"Packages": []}, "its Packages are not an object"),
        ("locks.php", "composer.lock", {"packages": {}}, "its packages are not a list"),
        ("locks.dotnet", "obj/project.assets.json", {"libraries": []}, "its libraries are not an object"),
        ("locks.swift", "Package.resolved", {"pins": {}}, "its pins are not a list"),
    ],
)
def test_a_lock_file_without_its_list_is_said(module: str, path: str, document: Any, reason: str) -> None:
    assert found(module, path, json.dumps(document)) == ([], [reason])


def test_of_many_open_specs_of_conda_some_are_named() -> None:
    body = "dependencies:\n" + "".join(f"  - {name}\n" for name in "abcdefg")
    assert found("locks.conda", "environment.yml", body) == (
        [],
        ["entries that name no exact version were left out: 7 (a, b, c, d, e …)"],
    )


# npm


@pytest.mark.parametrize("depth", [3, 140])
def test_needs_are_looked_for_in_as_many_folders_as_npm_would_have_made(depth: int) -> None:
    place = "/".join(f"node_modules/p{number}" for number in range(depth))
    entries = {"": {"name": "app"}, "node_modules/far": {"version": "9.0"}}
    entries[place] = {"version": "1.0", "dependencies": {"far": "*"}}  # type: ignore[dict-item]
    lock = {"lockfileVersion": 3, "packages": entries}
    listing = npm.PACKAGE_LOCK.extract("package-lock.json", memoryview(json.dumps(lock).encode()), pytest.fail)
    needs = {entry.name: entry.needs for entry in listing or ()}
    assert needs[f"p{depth - 1}"] == (("far@9.0",) if depth < 128 else ())


def test_needs_of_the_first_version_are_looked_for_in_as_many_folders() -> None:
    entry: dict[str, Any] = {"version": "1.0", "requires": {"far": "*"}}
    for number in range(140):
        entry = {"version": "1.0", "dependencies": {f"p{number}": entry}}
    lock = {"lockfileVersion": 1, "dependencies": {"top": entry, "far": {"version": "9.0"}}}
    listing = npm.PACKAGE_LOCK.extract("package-lock.json", memoryview(json.dumps(lock).encode()), pytest.fail)
    assert {entry.needs for entry in listing or ()} == {()}


# Maven

DEPENDENCY = "<dependency><groupId>g</groupId><artifactId>b</artifactId><version>{}</version></dependency>"


def project(inside: str) -> bytes:
    """A project."""
    return f"<project><groupId>g</groupId><artifactId>a</artifactId><version>1</version>{inside}</project>".encode()


def test_of_a_project_with_too_many_properties_the_first_are_read() -> None:
    many = "".join(f"<p{number}>1</p{number}>" for number in range(20_001))
    body = project(f"<properties>{many}</properties><dependencies>{DEPENDENCY.format('${p19999}')}</dependencies>")
    assert purls(java.CATALOGER, {"pom.xml": body}) == ["pkg:maven/g/a@1", "pkg:maven/g/b@1"]
    assert problems(java.CATALOGER, {"pom.xml": body}) == [
        "the project has more than 20,000 entries in properties; the rest was not read"
    ]


def test_a_parent_is_found_by_a_path_with_dots_and_other_elements_among_dependencies_are_passed_over() -> None:
    parent = project("<properties><v>7</v></properties>").replace(b"<artifactId>a<", b"<artifactId>top<", 1)
    child = project(
        "<parent><groupId>g</groupId><artifactId>top</artifactId><version>1</version>"
        "<relativePath>./.././/base/pom.xml</relativePath></parent>"
        f"<dependencies><note/>{DEPENDENCY.format('${v}')}</dependencies>"
    )
    told = purls(java.CATALOGER, {"srv/base/pom.xml": parent, "srv/app/pom.xml": child})
    assert told == ["pkg:maven/g/a@1", "pkg:maven/g/b@7", "pkg:maven/g/top@1"]
