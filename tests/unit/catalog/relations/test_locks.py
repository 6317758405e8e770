"""Which package needs which, as lock files and composer's list of what is installed say it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.languages import dotnet as dotnet_installed
from hullmark.catalog.languages import php as installed
from hullmark.catalog.locks import beam, bun, conan, dotnet, julia, npm, perl, php, python, r, ruby, rust, swift
from hullmark.catalog.relations import dotnet as dotnet_relations
from hullmark.catalog.relations import locks
from hullmark.catalog.relations import php as installed_relations
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


OLD_PACKAGE_LOCK = {
    "lockfileVersion": 1,
    "dependencies": {
        "a": {
            "version": "1.0.0",
            "requires": {"b": "2", "c": "1", "gone": "1"},
            "dependencies": {"b": {"version": "2.0.0", "requires": {"c": "1"}}},
        },
        "b": {"version": "1.0.0"},
        "c": {"version": "npm:real@3.0.0"},
    },
}
YARN = """\
# yarn lockfile v1

a@^1.0.0:
  version "1.0.0"
  resolved "https://example.com/a-1.0.0.tgz#aa"
  dependencies:
    "@s/b" "^2.0.0"
    c "1 || 2"
  optionalDependencies:
    gone "^1.0.0"
  peerDependencies:
    c "^9"

"@s/b@^2.0.0", "@s/b@^2.1.0":
  version "2.1.0"

"@s/b@^1.0.0":
  version "1.0.0"

"c@1 || 2":
  version "2.0.0"
"""
BERRY = """\
__metadata:
  version: 8

"a@npm:^1.0.0":
  version: 1.0.0
  resolution: "a@npm:1.0.0"
  dependencies:
    "@s/b": "npm:^2.0.0"
    c: ^1.0.0
  peerDependencies:
    "@s/b": "*"
  checksum: 10/aa
  languageName: node
  linkType: hard

"@s/b@npm:^2.0.0, @s/b@npm:^2.1.0":
  version: 2.1.0
  resolution: "@s/b@npm:2.1.0"

"c@npm:^1.0.0":
  version: 1.2.0
  resolution: "c@npm:1.2.0"

"shop@workspace:.":
  version: 0.0.0-use.local
  resolution: "shop@workspace:."
  dependencies:
    a: "npm:^1.0.0"
"""
BUN = """\
{
  "lockfileVersion": 1,
  "workspaces": {"": {"name": "shop", "dependencies": {"a": "^1"}}},
  "packages": {
    "a": ["a@1.0.0", "", {"dependencies": {"@s/b": "^2", "c": "*"}}, "sha512-x"],
    "@s/b": ["@s/b@1.0.0", "", {}, "sha512-x"],
    "a/@s/b": ["@s/b@2.0.0", "", {"peerDependencies": {"c": "*"}}, "sha512-x"],
    "c": ["c@3.0.0", "", {"dependencies": {"gone": "1"}}, "sha512-x"],
  },
}
"""
DENO = {
    "version": "4",
    "specifiers": {"jsr:@std/a@1": "1.0.1", "jsr:@std/b@^1.0.2": "1.0.2", "npm:c@5": "5.0.0"},
    "jsr": {
        "@std/a@1.0.1": {"integrity": "x", "dependencies": ["jsr:@std/b@^1.0.2", "npm:c@5"]},
        "@std/b@1.0.2": {"integrity": "x"},
    },
    "npm": {
        "c@5.0.0": {"integrity": "x", "dependencies": ["d", "e@2.0.0"]},
        "d@1.0.0": {},
        "e@1.0.0": {},
        "e@2.0.0": {},
    },
}
OLD_DENO = {
    "version": "3",
    "packages": {
        "specifiers": {"jsr:@std/b@1": "jsr:@std/b@1.0.2"},
        "jsr": {"@std/a@1.0.1": {"dependencies": ["jsr:@std/b@1"]}, "@std/b@1.0.2": {}},
        "npm": {"c@5.0.0": {"dependencies": {"d": "d@1.0.0"}}, "d@1.0.0": {"dependencies": {}}},
    },
}
_MIX_NEEDS = (
    '{:b, "~> 2.0", [hex: :b, repo: "hexpm", optional: false]}',
    '{:x, ">= 0.1.0 and < 2.0.0", [hex: :c, repo: "hexpm", optional: true]}',
    '{:gone, "~> 1.0", [hex: :gone, optional: true]}',
)
MIX = f"""\
%{{
  "a": {{:hex, :a, "1.0.0", "00", [:mix], [{", ".join(_MIX_NEEDS)}], "hexpm", "11"}},
  "b": {{:hex, :b, "2.1.0", "00", [:mix], [], "hexpm", "11"}},
  "x": {{:hex, :c, "0.5.0", "00", [:rebar3], [], "hexpm", "11"}},
}}
"""
PODS = """\
PODS:
  - A (5.0):
    - B/Core (= 1.2)
    - Gone
  - B (1.2):
    - B/Core (= 1.2)
  - B/Core (1.2)

