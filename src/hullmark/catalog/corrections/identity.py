"""What a package is once a correction says so: its package URL, and all that follows from it."""

from __future__ import annotations

from msgspec.structs import replace

from hullmark.catalog.sbom.document import SbomPackage
from hullmark.catalog.sbom.packages import package_of
from hullmark.catalog.sbom.purl_parts import PurlParts, parts_of
from hullmark.model.correction import CORRECTED, Correction, Identity
from hullmark.model.package import UNKNOWN_VERSION, Location, Package, SourcePackage
from hullmark.model.purl import make_purl
from hullmark.model.supplier import SUPPLIER

_CATALOGER = "corrections"
_OF_THE_PLACE = ("arch", "distro")
"""Qualifiers that stay true whatever the package of a system turns out to be."""
_OF_THE_FIND = frozenset((CORRECTED, SUPPLIER, "claimed", "classifier", "installed", "kind"))
"""Notes that are about where it was found. The others describe the package that it is not, and go with its name."""


def apply_identity(package: Package, correction: Correction, identity: Identity) -> Package:
    """The package as the correction says it is."""
    found = _rename_package(package, identity) if identity.renames else package
    return _add_details(found, correction, identity)


def create_package(correction: Correction, identity: Identity, place: Location) -> Package:
    """A package that nothing recognised, at a place."""
    blank = Package(
        type=identity.type or "generic",
        name="",
        version=UNKNOWN_VERSION,
        purl="",
        cataloger=_CATALOGER,
        locations=(place,),
    )
    return _add_details(_rename_package(blank, identity), correction, identity)


def _add_details(package: Package, correction: Correction, identity: Identity) -> Package:
    notes = {**package.notes, CORRECTED: correction.origin}
    if identity.cpe:
        notes["cpes"] = identity.cpe
    if identity.supplier:
        notes[SUPPLIER] = identity.supplier
    return replace(package, licenses=identity.licenses or package.licenses, notes=notes)


def _rename_package(package: Package, identity: Identity) -> Package:
    """The package under its new package URL, which its other fields follow as those of an SBOM's packages do."""
    purl = identity.purl or _purl_of(package, identity)
    is_same = not (identity.name or identity.type or identity.purl)
    # The system's own packages have their version whole in the field, and in parts in the package URL.
    version = identity.version or ("" if identity.purl else package.version)
    source = package.source if is_same else None
    if source is not None:
        source = SourcePackage(source.name, version)
    entry = SbomPackage(label=purl, purl=purl, version="" if version == UNKNOWN_VERSION else version, source=source)
    made = package_of(entry, lambda reason: None)
    if made is None:
        return package
    notes = package.notes if is_same else {key: text for key, text in package.notes.items() if key in _OF_THE_FIND}
    return replace(
        package,
        type=made.type,
        name=made.name,
        version=made.version,
        purl=made.purl,
        arch=package.arch or made.arch,
        source=made.source,
        notes={**made.notes, **notes},
    )


def _purl_of(package: Package, identity: Identity) -> str:
    """The package URL with another name, version or type in it."""
    parts = parts_of(package.purl) if package.purl else None
    type = identity.type or package.type
    namespace, name = _split(type, identity.name) if identity.name else _present(package, parts)
    if not namespace and parts is not None and type == package.type and type not in _WITH_NAMESPACE:
        namespace = parts.namespace
    version = identity.version or ("" if package.version == UNKNOWN_VERSION else package.version)
    qualifiers = (
        {key: text for key, text in parts.qualifiers.items() if key in _OF_THE_PLACE} if parts is not None else {}
    )
    if type != package.type:
        qualifiers = {}
    if type == "rpm" and ":" in version:
        epoch, _, version = version.partition(":")
        qualifiers["epoch"] = epoch if epoch != "0" else ""
    return make_purl(type, name, version, namespace=namespace, qualifiers=qualifiers)


_WITH_NAMESPACE = frozenset(("composer", "github", "githubactions", "golang", "maven", "npm", "swift"))
"""Types whose packages are called by namespace and name: a new name is both."""


def _present(package: Package, parts: PurlParts | None) -> tuple[str, str]:
    return (parts.namespace, parts.name) if parts is not None else _split(package.type, package.name)


def _split(type: str, name: str) -> tuple[str, str]:
    """Namespace and name as people write both in one: `org.example:app`, `@scope/app`, `github.com/example/app`."""
    mark = ":" if type == "maven" else "/" if type in _WITH_NAMESPACE else ""
    space, _, last = name.rpartition(mark) if mark else ("", "", name)
    return (space, last) if last else ("", name)
