"""Lock files against the tools that write them: go, npm, uv and cargo, all without a network."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.locks import go as lock_go
from hullmark.catalog.locks import npm as lock_npm
from hullmark.catalog.locks import python as lock_python
from hullmark.catalog.locks import rust as lock_rust
from tests.support.views import FakeView

MODULES = """\
module example.com/tool

go 1.22

require (
\t"example.com/one" v1.0.0 // indirect
\texample.com/two/v2 v2.0.0-20200624184116-66aa578126db
\texample.com/three v2.1.0+incompatible
\texample.com/four v1.0.0
\texample.com/gone v1.0.0
)

require example.com/five v1.5.0
replace example.com/one => example.org/One v1.0.1
replace example.com/three v2.1.0+incompatible => ../three
replace (
\texample.com/four v0.9.0 => example.com/four v0.9.1
\t"example.com/five" => example.com/five v1.5.1
)
exclude example.com/gone v1.0.0
retract [v1.1.0, v1.2.0]
"""

UV_LOCK = """\
version = 1
revision = 3
requires-python = ">=3.11"

[[package]]
name = "a"
version = "1.0"
source = { registry = "https://example.org/simple" }
sdist = { url = "https://example.org/a-1.0.tar.gz", hash = "sha256:%(hash)s", size = 1 }

[[package]]
name = "b-c"
version = "2.0+local"
source = { registry = "https://example.org/simple" }
sdist = { url = "https://example.org/b-c-2.0.tar.gz", hash = "sha256:%(hash)s", size = 1 }

[[package]]
name = "own"
version = "0.1.0"
source = { virtual = "." }
dependencies = [
    { name = "a" },
    { name = "b-c" },
]

[package.metadata]
requires-dist = [
    { name = "a" },
    { name = "b-c" },
]
""".replace("%(hash)s", "0" * 64)


def tool(name: str) -> str:
    """Where a tool is; skips the test where it is not, or does not run (a toolchain's launcher may have none to start)."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here")
    asked = [found, "version"] if name == "go" else [found, "--version"]
    if subprocess.run(asked, capture_output=True, timeout=60, check=False).returncode:
        pytest.skip(f"{name} does not run here")
    return found


def run(folder: Path, *command: str) -> str:
    """What a command prints."""
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=True).stdout


def ours(cataloger: Cataloger, name: str, body: str) -> set[tuple[str, str]]:
    """Names and versions in a file, which is sound."""
    view = FakeView({name: body.encode()}, cataloger)
    packages = {(package.name, package.version) for package in cataloger.assemble(view)}
    assert view.problems == []
    return packages


def test_go_mod_is_read_as_go_reads_it(tmp_path: Path) -> None:
    go = tool("go")
    (tmp_path / "go.mod").write_text(MODULES)
    told: dict[str, list[dict[str, Any]]] = json.loads(run(tmp_path, go, "mod", "edit", "-json"))
    gone = {(module["Path"], module["Version"]) for module in told["Exclude"]}
    replaced = {(each["Old"]["Path"], each["Old"].get("Version", "")): each["New"] for each in told["Replace"]}
    theirs = set()
    for module in told["Require"]:
        path, version = module["Path"], module["Version"]
        new = replaced.get((path, version)) or replaced.get((path, ""))
        if (path, version) not in gone:
            theirs.add((new["Path"], new["Version"]) if new and "Version" in new else (path, version))
    assert ours(lock_go.CATALOGER, "go.mod", MODULES) == theirs
    assert len(theirs) == 5


def entry(version: str, **more: Any) -> dict[str, Any]:
    return {"version": version, "resolved": f"https://example.org/{version}.tgz", **more}


