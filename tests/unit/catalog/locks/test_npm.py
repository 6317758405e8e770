"""npm's, yarn's and pnpm's lock files: what they name, and what they only develop with."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hullmark.catalog.locks.npm import CATALOGER
from hullmark.model.package import UNKNOWN_VERSION
from tests.support.views import FakeView

Found = list[tuple[str, str]]


def view_of(name: str, body: str | dict[str, Any]) -> FakeView:
    text = body if isinstance(body, str) else json.dumps(body)
    return FakeView({f"app/{name}": text.encode()}, CATALOGER)


def found(name: str, body: str | dict[str, Any]) -> Found:
    view = view_of(name, body)
    packages = [(package.name, package.version) for package in CATALOGER.assemble(view)]
    assert view.problems == []
    return packages


def faulty(name: str, body: str | dict[str, Any]) -> tuple[Found, list[str]]:
    view = view_of(name, body)
    packages = [(package.name, package.version) for package in CATALOGER.assemble(view)]
    return packages, [reason for _, reason in view.problems]


def purls(name: str, body: str | dict[str, Any]) -> list[str]:
    return [package.purl for package in CATALOGER.assemble(view_of(name, body))]


# package-lock.json


def lock(packages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"lockfileVersion": 3, "packages": packages, **more}


@pytest.mark.parametrize("name", ["package-lock.json", "npm-shrinkwrap.json"])
def test_packages_are_called_by_their_folders(name: str) -> None:
    packages = {
        "node_modules/a": {"version": "1.0.0"},
        "node_modules/a/node_modules/@s/b": {"version": "2.0.0", "optional": True, "peer": True},
        "packages/x/node_modules/c": {"version": "3.0.0", "inBundle": True},
    }
    assert found(name, lock(packages)) == [("a", "1.0.0"), ("@s/b", "2.0.0"), ("c", "3.0.0")]


def test_the_project_and_its_workspaces_are_packages_where_they_have_a_version() -> None:
    packages = {
        "": {"name": "shop", "version": "7.0.0"},
        "packages/till": {"version": "7.1.0"},
        "packages/box": {"name": "@shop/box", "version": "7.2.0"},
        "../side": {"version": "7.3.0"},
        "packages/tool": {"name": "tool"},
        "node_modules/till": {"resolved": "packages/till", "link": True},
    }
    assert found("package-lock.json", lock(packages)) == [
        ("shop", "7.0.0"),
        ("till", "7.1.0"),
        ("@shop/box", "7.2.0"),
        ("side", "7.3.0"),
    ]
    assert found("package-lock.json", lock({"": {}})) == []
    assert found("package-lock.json", lock({"": {}}, name="shop", version="1.0.0")) == [("shop", "1.0.0")]


def test_what_is_for_development_only_is_left_out() -> None:
    entries = {
        "node_modules/a": {"version": "1.0.0", "dev": True},
        "node_modules/b": {"version": "1.0.0", "devOptional": True},
    }
    assert found("package-lock.json", lock(entries)) == [("b", "1.0.0")]
    tree = {
        "a": {"version": "1.0.0", "dev": True},
        "b": {"version": "1.0.0", "dependencies": {"c": {"version": "2.0.0"}}},
    }
    assert found("package-lock.json", {"lockfileVersion": 1, "dependencies": tree}) == [("b", "1.0.0"), ("c", "2.0.0")]


def test_an_alias_has_the_name_of_what_was_installed() -> None:
    assert found("package-lock.json", lock({"node_modules/x": {"name": "@s/real", "version": "1.0.0"}})) == [
        ("@s/real", "1.0.0")
    ]
    assert found("package-lock.json", {"dependencies": {"x": {"version": "npm:@s/real@1.0.0"}}}) == [
        ("@s/real", "1.0.0")
    ]


def test_repositories_and_archives_are_told_apart() -> None:
    entry = {"version": "1.0.0", "resolved": "git+ssh://git@example.org/a.git#0123456789abcdef0123456789abcdef01234567"}
    (purl,) = purls("package-lock.json", lock({"node_modules/a": entry}))
    assert purl == (
        "pkg:npm/a@1.0.0?vcs_url=git%2Bssh%3A%2F%2Fgit%40example.org%2Fa.git%400123456789abcdef0123456789abcdef01234567"
    )
    tree = {
        "git": {"version": "git+https://user:secret@example.org/a.git#0123456789abcdef"},
        "tgz": {"version": "https://example.org/tgz/-/tgz-1.2.3-rc.1.tgz"},
        "dir": {"version": "file:../dir"},
    }
    packages = list(CATALOGER.assemble(view_of("package-lock.json", {"lockfileVersion": 1, "dependencies": tree})))
    assert [(package.name, package.version) for package in packages] == [
        ("git", UNKNOWN_VERSION),
        ("tgz", "1.2.3-rc.1"),
        ("dir", UNKNOWN_VERSION),
    ]
    assert "secret" not in packages[0].purl
    assert "example.org" in packages[0].purl


def test_licences_are_kept() -> None:
    body = lock(
        {
            "node_modules/a": {"version": "1.0.0", "license": "MIT"},
            "node_modules/b": {"version": "1.0.0", "license": {}},
        }
    )
    assert [package.licenses for package in CATALOGER.assemble(view_of("package-lock.json", body))] == [("MIT",), ()]


def test_faults_cost_only_themselves() -> None:
    entries = {
        "node_modules/null": None,
        "node_modules/number": {"version": 5},
        "node_modules/..": {"version": "1.0.0"},
        "node_modules/words": {"version": "1.0 or so"},
        "node_modules/good": {"version": "1.0.0"},
    }
    packages, (problem,) = faulty("package-lock.json", lock(entries))
    assert packages == [("number", UNKNOWN_VERSION), ("words", UNKNOWN_VERSION), ("good", "1.0.0")]
    assert problem.startswith("entries that cannot be used: 4 (")


@pytest.mark.parametrize(
    "body",
    [
        "null",
        '{"packages": []}',
        '{"dependencies": 1}',
        '{"dependencies":{"a":{"version":"1.0.0","dependencies":' * 3000 + "{}" + "}}}" * 3000,
    ],
)
def test_what_is_no_lock_file_is_reported(body: str) -> None:
    packages, problems = faulty("package-lock.json", body)
    assert packages == []
    assert len(problems) == 1


def test_lock_files_of_installed_packages_are_not_looked_at() -> None:
    body = json.dumps(lock({"node_modules/a": {"version": "1.0.0"}})).encode()
    assert list(CATALOGER.assemble(FakeView({"app/node_modules/x/package-lock.json": body}, CATALOGER))) == []


# yarn.lock


def test_yarn_1() -> None:
    assert found(
        "yarn.lock",
        '# yarn lockfile v1\n\n\n"@s/a@^1.0.0", "@s/a@^1.1":\n  version "1.1.0"\n'
        '  resolved "https://example.org/a-1.1.0.tgz#168da1a36e90da68ae8d49c0f1b48c7c6249213a"\n'
        '  dependencies:\n    version "^9.0.0"\n\n'
        'abbrev@1, abbrev@^1.0.0:\n  version "1.1.1"\n\n'
        '"alias@npm:real@^2.0.0":\n  version "2.0.1"\n\n'
        '"linked@link:./x":\n  version "0.0.0"\n',
    ) == [("@s/a", "1.1.0"), ("abbrev", "1.1.1"), ("real", "2.0.1")]


def test_yarn_2_and_later() -> None:
    assert found(
        "yarn.lock",
        '__metadata:\n  version: 8\n\n"@s/a@npm:^1.0.0, @s/a@npm:^1.1.0":\n  version: 1.1.0\n  resolution: "@s/a@npm:1.1.0"\n'
        "  dependencies:\n    version: ^9.0.0\n  languageName: node\n\n"
        '"alias@npm:real@^2.0.0":\n  version: 2.0.1\n  resolution: "real@npm:2.0.1"\n\n'
        '"t@patch:t@npm%3A5.0.4#optional!builtin<compat/t>":\n  version: 5.0.4\n'
        '  resolution: "t@patch:t@npm%3A5.0.4#optional!builtin<compat/t>::version=5.0.4&hash=a1"\n\n'
        '"shop@workspace:.":\n  version: 0.0.0-use.local\n  resolution: "shop@workspace:."\n\n'
        f'? "long@npm:1, {"long@npm:1.0.0, " * 80}long@npm:2"\n:\n  version: 2.0.0\n  resolution: "long@npm:2.0.0"\n',
    ) == [("@s/a", "1.1.0"), ("real", "2.0.1"), ("t", "5.0.4"), ("long", "2.0.0")]


@pytest.mark.parametrize(
    "body",
    [
        '"a@https://example.org/a.git#main":\n  version "1.0.0"\n  resolved "https://example.org/a.git#0123456789abcdef"\n',
        '"a@https://example.org/a.git":\n  version: 1.0.0\n'
        '  resolution: "a@https://example.org/a.git#commit=0123456789abcdef"\n',
    ],
)
def test_yarn_takes_packages_from_repositories(body: str) -> None:
    assert purls("yarn.lock", body) == [
        "pkg:npm/a@1.0.0?vcs_url=git%2Bhttps%3A%2F%2Fexample.org%2Fa.git%400123456789abcdef"
    ]


def test_faults_of_a_yarn_lock_cost_only_themselves() -> None:
    body = (
        '\0\1"a@^1":\n  version "1.0.0"\n\nb@\n  version\n'
        + "x@1:\n" * 1000
        + 'c@1:\n  version "1.0.0"\n<<<<<<< HEAD\n'
    )
    packages, (problem,) = faulty("yarn.lock", body)
    assert packages == [("c", "1.0.0")]
    assert problem.startswith("entries that cannot be used: 1,00")


# pnpm-lock.yaml


@pytest.mark.parametrize(
    "body",
    [
        "lockfileVersion: 5.3\npackages:\n  /a/1.0.0:\n    dev: false\n  /@s/b/2.0.0_@babel+core@7.0.0:\n    dev: false\n"
        "  /c/1.10:\n    dev: true\n  registry.example.org/d/3.0.0:\n    dev: false\n",
        "lockfileVersion: '6.0'\npackages:\n  /a@1.0.0:\n    dev: false\n  /@s/b@2.0.0(@babel/core@7.0.0):\n    dev: false\n"
        "  /c@1.10.0:\n    dev: true\n  /d@3.0.0:\n    dev: false\n",
        "lockfileVersion: '9.0'\npackages:\n  a@1.0.0: {}\n  '@s/b@2.0.0': {}\n  d@3.0.0: {}\n",
        "lockfileVersion: '9.0'\npackages:\n  a@1.0.0: {}\n---\nlockfileVersion: '9.0'\npackages:\n  '@s/b@2.0.0': {}\n"
        "  d@3.0.0: {}\n",
    ],
)
def test_pnpm(body: str) -> None:
    assert found("pnpm-lock.yaml", body) == [("a", "1.0.0"), ("@s/b", "2.0.0"), ("d", "3.0.0")]


def test_since_version_9_who_needs_a_package_tells_whether_it_is_for_development() -> None:
    body = """
