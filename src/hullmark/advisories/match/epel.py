"""Extra Packages for Enterprise Linux: rpms that Fedora builds for RHEL and what is made from it, and Fedora's modules.

Fedora's updates speak of them (`epel:9`, `epel:10.1`), the distribution's own advisories do not. Whose a package is, its vendor field
says; for which release it was built, its own release (`1.el9`, `1.el10_1`).
"""

from __future__ import annotations

import re
from collections.abc import Collection

from hullmark.advisories.match.distros import Plan
from hullmark.model.package import Package

_VENDOR = "fedora project"  # Fedora Copr, where anybody builds, begins as Fedora does
_BUILT_FOR = re.compile(r"[._]el([0-9]{1,2})(?:_([0-9]{1,2}))?(?![0-9])").search


def spaces(package: Package, plan: Plan, known: Collection[str]) -> tuple[str, ...]:
    """The namespaces that speak of a package from EPEL, of those that are known; none for packages from elsewhere."""
    if (
        package.type != "rpm"
        or not package.notes.get("vendor", "").lower().startswith(_VENDOR)
        or _VENDOR in plan.vendors
    ):
        return ()
    built = _BUILT_FOR(package.version)
    if built is None:
        return ()
    major, minor = built[1], built[2]
    names = (f"epel:{major}.{minor}", f"epel:{major}") if minor else (f"epel:{major}",)
    return tuple(name for name in names if name in known)


def label(namespace: str) -> str:
    """The release of EPEL that a namespace is of, for people: `EPEL 9`; "" for other namespaces."""
    kind, _, release = namespace.partition(":")
    return f"EPEL {release}" if kind == "epel" else ""


def module_of(package: Package) -> tuple[str, str]:
    """`NAME:STREAM` and version of the module that a package belongs to, as Fedora's updates name it; "" twice for none.

    The label is `NAME:STREAM:VERSION:CONTEXT`; updates name streams with `_` where labels have `-`.
    """
    parts = package.notes.get("modularity", "").split(":")
    return (f"{parts[0]}:{parts[1].replace('-', '_')}", parts[2]) if len(parts) >= 3 and all(parts[:3]) else ("", "")
