"""The forms of lock files: .NET, PHP, R, Perl, Dart, Swift, Erlang, Haskell, Julia, C and C++, bun, Deno, Terraform, GitHub's workflows."""

from __future__ import annotations

import json
from importlib import import_module

import pytest

from hullmark.catalog import CATALOGERS, DECLARED
from tests.support.records import COMMIT, LOCKS
from tests.support.views import FakeView

GIT = f"vcs_url=git%2Bhttps%3A%2F%2Fe.org%2Fa.git%40{COMMIT}"


def found(module: str, path: str, body: str) -> tuple[list[str], list[str]]:
    """The purls that a file comes to, and what is reported."""
    room = import_module(f"hullmark.catalog.{module}")
    known = CATALOGERS + DECLARED
    catalogers = [each for each in known if each.assemble.__module__ == room.__name__]
    purls: list[str] = []
    reasons: list[str] = []
    for cataloger in catalogers:
        view = FakeView({path: body.encode()}, cataloger)
        purls += [package.purl for package in cataloger.assemble(view)]
        reasons += [str(reason) for _, reason in view.problems]
    return purls, reasons


FORMS = [
    (
        "locks.dotnet",
        "packages.config",
        '<packages><package id="a" version="1" developmentDependency="true"/></packages>',
        [],
    ),
    ("locks.dotnet", "obj/project.assets.json", '{"libraries": {"a/1": {"type": "project"}}}', []),
    ("locks.php", "composer.lock", '{"packages": [], "packages-dev": [{"name": "v/a", "version": "1"}]}', []),
    (
        "locks.r",
        "renv.lock",
        '{"R": {"Version": "4.3"}, "Packages": {"a": {"Version": "1.0-2"}}}',
        ["pkg:cran/a@1.0-2"],
    ),
    (
        "locks.dart",
        "pubspec.lock",
        'packages:\n  a:\n    source: git\n    version: "1.0.0"\n    description:\n'
        f'      url: "https://e.org/a.git"\n      resolved-ref: "{COMMIT}"\n',
        [f"pkg:pub/a@1.0.0?{GIT}"],
    ),
    ("locks.dart", "pubspec.yaml", "name: a\npublish_to: none\n", []),
    (
        "locks.swift",
        "Package.resolved",
        json.dumps(
            {
                "object": {
                    "pins": [
                        {
                            "package": "A",
                            "repositoryURL": "git@e.org:o/a.git",
                            "state": {"version": "1.0.0", "revision": COMMIT},
                        },
                        {
                            "package": "B",
                            "repositoryURL": "https://e.org/o/b",
                            "state": {"branch": "main", "revision": COMMIT},
                        },
                    ]
                }
            }
        ),
        ["pkg:swift/e.org/o/a@1.0.0", f"pkg:swift/e.org/o/b@{COMMIT}"],
    ),
    (
        "locks.swift",
        "Podfile.lock",
        "PODS:\n  - A (1.0)\n  - B/C+D (2.0):\n    - A\nDEPENDENCIES:\n  - A\n",
        ["pkg:cocoapods/A@1.0", "pkg:cocoapods/B@2.0#C%2BD"],
    ),
    (
        "locks.beam",
        "mix.lock",
        f'%{{\n  "a": {{:git, "https://e.org/a.git", "{COMMIT}", []}},\n}}\n',
        [f"pkg:hex/a@{COMMIT}?{GIT}"],
    ),
    (
        "locks.beam",
        "rebar.lock",
        f'[{{<<"a">>,\n  {{git,"https://e.org/a.git",\n   {{ref,"{COMMIT}"}}}},\n 0}}].\n',
        [f"pkg:hex/a@{COMMIT}?{GIT}"],
    ),
    ("locks.haskell", "stack.yaml", f"extra-deps:\n- a-b-1.0@sha256:{'0' * 64},9\n- git: x\n", ["pkg:hackage/a-b@1.0"]),
    (
        "locks.haskell",
        "cabal.project.freeze",
        "active-repositories: h\nconstraints: a ==1.0,\n  any.b ==2 || ==3,\n  c >2\n",
        ["pkg:hackage/a@1.0"],
    ),
    ("locks.julia", "Manifest.toml", '[[A]]\nversion = "1.0.0"\n[[Dates]]\ndeps = ["Printf"]\n', ["pkg:julia/A@1.0.0"]),
    (
        "locks.conan",
        "conan.lock",
        '{"version": "0.5", "requires": ["a/1.0@u/c#00%1.5"], "build_requires": ["cmake/3#0"]}',
        ["pkg:conan/a@1.0?channel=c&user=u"],
    ),
    ("locks.conan", "conanfile.txt", "[requires]\na/[>1 <2]\n# b/1\n[options]\nc/1\n", ["pkg:conan/a"]),
    (
        "locks.vcpkg",
        "vcpkg.json",
        '{"name": "own", "version": "1", "port-version": 2, "dependencies": ["a", {"name": "t", "host": true}],'
        ' "overrides": [{"name": "a", "version": "3"}]}',
        ["pkg:vcpkg/own@1%232", "pkg:vcpkg/a@3"],
    ),
    (
        "locks.bun",
        "bun.lock",
        '{ // text\n "packages": {"a": ["@s/a@1.0.0", "", {}, ""], "w": ["w@workspace:x"], "g": ["g@github:o/r#1"],},}',
        ["pkg:npm/%40s/a@1.0.0", "pkg:npm/g"],
    ),
    (
        "locks.bun",
        "deno.lock",
        json.dumps(
            {
                "version": "3",
                "packages": {"npm": {"a@1.0.0_b@2.0.0": {}}, "jsr": {"@std/c@1.0.0": {}}},
                "remote": {
                    "https://deno.land/std@0.1.0/a.ts": "",
                    "https://deno.land/x/oak@v2.0.0/mod.ts": "",
                    "https://e.org/x": "",
                },
            }
        ),
        ["pkg:npm/a@1.0.0", "pkg:jsr/%40std/c@1.0.0", "pkg:deno/std@0.1.0", "pkg:deno/oak@2.0.0"],
    ),
    ("locks.bun", "deno.lock", '{"version": "5", "npm": {"a@1.0.0": {}}}', ["pkg:npm/a@1.0.0"]),
    (
        "languages.npm_pnp",
        "app/.pnp.cjs",
        'const RAW_RUNTIME_STATE =\n\'{\\\n  "packageRegistryData": [["a", [["virtual:00#npm:1.0.0", {}]]],\\\n'
        ' ["it\\\'s", [["npm:b@2.0.0", {}]]], ["w", [["workspace:.", {}]]], [null, [[null, {}]]]]}\';\n',
        ["pkg:npm/a@1.0.0", "pkg:npm/b@2.0.0"],
    ),
    (
        "languages.npm_pnp",
        "app/.pnp.js",
        'return hydrateRuntimeState({"packageRegistryData": [["a", [["npm:1.0.0", {}]]]]}, {basePath: x});',
        ["pkg:npm/a@1.0.0"],
    ),
    (
        "locks.terraform",
        ".terraform.lock.hcl",
        'provider "r.io/o/a" {\n  version     = "1.0.0"\n  hashes = [\n    "h1:x",\n  ]\n}\nprovider "r.io/o/b" {\n}\n',
        ["pkg:terraform/r.io/o/a@1.0.0", "pkg:terraform/r.io/o/b"],
    ),
    (
        "locks.github_actions",
        ".github/workflows/a.yml",
        f"- uses: 'o/a@v4'\n- uses: o/b@{COMMIT}\n- uses: o/c@{COMMIT} # tag=v1.2.3 pinned\n- uses: docker://x:1\n"
        "    uses: o/d/.github/workflows/w.yml@main\n",
        [
            "pkg:githubactions/o/a@v4",
            f"pkg:githubactions/o/b@{COMMIT}",
            "pkg:githubactions/o/c@v1.2.3",
            "pkg:githubactions/o/d@main#.github/workflows/w.yml",
        ],
    ),
    ("locks.opam", "opam/a.1.0/opam", 'name: "b"\nversion: "2.0"\n', ["pkg:opam/b@2.0"]),
]


