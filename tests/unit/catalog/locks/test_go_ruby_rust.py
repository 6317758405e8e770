"""Gemfile.lock, Cargo.lock and go.mod."""

from __future__ import annotations

import pytest

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.locks import go as lock_go
from hullmark.catalog.locks import ruby as lock_ruby
from hullmark.catalog.locks import rust as lock_rust
from hullmark.model.package import UNKNOWN_VERSION
from tests.support.views import FakeView

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def read(cataloger: Cataloger, name: str, body: str) -> tuple[list[str], list[str]]:
    """The purls, and what was reported."""
    view = FakeView({f"app/{name}": body.encode()}, cataloger)
    return [package.purl for package in cataloger.assemble(view)], [reason for _, reason in view.problems]


# Gemfile.lock

GEMFILE = f"""\
GIT
  remote: https://example.org/a.git
  revision: {COMMIT}
  branch: main
  specs:
    a (0.2.0)
      rack (>= 1.0)

PATH
  remote: engines/shop
  specs:
    shop (0.0.1)

GEM
  remote: https://example.org/
  specs:
    nokogiri (1.15.0-x86_64-linux)
      racc (~> 1.4)
    nokogiri (1.15.0)
    rack (2.0.5.rc1)

PLATFORMS
  ruby
  x86_64-linux

DEPENDENCIES
  a!
  rack (= 2.0.5.rc1)

CHECKSUMS
  rack (2.0.5.rc1) sha256=00

RUBY VERSION
   ruby 3.3.0p0

BUNDLED WITH
   2.5.3
"""


@pytest.mark.parametrize("name", ["Gemfile.lock", "gems.locked", "Gemfile.next.lock"])
def test_the_gems_of_every_source_are_packages(name: str) -> None:
    assert read(lock_ruby.CATALOGER, name, GEMFILE) == (
        [
            f"pkg:gem/a@0.2.0?vcs_url=git%2Bhttps%3A%2F%2Fexample.org%2Fa.git%40{COMMIT}",
            "pkg:gem/shop@0.0.1",
            "pkg:gem/nokogiri@1.15.0?platform=x86_64-linux",
            "pkg:gem/nokogiri@1.15.0",
            "pkg:gem/rack@2.0.5.rc1",
        ],
        [],
    )


def test_faults_of_a_gemfile_lock_cost_only_themselves() -> None:
    body = "GEM\n  specs:\n    a (1.0)\n    b\n    ../c (1.0)\n<<<<<<< HEAD\nGEM\n  specs:\n    d (1.0)\n"
    purls, (problem,) = read(lock_ruby.CATALOGER, "Gemfile.lock", body)
    assert purls == ["pkg:gem/a@1.0", "pkg:gem/d@1.0"]
    assert problem.startswith("entries that cannot be used: 3 (")


def test_lock_files_inside_installed_gems_are_not_looked_at() -> None:
    view = FakeView({"usr/lib/ruby/gems/3.3.0/gems/rbs-3.4.0/Gemfile.lock": GEMFILE.encode()}, lock_ruby.CATALOGER)
    assert list(lock_ruby.CATALOGER.assemble(view)) == []


# Cargo.lock


def test_crates_of_the_registry_of_repositories_and_of_the_workspace_are_packages() -> None:
    body = f"""\
version = 4

[[package]]
name = "own"
version = "0.1.0"
dependencies = ["serde"]

[[package]]
name = "serde"
version = "1.0.200"
source = "registry+https://example.org/index"

[[package]]
name = "fork"
version = "2.0.0+abi.1"
source = "git+https://example.org/fork?branch=main#{COMMIT}"
"""
    assert read(lock_rust.CATALOGER, "Cargo.lock", body) == (
        [
            "pkg:cargo/own@0.1.0",
            "pkg:cargo/serde@1.0.200",
            f"pkg:cargo/fork@2.0.0%2Babi.1?vcs_url=git%2Bhttps%3A%2F%2Fexample.org%2Ffork%40{COMMIT}",
        ],
        [],
    )


def test_the_oldest_lock_files_have_the_own_crate_apart() -> None:
    assert read(lock_rust.CATALOGER, "Cargo.lock", '[root]\nname = "own"\nversion = "0.1.0"\n') == (
        ["pkg:cargo/own@0.1.0"],
        [],
    )


@pytest.mark.parametrize(
    "body", ["package = 1", "package = [1]", '[[package]]\nname = "a b"\nversion = "1"\n', "[[package"]
)
def test_a_cargo_lock_of_another_form_is_reported(body: str) -> None:
    purls, problems = read(lock_rust.CATALOGER, "Cargo.lock", body)
    assert (purls, len(problems)) == ([], 1)


# go.mod


def test_required_modules_are_packages_as_they_are_replaced() -> None:
    body = """\
module example.com/tool // comment
go 1.22
toolchain go1.22.1

require example.com/one v1.0.0
require (
\t"example.com/two" v2.0.0 // indirect
\t// example.com/none v1.0.0
\texample.com/three/v3 v3.1.0
\texample.com/local v1.0.0
\texample.com/old v0.1.0+incompatible
\texample.com/gone v1.0.0
)

replace example.com/one => example.org/One v1.0.1
replace (
\texample.com/two v2.0.0 => example.com/two v2.0.1
\texample.com/three/v3 v3.0.0 => example.com/three/v3 v3.0.1
\texample.com/local => ../local
)
exclude example.com/gone v1.0.0
retract [v1.0.0, v1.1.0]
tool example.com/one/cmd/x
"""
    assert read(lock_go.CATALOGER, "go.mod", body) == (
        [
            "pkg:golang/example.org/One@v1.0.1",
            "pkg:golang/example.com/two@v2.0.1",
            "pkg:golang/example.com/three/v3@v3.1.0",
            "pkg:golang/example.com/local@v1.0.0",
            "pkg:golang/example.com/old@v0.1.0%2Bincompatible",
        ],
        [],
    )


def test_faults_of_a_go_mod_cost_only_themselves() -> None:
    body = "require a.example/b\nwhatever\nreplace x\nrequire ../x v1.0.0\nrequire a.example/c latest\nrequire a.example/d v1.0.0\n"
    view = FakeView({"go.mod": body.encode()}, lock_go.CATALOGER)
    packages = [(package.name, package.version) for package in lock_go.CATALOGER.assemble(view)]
    assert packages == [("a.example/c", UNKNOWN_VERSION), ("a.example/d", "v1.0.0")]
    assert [reason.partition(" (")[0] for _, reason in view.problems] == ["entries that cannot be used: 5"]


def test_the_module_store_is_not_looked_at() -> None:
    view = FakeView({"root/go/pkg/mod/a.example/b@v1.0.0/go.mod": b"require a.example/c v1.0.0\n"}, lock_go.CATALOGER)
    assert list(lock_go.CATALOGER.assemble(view)) == []
