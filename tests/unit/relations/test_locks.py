"""Which package needs which, as lock files and composer's list of what is installed say it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.languages import php as installed
from hullmark.catalog.locks import npm, php, python, ruby, rust
from hullmark.relations import locks
from hullmark.relations import php as installed_relations
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.scan import scan_folder
from tests.support.relations import needs

PACKAGE_LOCK = {
    "name": "app",
    "version": "1.0.0",
    "lockfileVersion": 3,
    "packages": {
        "": {"name": "app", "version": "1.0.0", "dependencies": {"a": "1", "w": "*"}},
        "node_modules/a": {"version": "1.0.0", "dependencies": {"b": "2"}, "optionalDependencies": {"gone": "1"}},
        "node_modules/a/node_modules/b": {"version": "2.0.0", "peerDependencies": {"a": "*"}},
        "node_modules/b": {"version": "1.0.0"},
        "node_modules/w": {"link": True, "resolved": "packages/w"},
        "packages/w": {"name": "w", "version": "3.0.0", "dependencies": {"b": "1"}},
    },
}
PNPM = """\
lockfileVersion: '9.0'
importers:
  .: {dependencies: {a: {specifier: ^1, version: 1.0.0(b@2.0.0)}}}
packages:
  a@1.0.0: {}
  b@2.0.0: {}
snapshots:
  a@1.0.0(b@2.0.0): {dependencies: {b: 2.0.0}}
  b@2.0.0: {}
"""
OLD_PNPM = """\
lockfileVersion: 5.4
packages:
  /a/1.0.0_b@2.0.0: {dependencies: {b: 2.0.0}}
  /b/2.0.0: {}
"""
CARGO = """\
version = 3
[[package]]
name = "a"
version = "1.0.0"
dependencies = ["b 2.0.0", "c", "b 9.9.9"]
[[package]]
name = "b"
version = "1.0.0"
[[package]]
name = "b"
version = "2.0.0"
[[package]]
name = "c"
version = "1.0.0"
dependencies = ["b 1.0.0 (registry+https://example.com/index)"]
"""
POETRY = """\
[[package]]
name = "A_a"
version = "1"
[package.dependencies]
B = ">=1"
gone = "*"
[[package]]
name = "b"
version = "1"
"""
UV = """\
[[package]]
name = "a"
version = "1"
dependencies = [{ name = "b" }, { name = "b", version = "2", marker = "x" }]
[[package]]
name = "b"
version = "2"
"""
PDM = """\
[[package]]
name = "a"
version = "1"
dependencies = ["B>=1; python_version > '3'"]
[[package]]
name = "b"
version = "1"
"""
GEMFILE = """\
GEM
  remote: https://example.com/
  specs:
    a (1.0)
      b (>= 2, < 3)
      c!
    b (2.1)

PLATFORMS
  ruby

DEPENDENCIES
  a
"""
COMPOSER = {
    "packages": [
        {"name": "v/a", "version": "1.0", "require": {"php": ">=8", "v/b": "^1"}},
        {"name": "v/b", "version": "1.2", "require": []},
    ]
}


@pytest.mark.parametrize(
    ("name", "body", "cataloger", "expected"),
    [
        (
            "package-lock.json",
            json.dumps(PACKAGE_LOCK),
            npm.CATALOGER,
            ["a@1.0.0 -> b@2.0.0", "app@1.0.0 -> a@1.0.0", "app@1.0.0 -> w@3.0.0", "b@2.0.0 -> a@1.0.0", "w@3.0.0 -> b@1.0.0"],
        ),
        ("pnpm-lock.yaml", PNPM, npm.CATALOGER, ["a@1.0.0 -> b@2.0.0"]),
        ("pnpm-lock.yaml", OLD_PNPM, npm.CATALOGER, ["a@1.0.0 -> b@2.0.0"]),
        ("Cargo.lock", CARGO, rust.CATALOGER, ["a@1.0.0 -> b@2.0.0", "a@1.0.0 -> c@1.0.0", "c@1.0.0 -> b@1.0.0"]),
        ("poetry.lock", POETRY, python.CATALOGER, ["a-a@1 -> b@1"]),
        ("uv.lock", UV, python.CATALOGER, ["a@1 -> b@2"]),
        ("pdm.lock", PDM, python.CATALOGER, ["a@1 -> b@1"]),
        ("Gemfile.lock", GEMFILE, ruby.CATALOGER, ["a@1.0 -> b@2.1"]),
        ("composer.lock", json.dumps(COMPOSER), php.CATALOGER, ["v/a@1.0 -> v/b@1.2"]),
    ],
)  # fmt: skip
def test_a_lock_file_says_who_needs_whom(name: str, body: str, cataloger: Cataloger, expected: list[str]) -> None:
    resolver = next(each for each in locks.RESOLVERS if each.cataloger == cataloger.name)
    assert needs({name: body.encode()}, cataloger, resolver) == expected


def test_an_installed_php_package_needs_what_composer_says() -> None:
    files = {"vendor/composer/installed.json": json.dumps(COMPOSER).encode()}
    assert needs(files, installed.CATALOGER, installed_relations.RESOLVER) == ["v/a@1.0 -> v/b@1.2"]


def test_a_folders_lock_files_are_asked(tmp_path: Path) -> None:
    (tmp_path / "Cargo.lock").write_text(CARGO)
    inventory = scan_folder(str(tmp_path), "here", ScanRequest(relations=True), ScanResources()).inventory
    assert len(inventory.relations or ()) == 3


@pytest.mark.parametrize("wrong", ["1", "[1, {}]", "{ x = 1 }", '[[1], {name = 2}, ""]'])
def test_needs_of_another_form_are_passed_over(wrong: str) -> None:
    body = f'[[package]]\nname = "a"\nversion = "1"\ndependencies = {wrong}\n'.encode()
    for cataloger, name in ((rust.CATALOGER, "Cargo.lock"), (python.CATALOGER, "uv.lock")):
        resolver = next(each for each in locks.RESOLVERS if each.cataloger == cataloger.name)
        assert needs({name: body}, cataloger, resolver) == []