DEPENDENCIES:
  - A
"""
CONAN = {
    "version": "0.4",
    "graph_lock": {
        "nodes": {
            "0": {"ref": "shop/1.0", "requires": ["1"], "path": "conanfile.txt", "context": "host"},
            "1": {"ref": "a/1.0#rev", "requires": ["2"], "build_requires": ["3"], "context": "host"},
            "2": {"ref": "b/2.0@user/stable", "context": "host"},
            "3": {"ref": "cmake/3.2", "context": "build"},
        }
    },
}
ASSETS = {
    "targets": {
        "net8.0": {
            "A/1.0.0": {"type": "package", "dependencies": {"b": "1.0.0"}},
            "B/1.5.0": {"type": "package"},
            "Own/1.0.0": {"type": "project", "dependencies": {"A": "1.0.0"}},
        }
    },
    "libraries": {"A/1.0.0": {"type": "package"}, "B/1.5.0": {"type": "package"}, "Own/1.0.0": {"type": "project"}},
}
JULIA = """\
manifest_format = "2.0"
[[deps.A]]
deps = ["B", "Printf"]
version = "1.0.0"
[[deps.B]]
version = "2.0.0"
[deps.B.deps]
C = "00000000-0000-0000-0000-000000000000"
[[deps.C]]
version = "3.0.0"
[[deps.Printf]]
"""
SNAPSHOT = """\
# carton snapshot format: version 1.0
DISTRIBUTIONS
  A-Thing-1.0
    pathname: X/XY/XYZ/A-Thing-1.0.tar.gz
    provides:
      A::Thing 1.0
    requirements:
      B::Core 0
      perl 5.008
  B-2.0
    pathname: X/XY/XYZ/B-2.0.tar.gz
    provides:
      B 2.0
      B::Core undef
    requirements:
      ExtUtils::MakeMaker 0
