"""What lock files and manifests name: packages that a project wants, whether or not they are installed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec

from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import LocatedFact, Read, Report

_MAX_PACKAGES = Limit(200_000, "packages that one lock file names")
_MAX_TEXT = Limit(1024, "characters of a repository's address in a lock file", "shortened")
_SHOWN = 5

# Packages in these folders are installed and have their own records: their lock files only say how they were developed.
_OTHERS = late(
    r"(?:.*/)?(?:node_modules|site-packages|dist-packages|\.cargo/registry|pkg/mod|gems/[^/]+-\d[^/]*|META-INF/maven)/",
    re.DOTALL,
).match
_LOGIN = late(r"(?<=://)(?!git@)[^/@\s]*@")
_COMMIT = late(r"[0-9A-Za-z._/-]{1,128}").fullmatch


class DeclaredPackage(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A package that a file names. `version` is empty where none is given; `qualifiers` are the purl's. `needs` are packages of the same
    file that it depends on: `name`, or `name@version` where the file says which."""

    name: str
    version: str
    licenses: tuple[str, ...] = ()
    qualifiers: tuple[tuple[str, str], ...] = ()
    needs: tuple[str, ...] = ()


Listing = tuple[DeclaredPackage, ...]


def has_text(text: str, comments: str) -> bool:
    """Whether a file has more than blank lines and comments, which begin with `comments`: what names nothing then is another format."""
    return any(line.strip() and not line.lstrip().startswith(comments) for line in text.splitlines())


def vcs_url(kind: str, url: object, commit: object) -> tuple[tuple[str, str], ...]:
    """The qualifier for what comes from a repository: `git+https://…@commit`, without a login. Empty if not known."""
    if not isinstance(url, str) or not isinstance(commit, str) or not url or not _COMMIT(commit):
        return ()
    url = _LOGIN.sub("", url.removeprefix(f"{kind}+"))[:_MAX_TEXT]
    return (("vcs_url", f"{kind}+{url}@{commit}"),) if url.isprintable() else ()


class PackageCollector:
    """The packages of one file, without repeats. Unusable entries are counted, and reported at the end."""

    def __init__(self, is_name: Callable[[str], object], is_version: Callable[[str], object]) -> None:
        self._is_name, self._is_version = is_name, is_version
        self._found: dict[DeclaredPackage, dict[str, None]] = {}
        self._places: dict[tuple[str, str], dict[str, None]] = {}
        self._refused: dict[str, None] = {}
        self._refusals = 0
        self._left_out = 0

    def add(
        self,
        name: object,
        version: object,
        *,
        licenses: tuple[str, ...] = (),
        qualifiers: tuple[tuple[str, str], ...] = (),
        needs: Iterable[str] = (),
    ) -> None:
        """Add a package. A version of None means that none is given; any other wrong type or form is a fault. What is added again needs
        what it needed before, too."""
        if not isinstance(name, str) or not self._is_name(name):
            self.refuse(name)
            return
        if version is not None and (not isinstance(version, str) or not self._is_version(version)):
            self.refuse(f"{name} {version}")
            version = None
        entry = DeclaredPackage(name, version or "", licenses, qualifiers)
        if entry in self._found or len(self._found) < _MAX_PACKAGES:
            self._found.setdefault(entry, {}).update(dict.fromkeys(needs))
        else:
            self._left_out += 1

    def need(self, name: str, version: str, needs: Iterable[str]) -> None:
        """Say what a package needs that was added, if it was."""
        if not self._places:
            self._places.update(((entry.name, entry.version), found) for entry, found in self._found.items())
        found = self._places.get((name, version))
        if found is not None:
            found.update(dict.fromkeys(needs))

    def refuse(self, entry: object) -> None:
        """Count an entry that cannot be used."""
        self._refusals += 1
        if len(self._refused) < _SHOWN:
            self._refused[repr(_LOGIN.sub("", str(entry)[:_MAX_TEXT])[:60])] = None

    def finish(self, report: Report) -> Listing | None:
        """The packages, in the order they were added; None if there are none."""
        if self._refusals:
            more = " …" if self._refusals > len(self._refused) else ""
            report(f"entries that cannot be used: {self._refusals:,} ({', '.join(self._refused)}{more})")
        if self._left_out:
            report(f"it names more than {_MAX_PACKAGES:,} packages; the rest was left out")
        found = self._found.items()
        return (
            tuple(msgspec.structs.replace(entry, needs=tuple(needs)) if needs else entry for entry, needs in found)
            or None
        )


class Ecosystem(msgspec.Struct, frozen=True, kw_only=True):
    """How an ecosystem names its packages.

    `type` is the purl type, `cataloger` the cataloger's name. `parted(name)` gives the purl's namespace and name; by default there
    is not a namespace. `is_short`: people call a package by the purl's name alone.
    """

    type: str
    cataloger: str
    parted: Callable[[str], tuple[str, str]] = lambda name: ("", name)
    is_short: bool = False


MakePackage = Callable[[LocatedFact[Listing], DeclaredPackage], Package]
"""How a cataloger makes the package of an entry, where an ecosystem's names do not say all."""


def packages(
    view: View, reads: Iterable[Read[Listing]], of: Ecosystem | MakePackage, *, everywhere: bool = False
) -> Iterator[Package]:
    """A package for each entry of each file, except files that belong to installed packages. `everywhere`: of those too, as records of
    what is installed are."""
    for read in reads:
        for found in view.facts(read):
            if everywhere or not is_others(found.path):
                yield from (package(found, entry, of) for entry in found.fact)


def package(found: LocatedFact[Any], entry: DeclaredPackage, of: Ecosystem | MakePackage) -> Package:
    """The package that a file names."""
    if not isinstance(of, Ecosystem):
        return of(found, entry)
    namespace, name = of.parted(entry.name)
    return Package(
        type=of.type,
        name=name if of.is_short else entry.name,
        version=entry.version or UNKNOWN_VERSION,
        purl=make_purl(of.type, name, entry.version, namespace=namespace, qualifiers=entry.qualifiers),
        cataloger=of.cataloger,
        licenses=entry.licenses,
        locations=(Location("/" + found.path, found.layer),),
    )


def is_others(path: str) -> bool:
    """Whether a file is inside an installed package or a package manager's store."""
    return _OTHERS(path) is not None
