"""One correction: which packages it is about, and what is true of them instead."""

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
    """Who made a package what it is, if that is not its own record: a correction, or an index of archives. "" elsewhere."""
    said = (("corrected by", package.notes.get(CORRECTED)), ("identified by", package.notes.get(IDENTIFIED)))
    return "; ".join(f"{how} {who}" for how, who in said if who)


class PackagePattern(msgspec.Struct, frozen=True, kw_only=True):
    """Which packages a correction is about; "" is any. All are globs; `path` is one over the places of a package."""

    purl: str = ""
    name: str = ""
    version: str = ""
    type: str = ""
    path: str = ""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """What a package is said to be; "" leaves what was found. `purl` says name, version and type. `cpe` is part:vendor:product."""

    name: str = ""
    version: str = ""
    type: str = ""
    purl: str = ""
    cpe: str = ""
    licenses: tuple[str, ...] = ()
    supplier: str = ""

    @property
    def renames(self) -> bool:
        """Whether it says more than what belongs to the package."""
        return bool(self.name or self.version or self.type or self.purl)


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a corrections file: in whose name and why it holds, where it stands, for which images (globs; none: all).

    Packages of the `pattern` get what `identity` says, or are removed where that is None. Without a pattern, what `identity` says is added
    at the path `at`.
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
        """Where it stands, and in whose name: `corrections.yaml:12 (platform team)`."""
        return f"{self.file}:{self.line} ({self.owner})"


class Corrections(msgspec.Struct, frozen=True, dict=True):
    """The corrections of a file, in its order. `elsewhere` are those that are about other images."""

    entries: tuple[Correction, ...]
    elsewhere: tuple[Correction, ...] = ()

    @cached_property
    def digest(self) -> str:
        """A digest over all that they say: `sha256:` and hex."""
        return "sha256:" + sha256(msgspec.json.encode((self.entries, self.elsewhere))).hexdigest()

    def about(self, names: Collection[str]) -> Corrections:
        """The same for an image that goes by these names (references, tags, digests)."""
        mine: list[Correction] = []
        others: list[Correction] = []
        for entry in self.entries:
            tests = [name_matcher(glob) for glob in entry.images]
            fits = not tests or any(test(name) for test in tests for name in names)
            (mine if fits else others).append(entry)
        return Corrections(tuple(mine), tuple(others))


class PatternTest:
    """A pattern that is ready to be asked."""

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
        """The places of the package that the pattern is about, () for all of a package that has none; None where it is not."""
        if not all(any(test(text) for text in of(package)) for test, of in self._tests):
            return None
        if self._path is None:
            return package.locations
        return tuple(place for place in package.locations if self._path.fits(place.path)) or None


def _names(package: Package) -> tuple[str, ...]:
    """Its name, of Maven's also with its group."""
    if package.type != "maven":
        return (package.name,)
    return (package.name, f"{namespace_of(package.purl)}:{package.name}")


def _purls(package: Package) -> tuple[str, ...]:
    """Its package URL, also without qualifiers, and without its version."""
    bare = package.purl.partition("?")[0].partition("#")[0]
    return (package.purl, bare, bare.rpartition("@")[0])
