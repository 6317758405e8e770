"""Alpine packages: what the `D:` line needs, through names, `p:` lines and files (apk-package(5), apk-world(5)).

`!name` is a conflict, no need.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from hullmark.catalog.relations.offers import Offers, compares
from hullmark.catalog.relations.resolver import Resolver, Scene
from hullmark.catalog.systems.apk import Database, databases, owned_files, purl_of, root_of
from hullmark.model.relation import Relation
from hullmark.rootfs.reads import LocatedFact
from hullmark.versions import apk

_NEED = re.compile(r"([^\s<>=~@!][^\s<>=~@]*)(?:(>=|<=|>~|<~|[<>=~])([^\s@]+))?(?:@\S+)?").fullmatch


def relate(scene: Scene) -> Iterator[Relation]:
    """The relations within each database."""
    for found, _ in databases(scene.view):
        needs = [(package, _text(package.depends).split()) for package in found.fact]
        paths = {need for _, words in needs for need in words if need.startswith("/")}
        offers = _offers(found, scene, paths)
        for package, words in needs:
            own = purl_of(package, scene.view.distro)
            for word in words:
                if (need := _NEED(word)) is not None:
                    yield from (Relation(own, purl) for purl in _meeting(need.groups(""), offers))


def _offers(found: LocatedFact[Database], scene: Scene, paths: Set[str]) -> Offers[str]:
    offers: Offers[str] = Offers(scene.steps)
    root = root_of(found.path)
    for package in found.fact:
        purl = purl_of(package, scene.view.distro)
        offers.add(package.name, purl, package.version)
        for word in package.provides.split():
            name, _, version = word.partition("=")
            offers.add(name, purl, version)
        if paths and package.files:
            for file in owned_files(package.files.decode("utf-8", "surrogateescape"), purl, root):
                if (path := "/" + file.path.removeprefix(root)) in paths:
                    offers.add(path, purl)
    return offers


def _meeting(need: tuple[str | None, ...], offers: Offers[str]) -> Iterator[str]:
    name, operator, version = (part or "" for part in need)
    for offer in offers.of(name):
        if not operator or (offer.version and _holds(offer.version, operator, version)):
            yield offer.package


def _holds(version: str, operator: str, bound: str) -> bool:
    """`~` is "begins with these parts", alone or beside a sign."""
    if "~" in operator:
        is_near = version == bound or (version.startswith(bound) and not version[len(bound) :][:1].isdigit())
        return is_near or (operator != "~" and compares(apk.compare, version, operator[0], bound))
    return compares(apk.compare, version, operator, bound)


def _text(field: bytes) -> str:
    return field.decode("utf-8", "replace")


RESOLVER = Resolver(cataloger="apk", relate=relate)
