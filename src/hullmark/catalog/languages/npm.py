"""Installed npm packages: package.json, as npm's folder layout and package.json documents have them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Remark, Report

_FILE = "/package.json"
_MAX_TEXT = Limit(1024, "characters of one value in a package.json", "shortened")
_MAX_LICENSES = Limit(32, "licences in a package.json")
_MAX_NEEDS = Limit(256 << 10, "bytes of one list of dependencies in a package.json")
_MAX_DEPTH = Limit(128, "folders above a package.json that lies in no node_modules")
_FIXTURES = frozenset(
    ("test", "tests", "__tests__", "spec", "specs", "fixture", "fixtures", "__fixtures__", "mock", "mocks", "__mocks__")
)
_NOTHING = msgspec.Raw()
_BOM = b"\xef\xbb\xbf"

# A folder name beginning with a dot is npm's own or a tool's (.bin, .cache, .pnpm), never a package.
_INSTALLED = late(r"(?:.*/)?node_modules/((?:@[^/]+/)?[^/@.][^/]*)", re.DOTALL).fullmatch
_IS_NAME = late(r"(?:@[A-Za-z0-9\-_.!~*'()]{1,214}/)?(?!\.)[A-Za-z0-9\-_.!~*'()]{1,214}").fullmatch
_VERSION = late(r"[v=]{0,2}([0-9][0-9A-Za-z.+~_-]{0,255})").fullmatch
_SECRET_PART = late(r"(?<=://)[^/@\s]*@")

_ODD_NAME = Remark("the name in package.json is not one that npm allows; the folder's is used")
_ODD_VERSION = Remark("the version in package.json is not one that npm understands", "unidentified")


class DependencyLists(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a package.json depends on: objects from names to ranges, in JSON as they are written; empty: none.

    `peers_meta` says which of `peers` are optional.
    """

    needed: bytes = b""
    optional: bytes = b""
    peers: bytes = b""
    peers_meta: bytes = b""
    development: bytes = b""