@pytest.mark.parametrize(("module", "path", "body", "purls"), FORMS)
def test_a_form_of_a_lock_file_is_read(module: str, path: str, body: str, purls: list[str]) -> None:
    assert found(module, path, body) == (purls, [])


FAULTS = [
    ("locks.conda", "environment.yml", "dependencies:\n  - pip: {a: 1}\n"),
    ("locks.conda", "environment.yml", "dependencies: [a==1\n"),
    ("locks.conda", "environment.yml", "dependencies:\n  - '!'\n"),
    ("locks.beam", "mix.lock", '%{\n  "a": {:hg, "x"},\n}\n'),
    ("locks.beam", "rebar.lock", "not a term"),
    ("locks.bun", "bun.lock", '{"packages": ['),
    ("locks.conan", "conan.lock", '{"requires": ["a b"]}'),
    ("locks.perl", "cpanfile.snapshot", "DISTRIBUTIONS\n    pathname: nothing\n"),
    ("locks.php", "composer.lock", '{"packages": [{"name": "novendor", "version": "1"}]}'),
    ("locks.swift", "Package.resolved", '{"pins": 1}'),
    ("locks.swift", "Podfile.lock", "PODS:\n  - without version\n"),
    ("locks.terraform", ".terraform.lock.hcl", 'provider "r.io/o/a" {\n'),
    ("locks.terraform", ".terraform.lock.hcl", "\x01\x02 not HCL"),
    ("locks.haskell", "cabal.project.freeze", "\x01\x02 nothing of cabal's"),
    ("locks.conan", "conanfile.txt", "\x01\x02 nothing of conan's"),
    ("languages.npm_pnp", "app/.pnp.cjs", "module.exports = {}"),
    ("locks.github_actions", ".github/workflows/a.yml", "- uses: something\n"),
]


