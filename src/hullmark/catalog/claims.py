"""Bills of materials inside an image: what they name is claimed by somebody, and marked so (`make_claimed_package`).

SPDX and CycloneDX documents by their usual names, those of Python distributions (PEP 770), and what GraalVM puts into native programs.
A claim about a system's packages says nothing: their database knows better.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.view import View
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.relation import dependencies_of
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Remark, Report

NAME = "claims"
_MAX_CLAIMS = Limit(100_000, "packages that an SBOM in an image names")
_NOT_INSIDE = frozenset(("", "alpm", "apk", "deb", "docker", "ebuild", "github", "oci", "rpm"))


class Claim(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A package that a document names; `needs` are the package URLs that it depends on, according to the document."""

    type: str
    name: str
    version: str
    purl: str
    licenses: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def claims_of(data: bytes, report: Report) -> tuple[Claim, ...] | None:
    """The packages of a document that have a purl; None for a document of another kind."""
    from hullmark.catalog.sbom import detect_format, read_sbom  # few images have one

    try:
        if detect_format(data) is None:
            return None
        found = read_sbom(data)
    except HullmarkError as error:
        report(Remark(f"the SBOM was not read: {error}"))
        return None
    needs = dependencies_of(relation for relation in found.relations or () if relation.kind == "depends-on")
    claims = [
        Claim(
            package.type,
            package.name,
            "" if package.version == UNKNOWN_VERSION else package.version,
            package.purl,
            package.licenses,
            tuple(needs.get(package.purl, ())),
        )
        for package in found.packages
        if package.purl and package.name.strip() and package.type not in _NOT_INSIDE
    ]
    if len(claims) > _MAX_CLAIMS:
        report(f"it names more than {_MAX_CLAIMS:,} packages; the rest was left out")
    return tuple(dict.fromkeys(claims[:_MAX_CLAIMS])) or None


def extract(path: str, body: memoryview, report: Report) -> tuple[Claim, ...] | None:
    """The packages that a document names."""
    return claims_of(bytes(body).removeprefix(b"\xef\xbb\xbf"), report)


DOCUMENT = Read(
    name="claims-document",
    fact=tuple[Claim, ...],
    globs=(
        *(
            f"**/*.{kind}.{form}"
            for kind in ("cdx", "bom", "sbom", "spdx", "spdx3", "syft")
            for form in ("json", "xml")
        ),
        *(f"**/{name}.{form}" for name in ("bom", "sbom") for form in ("json", "xml")),
        "**/sboms/*.json",
    ),
    extract=extract,
    limit=64 * MIB,
)


def make_claimed_package(claim: Claim, found: LocatedFact[tuple[Claim, ...]], cataloger: str) -> Package:
    """The package that is claimed at a place."""
    return Package(
        type=claim.type,
        name=claim.name,
        version=claim.version or UNKNOWN_VERSION,
        purl=claim.purl,
        cataloger=cataloger,
        licenses=claim.licenses,
        locations=(Location(f"/{found.path}", found.layer),),
        notes={"claimed": "true"},
    )


def assemble(view: View) -> Iterator[Package]:
    """One package a claim."""
    for found in view.facts(DOCUMENT):
        yield from (make_claimed_package(claim, found, NAME) for claim in found.fact)


_TYPES = ("cargo", "composer", "gem", "generic", "golang", "maven", "npm", "nuget", "pypi")
CATALOGER = Cataloger(name=NAME, types=_TYPES, reads=(DOCUMENT,), assemble=assemble)
