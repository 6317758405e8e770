"""Which files packages account for, though no record lists them one by one."""

from __future__ import annotations

from collections.abc import Iterable

from hullmark.model.package import Package
from hullmark.policy.globs import PathGlob, PathGlobs

IS_MAINTAINER_SCRIPT = PathGlobs(
    PathGlob(f"/var/lib/dpkg/info/*.{kind}") for kind in ("config", "postinst", "postrm", "preinst", "prerm")
).match
"""Whether a path is that of a script which dpkg runs when it installs or removes a package."""

_DATABASES = (
    "/var/lib/dpkg/", "/var/lib/rpm/", "/usr/lib/sysimage/rpm/", "/usr/share/rpm/", "/lib/apk/db/", "/usr/lib/apk/db/",
    "/var/lib/pacman/local/", "/usr/lib/pacman/local/",
)  # fmt: skip


class PackageFiles:
    """Which files packages account for that no record lists one by one."""

    def __init__(self, packages: Iterable[Package]) -> None:
        places = [place.path.partition(":")[0] for package in packages for place in package.locations]
        self._files = frozenset(places)
        self._folders = frozenset(folder for place in self._files if (folder := _folder_of(place)))

    def holds(self, path: str) -> bool:
        """Whether a package accounts for the file."""
        if path in self._files or path.startswith(_DATABASES):
            return True
        folder = path
        while folder := folder.rpartition("/")[0]:
            if folder in self._folders:
                return True
        return False


def _folder_of(place: str) -> str:
    """The folder that is all of a package's, judging by where its record stands; "" if there is none."""
    folder, _, name = place.rpartition("/")
    if name == "package.json" and "/node_modules/" in place:
        return folder
    if name.endswith(".gemspec") and folder.endswith("/specifications"):
        return f"{folder.removesuffix('specifications')}gems/{name.removesuffix('.gemspec')}"
    return folder if folder.endswith((".dist-info", ".egg-info")) else ""