@pytest.mark.parametrize("number", [2, 3])
def test_package_lock_holds_what_npm_lists_without_development(tmp_path: Path, number: int) -> None:
    npm = tool("npm")
    project = {
        "name": "shop",
        "version": "7.0.0",
        "dependencies": {"a": "^1.0.0", "alias": "npm:@s/real@^3.0.0"},
        "devDependencies": {"tool": "^1.0.0"},
    }
    places = {
        "": project,
        "node_modules/a": entry("1.0.0", dependencies={"b": "^2.0.0"}),
        "node_modules/a/node_modules/b": entry("2.0.0"),
        "node_modules/alias": entry("3.0.0", name="@s/real"),
        "node_modules/b": entry("1.0.0", dev=True),
        "node_modules/tool": entry("1.0.0", dev=True, dependencies={"b": "^1.0.0"}),
    }
    tree = {
        "a": entry("1.0.0", requires={"b": "^2.0.0"}, dependencies={"b": entry("2.0.0")}),
        "alias": entry("npm:@s/real@3.0.0"),
        "b": entry("1.0.0", dev=True),
        "tool": entry("1.0.0", dev=True, requires={"b": "^1.0.0"}),
    }
    lock = {"name": "shop", "version": "7.0.0", "lockfileVersion": number, "requires": True}
    lock |= {"packages": places}
    lock |= {"dependencies": tree} if number < 3 else {}
    (tmp_path / "package.json").write_text(json.dumps(project))
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    listed = run(
        tmp_path, npm, "ls", "--package-lock-only", "--all", "--omit=dev", "--offline", "--parseable", "--long"
    )
    named = (line.partition(":")[2].rpartition("npm:")[2].rpartition("@") for line in listed.splitlines())
    theirs = {(name, version) for name, _, version in named}
    assert ours(lock_npm.CATALOGER, "package-lock.json", json.dumps(lock)) == theirs
    assert len(theirs) == 4
    # npm asks the network about a file of version 1; what it wrote beside version 2 for older npm is the same form.
    old = json.dumps({"lockfileVersion": 1, "dependencies": tree})
    assert ours(lock_npm.CATALOGER, "package-lock.json", old) == theirs - {("shop", "7.0.0")}


@pytest.mark.parametrize(("form", "name"), [("requirements.txt", "requirements.txt"), ("pylock.toml", "pylock.toml")])
def test_what_uv_exports_is_what_its_lock_file_holds(tmp_path: Path, form: str, name: str) -> None:
    uv = tool("uv")
    (tmp_path / "uv.lock").write_text(UV_LOCK)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "own"\nversion = "0.1.0"\nrequires-python = ">=3.11"\ndependencies = ["a", "b-c"]\n'
    )
    exported = run(tmp_path, uv, "export", "--frozen", "--offline", "--format", form, "--python", sys.executable)
    locked = ours(lock_python.CATALOGER, "uv.lock", UV_LOCK)
    assert ours(lock_python.CATALOGER, name, exported) == locked - {("own", "0.1.0")}
    assert len(locked) == 3


def test_cargo_lock_holds_what_cargo_knows_of_a_workspace(tmp_path: Path) -> None:
    cargo = tool("cargo")
    for name, needs in (("first", 'second = { path = "../second" }'), ("second", "")):
        (tmp_path / name / "src").mkdir(parents=True)
        (tmp_path / name / "src" / "lib.rs").write_text("")
        (tmp_path / name / "Cargo.toml").write_text(
            f'[package]\nname = "{name}"\nversion = "0.1.{len(needs)}"\nedition = "2021"\n[dependencies]\n{needs}\n'
        )
    (tmp_path / "Cargo.toml").write_text('[workspace]\nresolver = "2"\nmembers = ["first", "second"]\n')
    told = json.loads(run(tmp_path, cargo, "metadata", "--offline", "--format-version", "1"))
    theirs = {(package["name"], package["version"]) for package in told["packages"]}
    assert ours(lock_rust.CATALOGER, "Cargo.lock", (tmp_path / "Cargo.lock").read_text()) == theirs
    assert len(theirs) == 2
