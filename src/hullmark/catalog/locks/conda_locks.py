"""Lock files of Conda: what was resolved, address by address.

conda-lock.yml (conda-lock's documentation, "Lockfile format"), pixi.lock in its versions 1 to 6 (rattler_lock), and lists with the line
`@EXPLICIT` (conda's documentation, "Building identical conda environments"). A package's file is `NAME-VERSION-BUILD.conda` or `.tar.bz2`
in `CHANNEL/SUBDIR/`; a wheel's is `NAME-VERSION-….whl` (PyPA, "Binary distribution format").
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from hullmark.catalog.declared import DeclaredPackage, Ecosystem, Listing, PackageCollector, package
from hullmark.catalog.documents import YAML_LIMIT, Table, text_of, yaml_documents
from hullmark.catalog.locks.python import normalise_name
from hullmark.model.late import late
from hullmark.model.package import Package
from hullmark.rootfs.reads import LocatedFact, Read, Report

NAME = "conda-lock"
CONDA = Ecosystem(type="conda", cataloger=NAME)
PYPI = Ecosystem(type="pypi", cataloger=NAME)
_OF_PYPI = "pypi:"
"""Begins the names of Python's own packages: both kinds may be called the same."""

_IS_NAME = late(r"(?:pypi:)?[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}").fullmatch
_IS_VERSION = late(r"[A-Za-z0-9_][A-Za-z0-9_.!+-]{0,127}").fullmatch
_IS_WORD = late(r"[A-Za-z0-9_.+-]{1,128}").fullmatch
_FILE = late(r"(?P<name>[^/]+)-(?P<version>[^/-]+)-(?P<build>[^/-]+)\.(?:conda|tar\.bz2)").fullmatch
_WHEEL = late(r"(?P<name>[^/-]+)-(?P<version>[^/-]+)-[^/]+\.whl").fullmatch
_NEED = late(r"\s*([A-Za-z0-9_][A-Za-z0-9_.-]{0,254})").match
_LOGIN = late(r"(?<=://)[^/@\s]*@")
_TOKEN = late(r"/t/[^/]+/")
_ANYWHERE = "noarch"
_SYSTEMS = frozenset(("emscripten", "freebsd", "linux", "osx", "wasi", "win", "zos"))
_EXPLICIT = "@EXPLICIT"
_MANAGERS = {"conda": "", "pip": _OF_PYPI, "pypi": _OF_PYPI}


def place_of(address: str) -> tuple[tuple[str, str], ...]:
    """Channel and subdir of a channel's folder (`conda-forge/linux-64`, an address) as a purl's qualifiers, without what may log in."""
    bare = _TOKEN.sub("/", _LOGIN.sub("", address)).rstrip("/")
    name, _, folder = bare.rpartition("/")
    if name and (folder == _ANYWHERE or folder.partition("-")[0] in _SYSTEMS):
        return ("channel", name.rpartition("/")[2]), ("subdir", folder)
    return (("channel", folder),) if folder else ()


class _File(msgspec.Struct, frozen=True):
    """What the address of a package's file says."""

    name: str = ""
    version: str = ""
    qualifiers: tuple[tuple[str, str], ...] = ()


_NOTHING = _File()


def _decode(part: str) -> str:
    """A file's name in an address: an epoch's `!` and a local version's `+` may be written as numbers."""
    return part.replace("%21", "!").replace("%2B", "+").replace("%2b", "+")


def _conda_file(address: object) -> _File:
    text = address.partition("#")[0] if isinstance(address, str) else ""
    folder, _, last = text.rpartition("/")
    found = _FILE(_decode(last))
    if found is None:
        return _NOTHING
    places = ((key, value) for key, value in place_of(folder) if _IS_WORD(value)) if folder else ()
    return _File(found["name"].lower(), found["version"], (("build", found["build"]), *places))


def _wheel(address: object) -> _File:
    text = address.partition("#")[0] if isinstance(address, str) else ""
    found = _WHEEL(_decode(text.rpartition("/")[2]))
    return _NOTHING if found is None else _File(found["name"], found["version"])


def _is_folder(address: object) -> bool:
    return isinstance(address, str) and address.startswith(".")


class _LockEntry(msgspec.Struct, frozen=True):
    """An entry as it will be added: its needs are still those of its own kind."""

    name: object
    version: object
    qualifiers: tuple[tuple[str, str], ...]
    needs: tuple[str, ...]
    licence: tuple[str, ...] = ()


def _conda_entry(entry: Table) -> _LockEntry | None:
    """None for a folder of the project itself."""
    address = entry.get("conda") or entry.get("url") or entry.get("path")
    if _is_folder(address):
        return None
    file = _conda_file(address)
    name, version = entry.get("name") or file.name or None, entry.get("version") or file.version or None
    said = ((key, entry.get(key)) for key in ("build", "subdir"))
    qualifiers = file.qualifiers or tuple(
        (key, value) for key, value in said if isinstance(value, str) and _IS_WORD(value)
    )
    licence = entry.get("license")
    stated = (licence,) if isinstance(licence, str) and licence not in ("", "None", "null", "~") else ()
    name = name.lower() if isinstance(name, str) else name
    return _LockEntry(name, version, qualifiers, tuple(_needs(entry, ("depends", "dependencies"))), stated)


