"""Which distribution a document is about: its own word, else what the package URLs of the system's packages say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

import msgspec

from hullmark.catalog.sbom.packages import SYSTEM, Report
from hullmark.catalog.sbom.purl_parts import parts_of
from hullmark.model.inventory import Distro
from hullmark.model.limit import Limit
from hullmark.model.package import Package

_RELEASE = re.compile(r"(?P<id>.+?)-(?P<version>v?\d.*)").fullmatch
_ROLLING = frozenset(("arch", "chainguard", "minimos", "opensuse-tumbleweed", "wolfi"))
# What Trivy calls them → the ids of os-release(5).
_FAMILIES = {
    "alma": "almalinux",
    "amazon": "amzn",
    "cbl-mariner": "mariner",
    "opensuse.leap": "opensuse-leap",
    "opensuse.tumbleweed": "opensuse-tumbleweed",
    "oracle": "ol",
    "redhat": "rhel",
    "slem": "sl-micro",
    "suse linux enterprise micro": "sl-micro",
    "suse linux enterprise server": "sles",
}
_MOST_SHOWN = Limit(5, "systems of an SBOM that are named where it has several", "shortened")


def system_named(name: str, version: str) -> Distro | None:
    """The distribution that a component of the type `operating-system` names, by whichever tool's words."""
    id = _FAMILIES.get(name.strip().lower(), name.strip())
    if not id or id.lower() in ("none", "noassertion", "unknown"):
        return None
    version = version.strip()
    if id == "amzn":
        version = version.partition(" ")[0]
    return Distro(id=id, version_id="" if version.lower() in ("none", "noassertion") else version)


def distro_of(stated: Distro | None, packages: Iterable[Package], report: Report) -> Distro | None:
    """The distribution as the document states it; its package URLs supply what is missing."""
    named = Counter(_find_distro(package.purl) for package in packages if package.type in SYSTEM)
    named.pop(None, None)
    if stated is not None and (stated.version_id or stated.codename):
        return stated
    ranked = sorted(named, key=lambda distro: (-named[distro], distro.id, distro.version_id) if distro else (0, "", ""))
    found = next(
        (distro for distro in ranked if distro is not None and (stated is None or distro.id == stated.id)), None
    )
    if stated is not None:
        if found is None:
            return stated
        return msgspec.structs.replace(stated, version_id=found.version_id, codename=found.codename)
    if len(ranked) > 1:
        names = ", ".join(f"{distro.id} {distro.version_id}".strip() for distro in ranked[:_MOST_SHOWN] if distro)
        report(f"its packages are of several distributions ({names}); most are of the first")
    if found is None and any(package.type in SYSTEM for package in packages):
        report("it does not say which release of which distribution its packages are of")
    return found


def _find_distro(purl: str) -> Distro | None:
    """The distribution that a package URL names with its release; None where it names none."""
    parts = parts_of(purl)
    text = parts.qualifiers.get("distro", "") if parts is not None else ""
    if parts is None:
        return None
    if not text:
        return Distro(id=parts.namespace) if parts.namespace in _ROLLING else None
    found = _RELEASE(text)
    if found:
        return system_named(found["id"], found["version"])
    if text in _ROLLING:
        return Distro(id=text)
    if text == parts.namespace:
        # Testing and unstable have no number: this may be one of them, or the number was left out.
        return None
    codename = text.removeprefix(f"{parts.namespace}-")
    return Distro(id=parts.namespace, codename=codename) if parts.namespace in ("debian", "ubuntu") else None
