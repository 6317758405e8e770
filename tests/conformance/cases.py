"""The package cases beside the repository: which there are, the layers they make, what must be found in them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from hullmark.model.package import Package
from tests.support.conformance import files_of
from tests.support.layers import TarBuilder
from tests.support.places import SHARED

PURL_TYPES = {
    "R-package": "cran",
    "alpm": "alpm",
    "apk": "apk",
    "apple-app-bundle": "generic",
    "binary": "generic",
    "bitnami": "bitnami",
    "conan": "conan",
    "conda": "conda",
    "dart-pub": "pub",
    "deb": "deb",
    "dotnet": "nuget",
    "erlang-otp": "otp",
    "gem": "gem",
    "github-action": "githubactions",
    "github-action-workflow": "githubactions",
    "go-module": "golang",
    "hackage": "hackage",
    "hex": "hex",
    "homebrew": "brew",
    "java-archive": "maven",
    "jenkins-plugin": "maven",
    "lua-rocks": "luarocks",
    "nix": "nix",
    "npm": "npm",
    "opam": "opam",
    "php-composer": "composer",
    "php-pear": "pear",
    "php-pecl": "pear",
    "pod": "cocoapods",
    "portage": "ebuild",
    "python": "pypi",
    "rpm": "rpm",
    "rust-crate": "cargo",
    "swift": "swift",
    "swiplpack": "swiplpack",
    "terraform": "terraform",
    "vcpkg": "vcpkg",
    "wordpress-plugin": "wordpress-plugin",
}
"""The cases' names of the types that Hullmark knows → purl types."""

Case = dict[str, Any]
Triple = tuple[str, str, str]


def cases(mode: str) -> list[Case]:
    """All cases; none where the material is not there. `mode`: image or declared."""
    if SHARED is None:
        return []
    lines = (SHARED / "conformance" / "packages" / "cases.jsonl").read_bytes().splitlines()
    known = [msgspec.json.decode(line) for line in lines]
    return [case for case in known if case["mode"] == mode]


def placed(case: Case) -> dict[str, bytes]:
    """The case's files by their path in the image, without leading slash; an archive is zipped first."""
    if case["input_kind"] != "dir_zip":
        return files_of(case)
    inside = files_of({**case, "place_as": ""})
    return {case["place_as"].strip("/"): _zipped(inside)}


def _zipped(files: Mapping[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in files.items():
            archive.writestr(zipfile.ZipInfo(name), body)
    return out.getvalue()


def layer(files: Mapping[str, bytes], *, folders: bool) -> bytes:
    """A layer's tar. `folders`: with an entry for each folder, as some builders write and others do not."""
    tar = TarBuilder()
    if folders:
        above = {str(parent) for path in files for parent in Path(path).parents} - {"."}
        for folder in sorted(above):
            tar.folder(folder)
    for path, body in files.items():
        tar.add(path, body)
    return tar.done()


def expected(case: Case) -> set[Triple]:
    """(purl type, name, version) of what must be found, of the types that Hullmark knows. A case of which nothing is left fails."""
    found = {
        (PURL_TYPES[each["type"]], each["name"], each["version"])
        for each in case["expected"]
        if each["type"] in PURL_TYPES
    }
    assert found or not case["expected"], f"{case['id']}: none of its types is known"
    return found


def strict_types(case: Case) -> set[str]:
    """The purl types of which nothing else may be found."""
    return {PURL_TYPES[name] for name in case["strict_types"] if name in PURL_TYPES}


def triples(packages: Iterable[Package]) -> set[Triple]:
    """(purl type, name, version) of what was found."""
    return {(package.type, package.name, package.version) for package in packages}