def _pypi_entry(entry: Table) -> _LockEntry | None:
    """None for a folder of the project itself."""
    address = entry.get("pypi") or entry.get("url") or entry.get("path")
    if _is_folder(address):
        return None
    file = _wheel(address)
    name, version = entry.get("name") or file.name or None, entry.get("version") or file.version or None
    needs = tuple(_OF_PYPI + normalise_name(need) for need in _needs(entry, ("requires_dist", "dependencies")))
    return _LockEntry(_OF_PYPI + normalise_name(name) if isinstance(name, str) else name, version, (), needs)


def _needs(entry: Table, keys: Iterable[str]) -> Iterator[str]:
    """Names of what an entry needs: a list of requirements, or a mapping from names to versions."""
    for key in keys:
        listed = entry.get(key)
        for need in listed if isinstance(listed, list | dict) else ():
            found = _NEED(need) if isinstance(need, str) else None
            if found and "extra" not in need.partition(";")[2]:
                yield found[1]


def _kind(entry: Table) -> str | None:
    """The beginning of the names of this entry's kind; None if that is not known."""
    stated = entry.get("manager") or entry.get("kind")
    if isinstance(stated, str):
        return _MANAGERS.get(stated)
    return "" if "conda" in entry else _OF_PYPI if "pypi" in entry else None


def extract_lock(path: str, body: memoryview, report: Report) -> Listing | None:
    """The packages of conda-lock.yml or pixi.lock, for all platforms, but for those of conda-lock's category `dev`."""
    gathering = PackageCollector(_IS_NAME, _IS_VERSION)
    wanted: list[_LockEntry] = []
    for document in yaml_documents(body, report):
        entries = document.get("packages", document.get("package"))
        if not isinstance(entries, list):
            report("its packages are not a list")
            continue
        for entry in entries:
            kind = _kind(entry) if isinstance(entry, dict) else None
            if kind is None:
                gathering.refuse(entry)
            elif entry.get("category", "main") != "dev":
                one = _pypi_entry(entry) if kind else _conda_entry(entry)
                wanted += [] if one is None else [one]
    return _finish(wanted, gathering, report)


def extract_explicit(path: str, body: memoryview, report: Report) -> Listing | None:
    """The addresses of a list; None for the many other files whose name ends alike."""
    lines = [line.strip() for line in text_of(body).splitlines()]
    if _EXPLICIT not in lines:
        return None
    gathering = PackageCollector(_IS_NAME, _IS_VERSION)
    wanted: list[_LockEntry] = []
    for line in lines[lines.index(_EXPLICIT) + 1 :]:
        if line and not line.startswith("#"):
            file = _conda_file(line)
            if file.name:
                wanted.append(_LockEntry(file.name, file.version, file.qualifiers, ()))
            else:
                gathering.refuse(line)
    return _finish(wanted, gathering, report)


def _finish(wanted: list[_LockEntry], gathering: PackageCollector, report: Report) -> Listing | None:
    """A Python package may need what conda brought under the same name, if the file has no wheel of it."""
    names = {one.name for one in wanted if isinstance(one.name, str)}
    for one in wanted:
        needs = (need if need in names else need.removeprefix(_OF_PYPI) for need in one.needs)
        gathering.add(one.name, one.version, licenses=one.licence, qualifiers=one.qualifiers, needs=needs)
    return gathering.finish(report)


def fits(entry: DeclaredPackage, other: DeclaredPackage) -> bool:
    """Whether two packages of one file can be installed together: a file may list those of several platforms."""
    places = {value for one in (entry, other) for key, value in one.qualifiers if key == "subdir"} - {_ANYWHERE}
    return len(places) < 2


def lock_package(found: LocatedFact[Any], entry: DeclaredPackage) -> Package:
    """The package that a lock file names."""
    if entry.name.startswith(_OF_PYPI):
        return package(found, msgspec.structs.replace(entry, name=entry.name.removeprefix(_OF_PYPI)), PYPI)
    return package(found, entry, CONDA)


LOCK: Read[Listing] = Read(
    name="conda-lock-file",
    fact=Listing,
    extract=extract_lock,
    globs=("**/conda-lock.yml", "**/conda-lock.yaml", "**/*.conda-lock.yml", "**/pixi.lock"),
    limit=YAML_LIMIT,
)
EXPLICIT: Read[Listing] = Read(
    name="conda-explicit",
    fact=Listing,
    extract=extract_explicit,
    globs=("**/conda-*.lock",),
    limit=YAML_LIMIT,
)
READS = (LOCK, EXPLICIT)
