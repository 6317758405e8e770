"""Files that packages account for, although no record lists them one by one."""

from __future__ import annotations

from collections.abc import Iterable

from hullmark.model.package import Package

_DATABASES = (
    "/var/lib/dpkg/", "/var/lib/rpm/", "/usr/lib/sysimage/rpm/", "/usr/share/rpm/", "/lib/apk/db/", "/usr/lib/apk/db/",
    "/var/lib/pacman/local/", "/usr/lib/pacman/local/",
)  # fmt: skip
_GEM_CODE, _GEM_DEPTH = "/extensions/", 3


class PackageFiles:
    """The files that packages account for although no record lists them one by one."""

    def __init__(self, packages: Iterable[Package]) -> None:
        packages = tuple(packages)
        places = [place.path.partition(":")[0] for package in packages for place in package.locations]
        self._files = frozenset(places)
        releases = (place.path for package in packages if package.cataloger == "jvm" for place in package.locations)
        folders = {*map(folder_of, self._files), *(path.rpartition("/")[0] for path in releases)}
        self._folders = frozenset(folders - {""})

    def holds(self, path: str) -> bool:
        """Whether a package, or a package database, accounts for the file."""
        return path.startswith(_DATABASES) or self.of_package(path)

    def of_package(self, path: str) -> bool:
        """Whether a package accounts for the file."""
        if path in self._files:
            return True
        folder = path
        while folder := folder.rpartition("/")[0]:
            if folder in self._folders:
                return True
            if _GEM_CODE in folder and _gem_of(folder) in self._folders:
                return True
        return False


def _gem_of(folder: str) -> str:
    """The folder of the gem whose compiled code is in `ROOT/extensions/PLATFORM/ABI/NAME`; "" if the folder is not of that form."""
    root, _, below = folder.partition(_GEM_CODE)
    parts = below.split("/")
    return f"{root}/gems/{parts[2]}" if len(parts) == _GEM_DEPTH else ""


def folder_of(place: str) -> str:
    """The folder that belongs entirely to a package, derived from the path of its record; "" if there is none."""
    folder, _, name = place.rpartition("/")
    if name == "package.json" and "/node_modules/" in place:
        return folder
    if name.endswith(".gemspec") and folder.endswith("/specifications"):
        return f"{folder.removesuffix('specifications')}gems/{name.removesuffix('.gemspec')}"
    return folder if folder.endswith((".dist-info", ".egg-info")) else ""
