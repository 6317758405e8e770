"""The console's third-party files: what the lock may say, that equal packages give equal bytes, and that wheels hold them."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hullmark.server.console import vendor
from tests.support.places import REPOSITORY
from tools import console_assets

PROJECT = console_assets.PROJECT
MOST_SCRIPT_BYTES = 150_000
EDITOR = ("codemirror.js", "editor.js", "schema-completion.js")

needs_packages = pytest.mark.skipif(
    not (PROJECT / "node_modules" / ".package-lock.json").is_file(), reason="run make console-assets first"
)
needs_assets = pytest.mark.skipif(bool(vendor.missing()), reason="run make console-assets first")


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A copy of the assets."""
    return Path(shutil.copytree(vendor.FOLDER, tmp_path / "vendor"))


def test_the_lock_names_versions_and_checksums_and_no_place_to_fetch_from() -> None:
    lock = json.loads((PROJECT / "package-lock.json").read_bytes())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name
    stated = json.loads((PROJECT / "package.json").read_bytes())
    for name, version in {**stated["dependencies"], **stated["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), f"{name} {version} is not one exact version"
    assert "://" not in (PROJECT / "requirements.lock").read_text()


@needs_packages
@needs_assets
def test_equal_packages_give_equal_bytes_wherever_a_checkout_lies(tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere"
    shutil.copytree(PROJECT, copy, ignore=shutil.ignore_patterns("axe-core", ".bin"), symlinks=True)
    console_assets.build(tmp_path / "first", copy)
    console_assets.build(tmp_path / "second", PROJECT)
    contents = [
        {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "first", tmp_path / "second", vendor.FOLDER)
    ]
    assert contents[0] == contents[1] == contents[2]


@needs_assets
def test_every_file_comes_from_packages_whose_licences_lie_beside_it() -> None:
    manifest = json.loads((vendor.FOLDER / console_assets.MANIFEST).read_bytes())
    packages = {package["name"]: package for package in manifest["packages"]}
    assert {"htmx.org", "uplot", "d3-hierarchy", "@codemirror/view", "@lezer/yaml", "style-mod"} <= packages.keys()
    assert not {"axe-core", "esbuild"} & packages.keys()
    for package in packages.values():
        assert package["licence"] in {"MIT", "ISC", "0BSD", "BSD-0-Clause", "BSD-3-Clause"}, package
        assert all((vendor.FOLDER / name).stat().st_size > 100 for name in package["licence_files"])
    assert set(manifest["files"]) == set(vendor.NEEDED)


@needs_packages
@needs_assets
def test_assets_are_made_anew_where_one_is_changed_or_gone(made: Path) -> None:
    assert console_assets.is_current(made)
    (made / "htmx.js").write_bytes(b"alert(1)")
    assert not console_assets.is_current(made)
    shutil.copyfile(vendor.FOLDER / "htmx.js", made / "htmx.js")
    assert console_assets.is_current(made)
    (made / "licences" / "uplot-LICENSE").unlink()
    assert not console_assets.is_current(made)


@needs_packages
@needs_assets
def test_assets_are_made_anew_where_the_lock_or_a_module_changed(made: Path, tmp_path: Path) -> None:
    project = tmp_path / "console"
    shutil.copytree(PROJECT, project, ignore=shutil.ignore_patterns("node_modules"))
    (project / "node_modules").mkdir()
    shutil.copyfile(PROJECT / "node_modules" / ".package-lock.json", project / "node_modules" / ".package-lock.json")
    assert console_assets.is_current(made, project)
    with (project / "modules" / "uplot.js").open("a") as module:
        module.write("// more\n")
    assert not console_assets.is_current(made, project)


def test_a_package_without_a_licence_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "left", "version": "1.0.0", "license": "MIT"}')
    with pytest.raises(console_assets.CannotFetch, match="says nothing of its licence"):
        console_assets._package(folder, tmp_path)


def test_a_checkout_without_assets_says_which_are_missing(tmp_path: Path) -> None:
    assert vendor.missing(tmp_path) == vendor.NEEDED
    (tmp_path / "htmx.js").touch()
    assert vendor.missing(tmp_path) == tuple(name for name in vendor.NEEDED if name != "htmx.js")
    assert vendor.ADVICE == "make console-assets"
    assert "\nconsole-assets:" in (REPOSITORY / "Makefile").read_text()


@needs_assets
def test_scripts_without_the_editor_stay_small() -> None:
    static = vendor.FOLDER.parent
    scripts = [path for path in (*static.glob("*.js"), *vendor.FOLDER.glob("*.js")) if path.name not in EDITOR]
    compressed = sum(len(gzip.compress(path.read_bytes(), 9)) for path in scripts)
    assert 0 < compressed <= MOST_SCRIPT_BYTES


@needs_assets
def test_a_wheel_holds_the_assets_with_their_licences(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    place = "hullmark/server/console/static/vendor"
    assert {f"{place}/{name}" for name in (*vendor.NEEDED, "manifest.json", "licences/uplot-LICENSE")} <= names
    assert not [name for name in names if "node_modules" in name]