class PackageJson(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a package.json says of itself. Empty strings: not said, or not said in a usable form."""

    name: str
    version: str
    licenses: tuple[str, ...] = ()
    homepage: str = ""
    author: str = ""
    private: bool = False
    needs: DependencyLists | None = None


class _Raw(msgspec.Struct):
    """The keys that are read, of any type; everything else is skipped without decoding."""

    name: object = None
    version: object = None
    license: object = None
    licenses: object = None
    homepage: object = None
    author: object = None
    private: object = None
    dependencies: msgspec.Raw = _NOTHING
    optional: msgspec.Raw = msgspec.field(name="optionalDependencies", default=_NOTHING)
    peers: msgspec.Raw = msgspec.field(name="peerDependencies", default=_NOTHING)
    peers_meta: msgspec.Raw = msgspec.field(name="peerDependenciesMeta", default=_NOTHING)
    development: msgspec.Raw = msgspec.field(name="devDependencies", default=_NOTHING)


_DECODER = msgspec.json.Decoder(_Raw)


def _decode(body: memoryview) -> _Raw:
    data: bytes | memoryview = body[3:] if body[:3] == _BOM else body
    try:
        return _DECODER.decode(data)
    except UnicodeDecodeError:
        # Node replaces bytes that are not UTF-8, so an author in Latin-1 does not make the package unusable.
        return _DECODER.decode(bytes(data).decode("utf-8", "replace"))


def _text(value: object) -> str:
    return value.strip()[:_MAX_TEXT] if isinstance(value, str) else ""


def _licenses(raw: _Raw, report: Report) -> tuple[str, ...]:
    """The forms in use: a string, {"type": …}, or a list of either, under `license` or the older `licenses`."""
    found: dict[str, None] = {}
    for value in (raw.license, raw.licenses):
        if isinstance(value, list) and len(value) > _MAX_LICENSES:
            report(f"package.json names {len(value):,} licences; the first {_MAX_LICENSES} are kept")
        for item in value[:_MAX_LICENSES] if isinstance(value, list) else [value]:
            name = _text(item.get("type") or item.get("name")) if isinstance(item, dict) else _text(item)
            if name:
                found[name] = None
    return tuple(found)


def _author(value: object) -> str:
    if not isinstance(value, dict):
        return _text(value)
    name, email = _text(value.get("name")), _text(value.get("email"))
    return f"{name} <{email}>".strip() if email else name


def extract(path: str, body: memoryview, report: Report) -> PackageJson | None:
    """Take name, version and licences. None for a file without either name or version: it only marks a module type."""
    try:
        raw = _decode(body)
    except RecursionError:
        report("package.json is nested too deeply")
        return None
    except msgspec.ValidationError:
        report("package.json is not a JSON object")
        return None
    except msgspec.DecodeError as error:
        report(f"package.json cannot be read: {error}")
        return None
    for key, value in (("name", raw.name), ("version", raw.version)):
        if value is not None and not isinstance(value, str):
            report(f"the {key} in package.json is not a string")
    name, version = _text(raw.name), _text(raw.version)
    if not name and not version:
        return None
    homepage = _SECRET_PART.sub("", _text(raw.homepage))
    return PackageJson(
        name, version, _licenses(raw, report), homepage, _author(raw.author), raw.private is True, _needs(raw, report)
    )


def _needs(raw: _Raw, report: Report) -> DependencyLists | None:
    lists = raw.dependencies, raw.optional, raw.peers, raw.peers_meta, raw.development
    if not any(lists):
        return None
    found = [bytes(body) for body in lists]
    if max(map(len, found)) > _MAX_NEEDS:
        report(f"package.json has a list of dependencies of more than {_MAX_NEEDS:,} bytes, which was not read")
        return None
    return DependencyLists(*found)


PACKAGE_JSON = Read(
    name="npm-package-json", fact=PackageJson, globs=("**/package.json",), extract=extract, limit=16 * MIB
)


def folder_of(path: str) -> str:
    return path[: -len(_FILE)] if path.endswith(_FILE) else ""


def is_fixture(folder: str) -> bool:
    """Whether a folder in a node_modules is test material of the package that ships it: nothing ever loads it."""
    parts = folder.split("/")
    start = len(parts)  # where the inner folders of the package begin that is being walked through
    for at, part in enumerate(parts[:-1]):
        if part == "node_modules":
            start = at + (3 if parts[at + 1].startswith("@") else 2)
        elif at >= start and part in _FIXTURES:
            return True
    return False


def _enclosing(folder: str, packages: set[str]) -> Iterator[str]:
    """The packages that a folder lies in, nearest first. The root never counts: an image is not one big package."""
    while folder := folder.rpartition("/")[0]:
        if folder in packages:
            yield folder


def _applications(
    view: View, outside: Mapping[str, list[LocatedFact[PackageJson]]]
) -> Iterator[LocatedFact[PackageJson]]:
    """Of the files outside any node_modules, the topmost named and versioned ones, and the workspaces below them.

    What else lies in a package (examples, fixtures, built copies) is part of it. A workspace is a folder that a link
    in its package's node_modules leads to.
    """
    packages: set[str] = set()
    for folder in sorted(outside, key=lambda folder: (folder.count("/"), folder)):
        above = tuple(_enclosing(folder, packages))
        names = {found.fact.name for found in outside[folder]}
        if not above or any(
            view.resolve(f"{parent}/node_modules/{name}") == folder for parent in above for name in names
        ):
            packages.add(folder)
            yield from outside[folder]


def _package(view: View, found: LocatedFact[PackageJson], name: str) -> Package:
    fact = found.fact
    clean = _VERSION(fact.version)
    if fact.version and not clean:
        view.problem(found.path, _ODD_VERSION)
    version = clean[1] if clean else ""
    scope, _, base = name.rpartition("/")
    notes = {"homepage": fact.homepage, "author": fact.author, "private": "true" if fact.private else ""}
    return Package(
        type="npm",
        name=name,
        version=version or UNKNOWN_VERSION,
        purl=make_purl("npm", base, version, namespace=scope),
        cataloger="npm",
        licenses=fact.licenses,
        locations=(Location(f"/{found.path}", found.layer),),
        notes={key: value for key, value in notes.items() if value},
    )


def assemble(view: View) -> Iterator[Package]:
    """A package is directly in a node_modules folder, or is the topmost one with name and version elsewhere.

    The name is the one inside package.json, also where an alias installed it into a folder of another name.
    """
    outside: dict[str, list[LocatedFact[PackageJson]]] = {}
    for found in view.facts(PACKAGE_JSON):
        folder, name = folder_of(found.path), found.fact.name
        installed = _INSTALLED(folder)
        if installed:
            if is_fixture(folder):
                continue
            if name and not _IS_NAME(name):
                view.problem(found.path, _ODD_NAME)
                name = ""
            yield _package(view, found, name or installed[1])
        elif "node_modules" not in folder.split("/", _MAX_DEPTH) and found.fact.version and _IS_NAME(name):
            if folder.count("/") < _MAX_DEPTH:
                outside.setdefault(folder, []).append(found)
            else:
                view.problem(found.path, "package.json lies too deep in the tree to say what it belongs to")
    for found in _applications(view, outside):
        yield _package(view, found, found.fact.name)


CATALOGER = Cataloger(name="npm", types=("npm",), reads=(PACKAGE_JSON,), assemble=assemble)