@pytest.mark.parametrize(("module", "path", "body"), FAULTS, ids=[fault[1] for fault in FAULTS])
def test_what_cannot_be_used_is_reported(module: str, path: str, body: str) -> None:
    purls, reasons = found(module, path, body)
    assert (purls, len(reasons)) == ([], 1)


@pytest.mark.parametrize("key", LOCKS, ids=".".join)
def test_files_inside_installed_packages_are_others(key: tuple[str, str]) -> None:
    record = LOCKS[key]
    assert found(key[0], f"node_modules/x/{record.path}", record.body.decode())[0] == []


@pytest.mark.parametrize(("module", "path", "body"), [
    ("locks.terraform", ".terraform.lock.hcl", "# This file is maintained by terraform.\n\n"),
    ("locks.haskell", "cabal.project.freeze", "-- nothing\nactive-repositories: one:merge\n"),
    ("locks.conan", "conanfile.txt", "[generators]\nCMakeDeps\n"),
    ("locks.conda", "environment.yml", "name: production\nurl: https://example.org\n"),
    ("locks.conda", "environment.yml", "[not, conda"),
])  # fmt: skip
def test_a_file_that_names_nothing_by_its_own_rules_says_nothing(module: str, path: str, body: str) -> None:
    assert found(module, path, body) == ([], [])


CONDA = [
    ("a==1.2", "pkg:conda/a@1.2"),
    ("A 1.2", "pkg:conda/a@1.2"),
    ("a 1.2 py_0", "pkg:conda/a@1.2?build=py_0"),
    ("a=1.2=py_0", "pkg:conda/a@1.2?build=py_0"),
    ("a = 1.2.3", "pkg:conda/a@1.2.3"),
    ("a=1.2.3=*_cpython", "pkg:conda/a@1.2.3"),
    ("a==1.2  # why", "pkg:conda/a@1.2"),
    ("forge::a==1.2", "pkg:conda/a@1.2?channel=forge"),
    ("forge/linux-64::a==1.2", "pkg:conda/a@1.2?channel=forge&subdir=linux-64"),
    ("https://me:secret@e.org/t/token/forge/noarch::a==1.2", "pkg:conda/a@1.2?channel=forge&subdir=noarch"),
]


@pytest.mark.parametrize(("spec", "purl"), CONDA)
def test_a_spec_of_conda_that_names_a_version_is_a_package(spec: str, purl: str) -> None:
    assert found("locks.conda", "environment.yml", f'dependencies:\n  - "{spec}"\n') == ([purl], [])


@pytest.mark.parametrize(
    "spec",
    ["a", "a=1.2", "a>=1.2.3", "a 1.2.*", "a=1.2.*", "a=1.2.3|1.2.4", "a[version='1.2.3']", "a=*=py_0", "a ~=1.2.3"],
)
def test_a_spec_of_conda_that_leaves_the_version_open_is_counted(spec: str) -> None:
    purls, reasons = found("locks.conda", "environment.yml", f'dependencies:\n  - "{spec}"\n')
    assert (purls, reasons) == ([], ["entries that name no exact version were left out: 1 (a)"])


def test_an_exported_environment_names_whole_versions() -> None:
    body = "dependencies:\n  - python=3.10\nprefix: /opt/conda\n"
    assert found("locks.conda", "environment.yml", body) == (["pkg:conda/python@3.10"], [])


def test_what_pip_installs_into_an_environment_is_pips() -> None:
    body = "dependencies:\n  - pip:\n    - Foo_Bar==1.0\n    - -r more.txt\n    - open\n"
    purls, reasons = found("locks.conda", "environment.yaml", body)
    assert purls == ["pkg:pypi/foo-bar@1.0"]
    assert reasons == ["requirements that name no exact version were left out: 1 (open)"]
