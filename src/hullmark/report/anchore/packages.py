"""Packages in Anchore's words: its names for their types, and where it says that they are."""

from __future__ import annotations

from hullmark.model.package import UNKNOWN_VERSION, Location, Package

SYSTEM_TYPES = frozenset(("deb", "rpm", "apk", "alpm", "portage"))
"""The package URL types that the system's own package managers install."""

SYSTEM_PATH = "pkgdb"
"""Where Anchore says that the system's packages are."""

UNKNOWN = "Unknown"

_KINDS = {
    "apk": "APKG",
    "deb": "dpkg",
    "generic": "binary",
    "golang": "go",
    "maven": "java",
    "pypi": "python",
}
_INFO_ENDINGS = (".dist-info", ".egg-info")


def kind_of(package: Package) -> str:
    """Anchore's word for the type; the package URL's own for what Anchore does not know."""
    return _KINDS.get(package.type, package.type)


def is_system(package: Package) -> bool:
    """Whether it is one of the system's packages."""
    return package.type in SYSTEM_TYPES


def version_of(package: Package) -> str:
    """The version, in Anchore's word where it is not known."""
    return UNKNOWN if package.version == UNKNOWN_VERSION else package.version


def places(package: Package) -> list[str]:
    """Its places. A Python package is where its modules are, as policies see them."""
    if is_system(package):
        return [SYSTEM_PATH]
    return [_place(package, location) for location in package.locations] or [UNKNOWN]


def folder_of_modules(place: str) -> str:
    """The folder of a Python package's modules, from what `places` says."""
    return place.rpartition("/")[0] or place


def _place(package: Package, location: Location) -> str:
    if package.type != "pypi":
        return location.path
    folder, _, last = location.path.rpartition("/")
    for end in _INFO_ENDINGS:
        if last.endswith(end):
            return f"{folder}/{last.removesuffix(end).partition('-')[0]}"
        site, _, described = folder.rpartition("/")
        if described.endswith(end):
            return f"{site}/{described.removesuffix(end).partition('-')[0]}"
    return location.path
