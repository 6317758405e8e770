"""Which distribution's advisories apply to an image, and how its versions are ordered, by the original's table.

A distribution that is not in the table is used as it is. The distributions it is like (ID_LIKE of os-release) decide how its versions are
ordered, but never whose advisories count.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple


class DistroFlavor(NamedTuple):
    """The name that a distribution is looked up by, and the flavor of its packages: ALPINE, BUSYB, DEB or RHEL."""

    name: str
    flavor: str


_TABLE = {
    "alpine": DistroFlavor("alpine", "ALPINE"),
    "amzn": DistroFlavor("amzn", "RHEL"),
    "busybox": DistroFlavor("busybox", "BUSYB"),
    "centos": DistroFlavor("rhel", "RHEL"),
    "debian": DistroFlavor("debian", "DEB"),
    "fedora": DistroFlavor("rhel", "RHEL"),
    "ol": DistroFlavor("ol", "RHEL"),
    "redhat": DistroFlavor("rhel", "RHEL"),
    "rhel": DistroFlavor("rhel", "RHEL"),
    "ubuntu": DistroFlavor("ubuntu", "DEB"),
}
_NAMES_HERE = {"amzn": "amazon", "ol": "oracle"}
"""Namespaces of kept advisories that go by another name than the original's."""

_NUMBERS = re.compile(r"([0-9]+)\.([0-9]+)").match


def flavor_of(name: str, like: Iterable[str]) -> str:
    """The flavor that decides how the distribution's package versions are ordered; "" if the original does not know it."""
    return next((_TABLE[distro].flavor for distro in (name, *like) if distro in _TABLE), "")


def namespaces_of(name: str, version: str) -> Iterator[str]:
    """The advisory namespaces that apply to a distribution: for its version and, if that begins with two numbers, for the shortened
    versions too.
    """
    mapped = _TABLE[name].name if name in _TABLE else name
    found = _NUMBERS(version)
    versions = (version, f"{found[1]}.{found[2]}", found[1]) if found is not None else (version,)
    for distro in (mapped, _NAMES_HERE.get(mapped, mapped)):
        yield from (f"{distro}:{release}" for release in versions)
