"""Relations of packages in a file that lists many, such as a lock file: the file itself says which needs which."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from hullmark.catalog.declared import DeclaredPackage, Ecosystem, Listing, MakePackage, is_others, package
from hullmark.catalog.relations.offers import Offers
from hullmark.catalog.relations.resolver import Scene
from hullmark.model.relation import Relation
from hullmark.rootfs.reads import Read

Fits = Callable[[DeclaredPackage, DeclaredPackage], bool]
"""Whether two entries of one file belong together, where it lists packages of several platforms."""


def relate(
    scene: Scene,
    reads: Sequence[Read[Listing]],
    of: Ecosystem | MakePackage,
    *,
    everywhere: bool = False,
    fits: Fits | None = None,
) -> Iterator[Relation]:
    """The relations within each file that is not in an installed package. `everywhere`: in those too."""
    for read in reads:
        for found in scene.view.facts(read):
            if everywhere or not is_others(found.path):
                made = (package(found, item, of) for item in found.fact)
                yield from _within([(item, one.purl) for item, one in zip(found.fact, made, strict=True)], scene, fits)


def _within(entries: Sequence[tuple[DeclaredPackage, str]], scene: Scene, fits: Fits | None) -> Iterator[Relation]:
    offers: Offers[str] = Offers(scene.steps)
    known = {purl: entry for entry, purl in entries}
    for entry, purl in entries:
        offers.add(entry.name, purl)
        offers.add(f"{entry.name}@{entry.version}", purl)
    for entry, purl in entries:
        for need in entry.needs:
            for offer in offers.of(need):
                if fits is None or fits(entry, known[offer.package]):
                    yield Relation(purl, offer.package)