lockfileVersion: '9.0'
importers:
  .:
    dependencies:
      a: {specifier: ^1.0.0, version: 1.0.0(p@1.0.0)}
      alias: {specifier: 'npm:real@^3', version: real@3.0.0}
      side: {specifier: 'workspace:*', version: 'link:../side'}
    devDependencies:
      tool: {specifier: ^1.0.0, version: 1.0.0}
  side:
    optionalDependencies:
      '@s/o': {specifier: ^1.0.0, version: 1.0.0}
packages:
  a@1.0.0: {resolution: {integrity: x}}
  both@1.0.0: {resolution: {integrity: x}}
  lost@1.0.0: {resolution: {integrity: x}}
  only@1.0.0: {resolution: {integrity: x}}
  p@1.0.0: {resolution: {integrity: x}}
  real@3.0.0: {resolution: {integrity: x}}
  '@s/o@1.0.0': {resolution: {integrity: x}}
  tool@1.0.0: {resolution: {integrity: x}}
snapshots:
  a@1.0.0(p@1.0.0): {dependencies: {both: 1.0.0, p: 1.0.0}}
  both@1.0.0: {dependencies: {a: 1.0.0(p@1.0.0)}}
  lost@1.0.0: {}
  only@1.0.0: {}
  p@1.0.0: {}
  real@3.0.0: {}
  '@s/o@1.0.0': {}
  tool@1.0.0: {dependencies: {both: 1.0.0, only: 1.0.0}}
"""
    assert [name for name, _ in found("pnpm-lock.yaml", body)] == ["a", "both", "lost", "p", "real", "@s/o"]


def test_pnpm_packages_from_elsewhere_have_name_and_version_inside() -> None:
    body = """
lockfileVersion: '6.0'
packages:
  git@example.org/a.git/0123456789abcdef:
    resolution: {commit: 0123456789abcdef, repo: 'https://example.org/a.git', type: git}
    name: a
    version: 1.0.0
  'file:box.tgz':
    resolution: {tarball: 'file:box.tgz'}
    name: box
  'side@file:../side':
    resolution: {directory: ../side, type: directory}
    name: side
"""
    assert found("pnpm-lock.yaml", body) == [("a", "1.0.0"), ("box", UNKNOWN_VERSION)]
    assert "vcs_url=git%2Bhttps" in purls("pnpm-lock.yaml", body)[0]


@pytest.mark.parametrize(
    "body", ["packages: {}\n", "lockfileVersion: 6\npackages: []\n", "lockfileVersion: 6\npackages: &a {}\n", "- a\n"]
)
def test_what_is_no_pnpm_lock_is_reported(body: str) -> None:
    assert len(faulty("pnpm-lock.yaml", body)[1]) == 1
