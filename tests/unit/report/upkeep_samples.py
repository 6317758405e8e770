"""Upkeeps for the tests of formats: with updates and a forecast, with lists that could not be read, and with nothing to do."""

from __future__ import annotations

import msgspec

from hullmark.model.advisory import Lifecycle
from hullmark.model.package import Package
from hullmark.model.problem import Problem
from hullmark.model.upkeep import BaseImage, Forecast, PackageUpdate, RepositoryIndex, Upkeep
from tests.unit.report.samples import ODD, SMALL, WITH_FILES

_SECURITY = RepositoryIndex(
    url="http://deb.example/security/dists/s/main/binary-amd64/Packages",
    name="trixie-security/main",
    date="2026-11-28",
    packages=21,
    is_security=True,
)
_MAIN = RepositoryIndex(url="http://deb.example/debian/dists/t/main/Packages", name="trixie/main", packages=81)
_GONE = RepositoryIndex(
    url="http://deb.example/debian/dists/u/InRelease", name="trixie-updates", reason="it cannot be reached"
)


def _update(package: Package, version: str, index: RepositoryIndex, since: str = "") -> PackageUpdate:
    candidate = msgspec.structs.replace(package, version=version)
    return PackageUpdate(
        installed=package, candidate=candidate, index=index.url, is_security=index.is_security, since=since
    )


UPKEEPS = {
    "updates": Upkeep(
        source=WITH_FILES.source,
        distro=WITH_FILES.distro,
        packages=82,
        indexes=(_MAIN, _SECURITY),
        updates=(
            _update(WITH_FILES.packages[0], "9", _MAIN),
            _update(WITH_FILES.packages[1], "9:1.0+deb13u2", _SECURITY, "2026-11-20"),
        ),
        unlisted=WITH_FILES.packages[:1],
        lifecycles=(
            Lifecycle(product="debian", release="13", source="endoflife", eol="2028-08-09", extended="2030-06-30"),
        ),
        base=BaseImage(
            reference="debian:13.1", digest="sha256:2", created="2026-09-01", layers=1, packages=81, vulnerabilities=2
        ),
        forecast=Forecast(
            now=("CVE-2026-1", "CVE-2026-2", "CVE-2026-3"), updated=("CVE-2026-3", "CVE-2026-4"), uncovered=("no feed",)
        ),
    ),
    "unread": Upkeep(
        source=SMALL.source,
        distro=SMALL.distro,
        packages=1,
        indexes=(_MAIN, _GONE),
        updates=(),
        unlisted=(),
        base=BaseImage(reference="debian:13", digest="sha256:1"),
        problems=(Problem("", -1, "upkeep", f"{_GONE.url}: {_GONE.reason}"),),
    ),
    "odd": Upkeep(
        source=ODD.source,
        distro=ODD.distro,
        packages=len(ODD.packages),
        indexes=(_MAIN,),
        updates=tuple(_update(package, "\x1b[31m2\n", _MAIN) for package in ODD.packages[:2]),
        unlisted=ODD.packages,
        forecast=Forecast(now=(), updated=()),
    ),
}
