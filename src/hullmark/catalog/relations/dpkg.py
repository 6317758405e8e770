"""Debian packages: Depends and Pre-Depends with alternatives, Provides, architectures (Debian Policy 7, dpkg's multi-arch specification).

Every installed alternative that meets a need counts, as `apt-cache depends --installed` shows it. Recommends and Suggests are no needs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import lru_cache

import msgspec

from hullmark.catalog.relations.offers import Offers, compares
from hullmark.catalog.relations.resolver import Resolver, Scene
from hullmark.catalog.systems.dpkg import InstalledPackage, installed_packages, purl_of
from hullmark.model.relation import Relation
from hullmark.versions import deb

_NEED = re.compile(
    r"\s*([A-Za-z0-9][A-Za-z0-9.+_-]*)(?::([A-Za-z0-9-]+))?\s*(?:\(\s*(<<|>>|<=|>=|=|<|>)\s*([^\s()]+)\s*\))?"
).match
_OPERATORS = {"<<": "<", ">>": ">", "<": "<=", ">": ">="}
"""deb-control(5): single signs are old, and mean "or equal"."""


class DpkgNeed(msgspec.Struct, frozen=True):
    """A package that is needed, by a name it answers to; empty strings: any architecture, any version."""

    name: str
    arch: str
    operator: str
    version: str


class _NamedPackage(msgspec.Struct, frozen=True):
    """A package as others may need it."""

    purl: str
    arch: str


def relate(scene: Scene) -> Iterator[Relation]:
    """The relations within each database."""
    homes: dict[str, list[InstalledPackage]] = {}
    for installed in installed_packages(scene.view):
        homes.setdefault(installed.home, []).append(installed)
    for packages in homes.values():
        named = [
            (package, _NamedPackage(purl_of(package, scene.view.distro), package.stanza.arch)) for package in packages
        ]
        offers = _offers(named, scene)
        native = _native(packages)
        for package, own in named:
            arch = native if own.arch in ("all", "") else own.arch
            for group in _text(package.stanza.depends).split(","):
                for purl in _meeting([need for text in group.split("|") if (need := need_of(text))], arch, offers):
                    yield Relation(own.purl, purl)


def _offers(named: Iterable[tuple[InstalledPackage, _NamedPackage]], scene: Scene) -> Offers[_NamedPackage]:
    offers: Offers[_NamedPackage] = Offers(scene.steps)
    for package, own in named:
        offers.add(package.stanza.name, own, package.version)
        for text in _text(package.stanza.provides).split(","):
            if provided := need_of(text):
                offers.add(provided.name, own, provided.version if provided.operator == "=" else "")
    return offers


def _native(packages: Iterable[InstalledPackage]) -> str:
    """The architecture of the system, which its packages for all architectures are used on: that of dpkg, else of most packages."""
    archs = Counter(package.stanza.arch for package in packages if package.stanza.arch not in ("all", ""))
    own = next(
        (package.stanza.arch for package in packages if package.stanza.name == "dpkg" and package.stanza.arch in archs),
        "",
    )
    return own or min(archs, key=lambda arch: (-archs[arch], arch), default="")


def _meeting(needs: Iterable[DpkgNeed], arch: str, offers: Offers[_NamedPackage]) -> Iterator[str]:
    for need in needs:
        wanted = arch if need.arch in ("", "native", "any") else need.arch
        met = [
            offer.package
            for offer in offers.of(need.name)
            if not need.operator or (offer.version and _fulfils(offer.version, need.operator, need.version))
        ]
        near = [package for package in met if package.arch in (wanted, "all", "")]
        # One of another architecture serves where its record allows it (Multi-Arch: foreign), which dpkg has checked.
        yield from (package.purl for package in near or (met if need.arch in ("", "any") else ()))


@lru_cache(maxsize=4096)
def _fulfils(version: str, operator: str, bound: str) -> bool:
    """Whether the version does; most packages need the same few in the same versions."""
    return compares(deb.compare, version, operator, bound)


def need_of(text: str) -> DpkgNeed | None:
    """One need, or one offer, as deb-control(5) writes it; None for what is not one."""
    found = _NEED(text)
    if found is None:
        return None
    name, arch, operator, version = found.groups("")
    return DpkgNeed(name, arch, _OPERATORS.get(operator, operator), version)


def _text(field: bytes) -> str:
    return field.decode("utf-8", "replace")


RESOLVER = Resolver(cataloger="dpkg", relate=relate)
