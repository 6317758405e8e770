"""Windows programs and libraries that are not .NET assemblies, by their version resource (VS_VERSIONINFO of the Windows SDK).

A file is named for its product. If that is Windows itself, or none is given, it is named for the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.languages.dotnet_assembly import ASSEMBLY, Assembly, stem_of, version_of
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.package import Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import LocatedFact

NAME = "windows"
_SYSTEM = late(r"Microsoft(?:®|\(R\))? Windows").match
_LONGEST = 128


def _product(found: LocatedFact[Assembly]) -> str:
    """The name of the product, or of the file."""
    product = " ".join(found.fact.product.split())
    is_name = product.isprintable() and 0 < len(product) <= _LONGEST and not _SYSTEM(product)
    return product.encode("utf-8", "replace").decode() if is_name else stem_of(found)


def assemble(view: View) -> Iterator[Package]:
    """A package for each file that states a version."""
    for found in view.facts(ASSEMBLY):
        name, version = _product(found), version_of(found.fact)
        if found.fact.is_managed or not name or not version:
            continue
        yield Package(
            type="generic",
            name=name,
            version=version,
            purl=make_purl("generic", name, version),
            cataloger=NAME,
            locations=(Location(f"/{found.path}", found.layer),),
            notes={"company": found.fact.company} if found.fact.company else {},
        )


CATALOGER = Cataloger(name=NAME, types=("generic",), reads=(ASSEMBLY,), assemble=assemble)
