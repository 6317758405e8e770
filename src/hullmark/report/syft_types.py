"""What syft calls the types of packages, and the smallest metadata of each type that its readers accept.

Field names are those of syft's JSON schema 16.0, where `metadataType` names a metadata object.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hullmark.model.package import Package

Json = dict[str, Any]

_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_EPOCH = re.compile(r"(\d{1,9}):(.*)", re.ASCII | re.DOTALL).fullmatch


@dataclass(frozen=True, slots=True)
class SyftType:
    """How syft names one type of package: its type, its language, and which metadata go with it."""

    type: str
    language: str = ""
    metadata_type: str = ""
    metadata: Callable[[Package], Json] | None = None


def syft_type(purl_type: str) -> SyftType:
    """The row for a package URL type; types that syft does not have are `UnknownPackage`."""
    return _TYPES.get(purl_type, _UNKNOWN)


def qualifier(purl: str, key: str) -> str:
    """The decoded value of a qualifier of a package URL, "" if it is not there."""
    query = purl.partition("#")[0].partition("?")[2]
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name == key:
            return _decode_percent(value)
    return ""


def namespace(purl: str) -> str:
    """The decoded namespace of a package URL, "" if it has none."""
    path = purl.partition("#")[0].partition("?")[0].rpartition("@")[0] or purl.partition("?")[0]
    return "/".join(_decode_percent(segment) for segment in path.split("/")[1:-1])


def _decode_percent(text: str) -> str:
    raw = _PERCENT.sub(lambda match: bytes((int(match[1], 16),)), text.encode())
    return raw.decode("utf-8", "replace")


def _dpkg(package: Package) -> Json:
    source = package.source
    return {
        "package": package.name,
        "source": source.name if source and source.name != package.name else "",
        "version": package.version,
        "sourceVersion": source.version if source and source.version != package.version else "",
        "architecture": package.arch,
        "maintainer": "",
        "installedSize": 0,
        "files": [],
    }


def _rpm(package: Package) -> Json:
    parts = _EPOCH(package.version)
    epoch, rest = (int(parts[1]), parts[2]) if parts else (None, package.version)
    version, _, release = rest.rpartition("-")
    return {
        "name": package.name,
        "version": version or rest,
        "epoch": epoch,
        "architecture": package.arch,
        "release": release if version else "",
        "sourceRpm": qualifier(package.purl, "upstream"),
        "size": 0,
        "vendor": "",
        "modularityLabel": qualifier(package.purl, "rpmmod"),
        "files": [],
    }


def _apk(package: Package) -> Json:
    return {
        "package": package.name,
        "originPackage": package.source.name if package.source else "",
        "maintainer": "",
        "version": package.version,
        "architecture": package.arch,
        "url": "",
        "description": "",
        "size": 0,
        "installedSize": 0,
        "pullDependencies": [],
        "provides": [],
        "pullChecksum": "",
        "gitCommitOfApkPort": "",
        "files": [],
    }


def _python(package: Package) -> Json:
    path = _path(package)
    return {
        "name": package.name,
        "version": package.version,
        "author": "",
        "authorEmail": "",
        "platform": "",
        "sitePackagesRootPath": "/".join(path.split("/")[:-2]),
    }


def _npm(package: Package) -> Json:
    return {
        "name": package.name,
        "version": package.version,
        "author": "",
        "homepage": "",
        "description": "",
        "url": "",
        "private": False,
    }


def _java(package: Package) -> Json:
    artifact = package.name.rpartition(":")[2]
    return {
        "virtualPath": _path(package),
        "pomProperties": {
            "path": "",
            "name": "",
            "groupId": namespace(package.purl),
            "artifactId": artifact,
            "version": package.version,
        },
    }


def _go(package: Package) -> Json:
    return {"goCompiledVersion": "", "architecture": package.arch}


def _name_and_version(package: Package) -> Json:
    return {"name": package.name, "version": package.version}


def _crate(package: Package) -> Json:
    return {"name": package.name, "version": package.version, "source": ""}


def _dotnet(package: Package) -> Json:
    return {"name": package.name, "version": package.version, "path": "", "sha512": "", "hashPath": ""}


def _composer(package: Package) -> Json:
    nowhere = {"type": "", "url": "", "reference": ""}
    return {"name": package.name, "version": package.version, "source": nowhere, "dist": nowhere}


def _path(package: Package) -> str:
    return package.locations[0].path if package.locations else ""


_UNKNOWN = SyftType("UnknownPackage")

_TYPES = {
    "alpm": SyftType("alpm"),
    "apk": SyftType("apk", "", "apk-db-entry", _apk),
    "bitnami": SyftType("bitnami"),
    "brew": SyftType("homebrew"),
    "cargo": SyftType("rust-crate", "rust", "rust-cargo-audit-entry", _crate),
    "cocoapods": SyftType("pod", "swift"),
    "composer": SyftType("php-composer", "php", "php-composer-installed-entry", _composer),
    "conan": SyftType("conan", "c++"),
    "conda": SyftType("conda"),
    "cran": SyftType("R-package", "R"),
    "deb": SyftType("deb", "", "dpkg-db-entry", _dpkg),
    "ebuild": SyftType("portage"),
    "gem": SyftType("gem", "ruby", "ruby-gemspec", _name_and_version),
    "generic": SyftType("binary"),
    "github": SyftType("github-action"),
    "githubactions": SyftType("github-action"),
    "golang": SyftType("go-module", "go", "go-module-buildinfo-entry", _go),
    "hackage": SyftType("hackage", "haskell"),
    "hex": SyftType("hex", "elixir"),
    "luarocks": SyftType("lua-rocks", "lua"),
    "maven": SyftType("java-archive", "java", "java-archive", _java),
    "nix": SyftType("nix"),
    "npm": SyftType("npm", "javascript", "javascript-npm-package", _npm),
    "nuget": SyftType("dotnet", "dotnet", "dotnet-deps-entry", _dotnet),
    "opam": SyftType("opam", "ocaml"),
    "otp": SyftType("erlang-otp", "erlang"),
    "pear": SyftType("php-pear", "php"),
    "portage": SyftType("portage"),
    "pub": SyftType("dart-pub", "dart"),
    "pypi": SyftType("python", "python", "python-package", _python),
    "rpm": SyftType("rpm", "", "rpm-db-entry", _rpm),
    "swift": SyftType("swift", "swift"),
    "swiplpack": SyftType("swiplpack", "swipl"),
    "terraform": SyftType("terraform"),
    "vcpkg": SyftType("vcpkg", "c++"),
    "wordpress-plugin": SyftType("wordpress-plugin", "php"),
}
