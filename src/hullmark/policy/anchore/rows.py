"""Packages and matches as rows of Anchore's tables: one row for each place of a language package, with Anchore's own names for types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from hullmark.model.inventory import Inventory
from hullmark.model.match import Match, Matches
from hullmark.model.package import Location, Package

_KINDS = {"deb": "dpkg", "rpm": "rpm", "apk": "apkg", "pypi": "python", "maven": "java", "golang": "go"}
SYSTEM_TYPES = frozenset(("deb", "rpm", "apk", "alpm", "portage"))
_LANGUAGE_KINDS = frozenset(("java", "python", "npm", "gem", "maven", "js", "composer", "nuget", "binary", "go"))
_INFO_ENDINGS = (".dist-info", ".egg-info")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageRow:
    """A package at a place. `version` lacks the release where the original splits it off; `full_version` always has it.

    `licence` is None if none is recorded for the package. `location` is "" for system packages.
    """

    package: Package
    kind: str
    name: str
    version: str
    full_version: str
    licence: str | None
    location: str
    place: Location | None

    @property
    def is_language(self) -> bool:
        """Whether the original counts it among the language packages, as opposed to system packages."""
        return self.kind.lower() in _LANGUAGE_KINDS

    @property
    def is_system(self) -> bool:
        """Whether it is a system package."""
        return self.package.type in SYSTEM_TYPES

    @property
    def subject(self) -> str:
        """The subject of findings about it: its purl, followed by its place for packages that are not system packages."""
        return f"{self.package.purl} {self.location}".rstrip()


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A match, at one of its package's places."""

    match: Match
    row: PackageRow


def package_rows(inventory: Inventory) -> tuple[PackageRow, ...]:
    """Every row: system packages first, then by type, name, version and place."""
    rows = (row for package in inventory.packages for row in _rows_of(package))
    return tuple(sorted(rows, key=lambda row: (not row.is_system, row.kind, row.name, row.version, row.location)))


def match_rows(matches: Matches, rows: Iterable[PackageRow]) -> tuple[MatchRow, ...]:
    """Every match that counts, at every place."""
    by_purl: dict[str, list[PackageRow]] = {}
    for row in rows:
        by_purl.setdefault(row.package.purl, []).append(row)
    found: list[MatchRow] = []
    for match in matches.matches:
        if match.suppressed is None:
            places = by_purl.get(match.package.purl) or list(_rows_of(match.package))
            found += [MatchRow(match, row) for row in places]
    return tuple(found)


def _rows_of(package: Package) -> Iterator[PackageRow]:
    kind = _KINDS.get(package.type, package.type)
    if package.type in SYSTEM_TYPES:
        yield _row(package, kind, None)
        return
    for place in package.locations or (None,):
        yield _row(package, kind, place)


def _row(package: Package, kind: str, place: Location | None) -> PackageRow:
    version, dash, release = package.version.rpartition("-")
    is_split = kind in ("rpm", "apkg") and bool(dash) and (kind == "rpm" or release[:1] == "r")
    return PackageRow(
        package=package,
        kind=kind,
        name=package.name,
        version=version if is_split else package.version,
        full_version=package.version,
        licence=_licence(package),
        location=_location(kind, place.path) if place is not None else "",
        place=place,
    )


def _licence(package: Package) -> str | None:
    if package.licenses:
        return " ".join(sorted(package.licenses) if package.type == "deb" else package.licenses)
    return "Unknown" if package.type == "deb" else None


def _location(kind: str, path: str) -> str:
    """The package's location. For Python packages it is the module's folder, beside the folder with the metadata."""
    if kind != "python":
        return path
    folder, _, last = path.rpartition("/")
    for end in _INFO_ENDINGS:
        for part in (last, folder.rpartition("/")[2]):
            if part.endswith(end):
                site = folder if part == last else folder.rpartition("/")[0]
                return f"{site}/{part.removesuffix(end).partition('-')[0]}"
    return path
