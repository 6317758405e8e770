"""Ruby gems: what specifications need when they run (Gem::Specification#runtime_dependencies).

Of several installed versions that meet the requirement Ruby loads the newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cmp_to_key

from hullmark.catalog.languages.gem import GEMSPEC
from hullmark.catalog.relations.offers import Offer, Offers
from hullmark.catalog.relations.resolver import Resolver, Scene
from hullmark.model.package import Package
from hullmark.model.relation import Relation
from hullmark.versions import gem
from hullmark.versions.scheme import InvalidVersion


def relate(scene: Scene) -> Iterator[Relation]:
    """The relations of each specification, with gems in whichever folder: all of an interpreter's are on its path."""
    offers: Offers[str] = Offers(scene.steps)
    at: dict[str, Package] = {}
    for package in scene.packages:
        if package.cataloger == "gem":
            offers.add(package.name, package.purl, package.version)
            at.update((place.path[1:], package) for place in package.locations)
    for found in scene.view.facts(GEMSPEC):
        own = at.get(found.path)
        if own is None:
            continue
        for name, *requirements in found.fact.requires:
            purl = _newest(offers.of(name), ", ".join(requirements))
            if purl is not None:
                yield Relation(own.purl, purl)


def _newest(offers: Iterable[Offer[str]], requirement: str) -> str | None:
    """The newest version that meets the requirement; the newest of all where none does, for it is what is there."""
    known = [offer for offer in offers if _is_version(offer.version)]
    met = [offer for offer in known if _meets(offer.version, requirement)]
    return max(met or known, key=lambda offer: (_ORDER(offer.version), offer.package)).package if known else None


def _meets(version: str, requirement: str) -> bool:
    try:
        return not requirement or gem.ranges(requirement).holds(version, gem.SCHEME)
    except ValueError:
        return False


def _is_version(version: str) -> bool:
    try:
        gem.compare(version, version)
    except InvalidVersion:
        return False
    return True


_ORDER = cmp_to_key(gem.compare)

RESOLVER = Resolver(cataloger="gem", relate=relate)
