"""One correction: which packages it applies to, and what is true of them instead."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property
from hashlib import sha256

import msgspec

from hullmark.model.globs import PathGlob, name_matcher
from hullmark.model.jar import IDENTIFIED
from hullmark.model.package import Location, Package
from hullmark.model.purl import namespace_of

ROOM = "corrections"
"""What problems tell of corrections under."""

CORRECTED = "corrected"
"""The note of a package that says which correction made it what it is."""


def words_of(package: Package) -> str:
    """What identified a package other than its own record: a correction, or an index of archives. "" if neither did."""
    said = (("corrected by", package.notes.get(CORRECTED)), ("identified by", package.notes.get(IDENTIFIED)))
    return "; ".join(f"{how} {who}" for how, who in said if who)


class PackagePattern(msgspec.Struct, frozen=True, kw_only=True):
    """Which packages a correction applies to; "" matches any. All fields are globs; `path` is matched against the package's places."""

    purl: str = ""
    name: str = ""
    version: str = ""
    type: str = ""
    path: str = ""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """The corrected identity of a package; "" keeps what was found. `purl` sets name, version and type. `cpe` is part:vendor:product."""

    name: str = ""
    version: str = ""
    type: str = ""
    purl: str = ""
    cpe: str = ""
    licenses: tuple[str, ...] = ()
    supplier: str = ""

    @property
    def renames(self) -> bool:
        """Whether it changes the identity itself, rather than only data that belongs to the package."""
        return bool(self.name or self.version or self.type or self.purl)


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a corrections file: its owner and reason, its place in the file, and the images it applies to (globs; all if empty).

    Packages that match `pattern` get the data in `identity`, or are removed if it is None. Without a pattern, a package with the data in
    `identity` is added at the path `at`.
    """

    file: str
    line: int
    owner: str
    reason: str
    images: tuple[str, ...] = ()
    pattern: PackagePattern | None = None
    identity: Identity | None = None
    at: str = ""

    @property
    def origin(self) -> str:
        """Its place in the file, and its owner: `corrections.yaml:12 (platform team)`."""
        return f"{self.file}:{self.line} ({self.owner})"


class Corrections(msgspec.Struct, frozen=True, dict=True):
    """The corrections of a file, in its order. `elsewhere` are those for other images."""

    entries: tuple[Correction, ...]
    elsewhere: tuple[Correction, ...] = ()

    @cached_property
    def digest(self) -> str:
        """A digest over their content: `sha256:` and hex."""
        return "sha256:" + sha256(msgspec.json.encode((self.entries, self.elsewhere))).hexdigest()

    def about(self, names: Collection[str]) -> Corrections:
        """The corrections for an image with these names (references, tags, digests)."""
        mine: list[Correction] = []
        others: list[Correction] = []
        for entry in self.entries:
            tests = [name_matcher(glob) for glob in entry.images]
            fits = not tests or any(test(name) for test in tests for name in names)
            (mine if fits else others).append(entry)
        return Corrections(tuple(mine), tuple(others))


class PatternTest:
    """A pattern compiled for matching."""

    def __init__(self, pattern: PackagePattern) -> None:
        self._path = PathGlob(pattern.path) if pattern.path else None
        self._tests: list[tuple[Callable[[str], object], Callable[[Package], tuple[str, ...]]]] = [
            (name_matcher(glob), of)
            for glob, of in (
                (pattern.type, lambda package: (package.type,)),
                (pattern.name, _names),
                (pattern.version, lambda package: (package.version,)),
                (pattern.purl, _purls),
            )
            if glob
        ]

    def places(self, package: Package) -> tuple[Location, ...] | None:
        """The package's places that match the pattern, () if the package matches but has no places; None if it does not match."""
        if not all(any(test(text) for text in of(package)) for test, of in self._tests):
            return None
        if self._path is None:
            return package.locations
        return tuple(place for place in package.locations if self._path.fits(place.path)) or None


def _names(package: Package) -> tuple[str, ...]:
    """Its name, and for Maven also its name with the group."""
    if package.type != "maven":
        return (package.name,)
    return (package.name, f"{namespace_of(package.purl)}:{package.name}")


def _purls(package: Package) -> tuple[str, ...]:
    """Its package URL; the same without qualifiers; and also without its version."""
    bare = package.purl.partition("?")[0].partition("#")[0]
    return (package.purl, bare, bare.rpartition("@")[0])
