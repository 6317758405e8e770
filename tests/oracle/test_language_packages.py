"""Python, npm and Ruby packages of real images, against importlib.metadata, npm and the specifications themselves."""

from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import IO

import pytest
from isal import igzip

from hullmark.catalog.languages import gem, npm, python
from tests.support.places import corpus
from tests.support.views import FakeView

Wanted = Callable[[str], bool]
_open: Callable[..., IO[bytes]] = igzip.open


def _folded(image: Path, wanted: Wanted) -> dict[str, bytes]:
    """The wanted files of an image in the finished tree; written for this test only, so that it shares no fault with us."""

    def blob(digest: str) -> Path:
        return image / "blobs" / digest.replace(":", "/")

    index = json.loads((image / "index.json").read_bytes())
    manifest = json.loads(blob(index["manifests"][0]["digest"]).read_bytes())
    files: dict[str, bytes] = {}
    for layer in manifest["layers"]:
        added: dict[str, bytes] = {}
        gone: list[str] = []
        with _open(blob(layer["digest"]), "rb") as stream, tarfile.open(fileobj=stream, mode="r|") as tar:
            for entry in tar:
                path = entry.name.removeprefix("./").strip("/")
                folder, _, name = path.rpartition("/")
                if name == ".wh..wh..opq":
                    gone.append(f"{folder}/")
                elif name.startswith(".wh."):
                    gone += [f"{folder}/{name[4:]}", f"{folder}/{name[4:]}/"]
                elif entry.isfile() and wanted(path) and (body := tar.extractfile(entry)):
                    added[path] = body.read()
        folders = tuple(each for each in gone if each.endswith("/"))
        files = {
            path: body for path, body in files.items() if path not in gone and not path.startswith(folders)
        } | added
    return files


@cache
def python_files() -> dict[str, bytes]:
    kind = re.compile(r".*(dist-info/(METADATA|RECORD)|egg-info/PKG-INFO|\.egg-info|\.egg-link)").fullmatch
    return _folded(corpus("oci", "python-app"), lambda path: kind(path) is not None)


@cache
def npm_files() -> dict[str, bytes]:
    return _folded(corpus("oci", "node-app"), lambda path: path.endswith("/package.json"))


@pytest.mark.slow
def test_python_packages_are_those_that_importlib_metadata_finds(tmp_path: Path) -> None:
    for path, body in python_files().items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
    got = list(python.assemble(FakeView(python_files(), python.CATALOGER)))
    record = re.compile(r"/(.*?)/[^/]+?-info(?:/METADATA|/PKG-INFO)?").fullmatch
    ours: dict[str, set[tuple[str, str]]] = {}
    for package in got:
        match = record(package.locations[0].path)
        assert match
        ours.setdefault(match[1], set()).add((package.name, package.version))
    for site, names in ours.items():
        found = importlib.metadata.distributions(path=[str(tmp_path / site)])
        assert names == {(re.sub(r"[-_.]+", "-", each.metadata["Name"]).lower(), each.version) for each in found}
    assert len(got) > 200


@pytest.mark.slow
def test_python_records_are_as_importlib_metadata_reads_them(tmp_path: Path) -> None:
    site = "usr/local/lib/python3.8/site-packages"
    files = {path: body for path, body in python_files().items() if path.startswith(f"{site}/")}
    for path, body in files.items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
    view = FakeView(files, python.CATALOGER)
    ours = {file.path for file in python.list_owned_files(view)}
    theirs: set[str] = set()
    for distribution in importlib.metadata.distributions(path=[str(tmp_path / site)]):
        record = distribution.read_text("RECORD")
        lines = record.splitlines() if record else []
        # pip wrote --target installs with the paths of their scripts as they would be in a prefix
        theirs |= {
            str((Path("/", site) / line.rsplit(",", 2)[0].strip('"')).resolve(strict=False))[1:] for line in lines
        }
    assert ours == theirs
    assert view.problems == []


def _npm_list(folder: Path) -> set[tuple[str, str]]:
    command = ["npm", "ls", "--all", "--parseable", "--long", "--offline"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
    rows = [line.removeprefix(str(folder)).split(":") for line in done.stdout.splitlines()]
    return {(row[0], row[1]) for row in rows}


@pytest.mark.slow
def test_npm_packages_are_those_that_npm_lists_and_those_shipped_inside_them(tmp_path: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed here")
    app = {path: body for path, body in npm_files().items() if path.startswith("srv/app/")}
    for path, body in app.items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(body)
    ours = {
        (each.locations[0].path.removesuffix("/package.json").removeprefix("/srv/app"), f"{each.name}@{each.version}")
        for each in npm.assemble(FakeView(app, npm.CATALOGER))
    }
    listed = _npm_list(tmp_path / "srv" / "app")
    assert len(listed) > 2000
    assert listed <= ours
    # npm does not look into a package's other folders, but what those ship is there all the same.
    installed = {place for place, _ in listed}
    for inner, _ in ours - listed:
        holder = inner.rpartition("/node_modules/")[0]
        assert holder not in installed
        assert any(holder.startswith(f"{each}/") for each in installed if each)


@pytest.mark.slow
def test_every_named_package_directly_in_a_node_modules_folder_is_found() -> None:
    got = [each.locations[0].path[1:] for each in npm.assemble(FakeView(npm_files(), npm.CATALOGER))]
    direct = re.compile(r".*/node_modules/(@[^/]+/)?[^/@.][^/]*/package\.json").fullmatch
    # What `resolve` ships in its folder of tests is nothing that is installed.
    files = {path: body for path, body in npm_files().items() if "/resolve/test/" not in path}
    named = {path for path, body in files.items() if direct(path) and json.loads(body).get("name")}
    assert {path for path in got if "/node_modules/" in path} == named


@pytest.mark.slow
def test_gems_are_as_ruby_loads_them(tmp_path: Path) -> None:
    files = _folded(corpus("oci", "ruby-app"), lambda path: path.endswith(".gemspec") and "/specifications/" in path)
    got = {each.locations[0].path[1:]: each for each in gem.assemble(FakeView(files, gem.CATALOGER))}
    assert got.keys() == files.keys()
    if shutil.which("ruby") is None:
        for path, package in got.items():
            assert path.endswith(f"/{package.name}-{package.version}.gemspec")
        return
    script = "ARGV.each { |f| s = Gem::Specification.load(f); puts [s.name, s.version, *s.licenses].join(%(\\t)) }"
    for number, path in enumerate(sorted(got)):
        (tmp_path / f"{number}.gemspec").write_bytes(files[path])
    names = [str(tmp_path / f"{number}.gemspec") for number in range(len(got))]
    done = subprocess.run(["ruby", "-e", script, *names], capture_output=True, text=True, timeout=120, check=True)
    lines = ["\t".join((got[path].name, got[path].version, *got[path].licenses)) for path in sorted(got)]
    assert done.stdout.splitlines() == lines