"""
RENV = {
    "Packages": {
        "a": {"Package": "a", "Version": "1.0", "Requirements": ["R", "b"]},
        "b": {"Package": "b", "Version": "2.0", "Imports": ["c (>= 1.0)", "utils"]},
        "c": {"Package": "c", "Version": "1.5"},
    }
}
NUGET_LOCK = {
    "version": 1,
    "dependencies": {
        "net8.0": {
            "A": {"type": "Direct", "resolved": "1.0.0", "dependencies": {"b": "1.0.0"}},
            "B": {"type": "Transitive", "resolved": "1.5.0"},
        }
    },
}
DEPS = {
    "runtimeTarget": {"name": "net8.0"},
    "targets": {
        "net8.0": {
            "Shop/1.0.0": {"dependencies": {"Own": "1.0.0", "A": "1.0.0"}, "runtime": {"Shop.dll": {}}},
            "Own/1.0.0": {"dependencies": {"B": "2.0.0"}, "runtime": {"Own.dll": {}}},
            "A/1.0.0": {"dependencies": {"B": "2.0.0"}, "runtime": {"lib/A.dll": {}}},
            "B/2.0.0": {"runtime": {"lib/B.dll": {}}},
        }
    },
    "libraries": {
        "Shop/1.0.0": {"type": "project"},
        "Own/1.0.0": {"type": "project"},
        "A/1.0.0": {"type": "package"},
        "B/2.0.0": {"type": "package"},
    },
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
        (
            "package-lock.json",
            json.dumps(OLD_PACKAGE_LOCK),
            npm.CATALOGER,
            ["a@1.0.0 -> b@2.0.0", "a@1.0.0 -> real@3.0.0", "b@2.0.0 -> real@3.0.0"],
        ),
        ("yarn.lock", YARN, npm.CATALOGER, ["a@1.0.0 -> @s/b@2.1.0", "a@1.0.0 -> c@2.0.0"]),
        ("yarn.lock", BERRY, npm.CATALOGER, ["a@1.0.0 -> @s/b@2.1.0", "a@1.0.0 -> c@1.2.0"]),
        ("bun.lock", BUN, bun.CATALOGER, ["@s/b@2.0.0 -> c@3.0.0", "a@1.0.0 -> @s/b@2.0.0", "a@1.0.0 -> c@3.0.0"]),
        (
            "deno.lock",
            json.dumps(DENO),
            bun.CATALOGERS[1],
            ["@std/a@1.0.1 -> @std/b@1.0.2", "@std/a@1.0.1 -> c@5.0.0", "c@5.0.0 -> d@1.0.0", "c@5.0.0 -> e@2.0.0"],
        ),
        ("deno.lock", json.dumps(OLD_DENO), bun.CATALOGERS[1], ["@std/a@1.0.1 -> @std/b@1.0.2", "c@5.0.0 -> d@1.0.0"]),
        ("mix.lock", MIX, beam.CATALOGER, ["a@1.0.0 -> b@2.1.0", "a@1.0.0 -> c@0.5.0"]),
        ("Podfile.lock", PODS, swift.CATALOGERS[1], ["A@5.0 -> B/Core@1.2", "B@1.2 -> B/Core@1.2"]),
        ("conan.lock", json.dumps(CONAN), conan.CATALOGER, ["a@1.0 -> b@2.0", "shop@1.0 -> a@1.0"]),
        ("obj/project.assets.json", json.dumps(ASSETS), dotnet.CATALOGER, ["A@1.0.0 -> B@1.5.0"]),
        ("Manifest.toml", JULIA, julia.CATALOGER, ["A@1.0.0 -> B@2.0.0", "B@2.0.0 -> C@3.0.0"]),
        ("cpanfile.snapshot", SNAPSHOT, perl.CATALOGER, ["XYZ/A-Thing@1.0 -> XYZ/B@2.0"]),
        ("renv.lock", json.dumps(RENV), r.CATALOGER, ["a@1.0 -> b@2.0", "b@2.0 -> c@1.5"]),
    ],
)  # fmt: skip
def test_a_lock_file_says_who_needs_whom(name: str, body: str, cataloger: Cataloger, expected: list[str]) -> None:
    resolver = next(each for each in locks.RESOLVERS if each.cataloger == cataloger.name)
    assert needs({name: body.encode()}, cataloger, resolver) == expected


def test_an_installed_php_package_needs_what_composer_says() -> None:
    files = {"vendor/composer/installed.json": json.dumps(COMPOSER).encode()}
    assert needs(files, installed.CATALOGER, installed_relations.RESOLVER) == ["v/a@1.0 -> v/b@1.2"]


def test_what_came_with_a_program_of_dotnet_says_who_needs_whom() -> None:
    lock = {"packages.lock.json": json.dumps(NUGET_LOCK).encode()}
    assert needs(lock, dotnet_installed.CATALOGER, dotnet_relations.RESOLVER) == ["A@1.0.0 -> B@1.5.0"]
    program = {"app/Shop.deps.json": json.dumps(DEPS).encode()}
    found = needs(program, dotnet_installed.CATALOGER, dotnet_relations.RESOLVER)
    # What the program's own project needs, the program needs.
    assert found == ["A@1.0.0 -> B@2.0.0", "Shop@1.0.0 -> A@1.0.0", "Shop@1.0.0 -> B@2.0.0"]


@pytest.mark.parametrize("wrong", [1, "x", [1, {}], {"x": 1}, {"x": {"dependencies": [1]}}, None])
def test_other_locks_pass_over_needs_of_another_form(wrong: object) -> None:
    for name, body, cataloger in (
        ("bun.lock", {"packages": {"a": ["a@1.0.0", "", {"dependencies": wrong}], "b": ["b@1.0.0", wrong]}}, bun.CATALOGER),
        ("deno.lock", {"specifiers": wrong, "npm": {"a@1.0.0": {"dependencies": wrong}, "b@1.0.0": wrong}}, bun.CATALOGERS[1]),
        ("package-lock.json", {"dependencies": {"a": {"version": "1.0.0", "requires": wrong}}}, npm.CATALOGER),
        ("conan.lock", {"graph_lock": {"nodes": {"1": {"ref": "a/1.0", "requires": wrong}, "2": wrong}}}, conan.CATALOGER),
        ("obj/project.assets.json", {"targets": wrong, "libraries": {"A/1.0.0": {"type": "package"}}}, dotnet.CATALOGER),
        ("renv.lock", {"Packages": {"a": {"Version": "1.0", "Imports": wrong}}}, r.CATALOGER),
    ):  # fmt: skip
        resolver = next(each for each in locks.RESOLVERS if each.cataloger == cataloger.name)
        assert needs({name: json.dumps(body).encode()}, cataloger, resolver) == []


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
