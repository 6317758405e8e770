"""What a document says about a package → the package that a scan of the image would give."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from hullmark.catalog.sbom.document import MAX_LIST, SbomPackage, clip_text
from hullmark.catalog.sbom.purl_parts import PurlParts, parts_of, source_of
from hullmark.model.cpe import named_application, products
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package, SourcePackage
from hullmark.model.purl import make_purl
from hullmark.model.supplier import SUPPLIER, has_supplier
from hullmark.rootfs.reads import Remark

Report = Callable[[str], None]

_CATALOGER = "sbom"

_DASHES = re.compile(r"[-_.]+")
_PATHED = frozenset(("composer", "github", "githubactions", "golang", "npm", "swift"))
_OWN_SOURCE = frozenset(("apk", "deb"))
SYSTEM = frozenset(("alpm", "apk", "deb", "rpm"))
"""The types of packages that a distribution's packager installs."""
_NO_VERSION = frozenset(("", "unknown", "noassertion", "none", "(devel)"))
_SPOKEN_OF = frozenset(
    ("alpm", "bitnami", "cargo", "composer", "conan", "cran", "deb", "gem", "githubactions", "golang", "hackage", "hex", "maven", "npm",
     "nuget", "pub", "pypi", "rpm", "swift")
)  # fmt: skip
"""Types with advisories under their own names: guessed CPE names are not kept."""
_MOST_NAMES = Limit(32, "names in CPE that one component of an SBOM gives")


def package_of(entry: SbomPackage, report: Report) -> Package | None:
    """The package; None, with a report, where the document says too little about it."""
    parts = parts_of(entry.purl) if entry.purl else None
    if entry.purl and parts is None:
        report(f"{entry.label}: {entry.purl[:200]!r} is not a package URL")
    if parts is None:
        entry = entry if entry.type else _by_cpe(entry)
    if parts is None and not entry.name.strip():
        report(f"{entry.label} was left out: it has neither a name nor a package URL")
        return None
    type = entry.type if (entry.is_exact and entry.type) or parts is None else parts.type
    if not type:
        type = "generic"
        reason = f"{entry.label} has no package URL: it is taken for software of its name, whatever installed it"
        report(Remark(reason, "unidentified"))
    name = _name(type, entry, parts)
    version = _version(type, entry, parts, report)
    if version == UNKNOWN_VERSION and not entry.is_exact:
        report(Remark(f"{entry.label} has no version", "unidentified"))
    arch = entry.arch or (parts.qualifiers.get("arch", "") if parts is not None else "")
    return Package(
        type=type,
        name=clip_text(name),
        version=clip_text(version),
        purl=_purl(type, version, entry, parts),
        cataloger=clip_text(entry.cataloger) or _CATALOGER,
        arch=clip_text(arch),
        source=_source(type, name, version, entry, parts),
        licenses=tuple(dict.fromkeys(clip_text(text) for text in entry.licenses[:MAX_LIST])),
        license_evidence=tuple(dict.fromkeys(entry.license_evidence[:MAX_LIST])),
        locations=tuple(Location(clip_text(place.path), place.layer) for place in entry.locations[:MAX_LIST]),
        owned_by=entry.owned_by,
        mains=entry.mains,
        notes=_notes(type, entry, parts, report),
    )


def _by_cpe(entry: SbomPackage) -> SbomPackage:
    """The component under the name in its CPE: matching looks software up by the names in NVD."""
    product, version = named_application(entry.cpes)
    return msgspec.structs.replace(entry, name=product or entry.name, version=entry.version or version)


def _name(type: str, entry: SbomPackage, parts: PurlParts | None) -> str:
    if entry.is_exact:
        return entry.name or (parts.name if parts is not None else "")
    if parts is None:
        return _split_name(type, entry.name)[-1] if type in ("maven", "pypi") else entry.name
    name = parts.name
    if type == "pypi":
        return _DASHES.sub("-", name).lower()
    if type in _PATHED:
        # The path of a Go module goes on in the subpath where its writer took two parts of it for a repository's.
        below = parts.subpath if type == "golang" else ""
        name = "/".join(filter(None, (parts.namespace, name, below)))
        if below and entry.name.lower() == f"{parts.namespace}/{parts.name}".lower():
            name = entry.name
    same = (name.lower(), f"{parts.namespace}:{name}".lower() if type == "maven" else name.lower())
    return entry.name if entry.name and entry.name.lower() in same else name


def _version(type: str, entry: SbomPackage, parts: PurlParts | None, report: Report) -> str:
    version = entry.version.strip()
    if entry.is_exact:
        return version or UNKNOWN_VERSION
    written = parts.version if parts is not None else ""
    if type == "oci" and parts is not None and parts.qualifiers.get("tag") and version in ("", written):
        return parts.qualifiers["tag"]  # the version in an image's purl is its digest, which no advisory names
    epoch = parts.qualifiers.get("epoch", "") if parts is not None and type in ("rpm", "deb") else ""
    whole = f"{epoch}:{written}" if epoch not in ("", "0") and ":" not in written else written
    if version.lower() in _NO_VERSION or version == written:
        version = whole
    elif written and _bare(version) != _bare(written):
        report(
            Remark(f"{entry.label}: its version is not that of its package URL ({written[:80]}), which was not used")
        )
    if type == "rpm":
        version = version.removeprefix("0:")
    if type == "golang" and parts is not None and parts.name == "stdlib":
        version = version.removeprefix("go").removeprefix("v")
    return UNKNOWN_VERSION if version.lower() in _NO_VERSION else version


def _bare(version: str) -> str:
    """The version without what some writers put in front of it: an epoch, `v`, `go`."""
    return version.rpartition(":")[2].removeprefix("go").removeprefix("v").lower()


def _purl(type: str, version: str, entry: SbomPackage, parts: PurlParts | None) -> str:
    if parts is not None:
        return entry.purl
    if entry.is_exact:
        return ""
    namespace, last = _split_name(type, entry.name)
    return make_purl(
        type, clip_text(last), "" if version == UNKNOWN_VERSION else clip_text(version), namespace=clip_text(namespace)
    )


def _split_name(type: str, name: str) -> tuple[str, str]:
    """Namespace and name of a package that has only a name, as its ecosystem writes it: `group:artifact`, `@scope/name`."""
    mark = ":" if type == "maven" else "/" if type in _PATHED else ""
    namespace, _, last = name.strip().rpartition(mark) if mark else ("", "", name)
    if type == "pypi":
        last = _DASHES.sub("-", last).lower()
    return (namespace, last) if last else ("", name)


def _source(type: str, name: str, version: str, entry: SbomPackage, parts: PurlParts | None) -> SourcePackage | None:
    found = source_of(parts, version) if parts is not None else None
    source = entry.source
    if source is not None and source.name and (type in SYSTEM or entry.is_exact):
        # Where its version is missing, the package URL may have it; else it is the package's.
        same = found is not None and found.name == source.name
        found = SourcePackage(source.name, source.version or (found.version if same and found else version))
    if found is None and type in _OWN_SOURCE and version != UNKNOWN_VERSION:
        return SourcePackage(name, version)
    return SourcePackage(clip_text(found.name), clip_text(found.version)) if found is not None else None


def _notes(type: str, entry: SbomPackage, parts: PurlParts | None, report: Report) -> dict[str, str]:
    notes = {clip_text(key): clip_text(value) for key, value in entry.notes.items() if value}
    said = entry.statements
    if said.supplier and not has_supplier(notes):
        notes[SUPPLIER] = f"{said.supplier} <{said.contact}>" if said.contact else said.supplier
    module = parts.qualifiers.get("rpmmod", "") if parts is not None and type == "rpm" else ""
    if module:
        notes = {"modularity": module, **notes}
    names = products(entry.cpes) if type not in _SPOKEN_OF and "cpes" not in notes else []
    if len(names) > _MOST_NAMES:
        report(f"{entry.label} has more than {_MOST_NAMES} names in CPE; the rest was left out")
    return {**notes, "cpes": " ".join(names[:_MOST_NAMES])} if names else notes


def by_owner(package: Package, owners: Mapping[str, str]) -> list[Package]:
    """The package, once for each owner of its places."""
    if not owners:
        return [package]
    places: dict[str, list[Location]] = {}
    for place in package.locations:
        places.setdefault(owners.get(place.path, ""), []).append(place)
    return [
        msgspec.structs.replace(package, locations=tuple(some), owned_by=owner or None)
        for owner, some in sorted(places.items())
    ] or [package]


def merge_packages(packages: Iterable[Package]) -> tuple[Package, ...]:
    """The packages without repeats, sorted, each with all its places and licences."""
    found: dict[tuple[str, ...], Package] = {}
    for package in packages:
        key = (package.type, package.name, package.version, package.arch, package.purl, package.owned_by or "")
        known = found.get(key)
        found[key] = package if known is None else _both(known, package)
    return tuple(found[key] for key in sorted(found))


def _both(one: Package, other: Package) -> Package:
    source = one.source or other.source
    return msgspec.structs.replace(
        one,
        source=source,
        locations=tuple(sorted({*one.locations, *other.locations})),
        licenses=tuple(dict.fromkeys(one.licenses + other.licenses)),
        license_evidence=tuple(dict.fromkeys(one.license_evidence + other.license_evidence)),
        mains=tuple(sorted({*one.mains, *other.mains})),
        notes={**other.notes, **one.notes},
    )


def with_programs(packages: Sequence[Package], mains: Sequence[str]) -> list[Package]:
    """Go modules with the programs that they are built into, told by their main modules (`mains`, in the packages' order).

    A program has the same location as its modules.
    """
    programs: dict[tuple[str, str], str] = {}
    for package, main in zip(packages, mains, strict=True):
        if main and package.name == main:
            programs.update({(main, place.path): package.purl for place in package.locations})
    found = []
    for package, main in zip(packages, mains, strict=True):
        purls = {programs.get((main, place.path), "") for place in package.locations} if main else set()
        found.append(msgspec.structs.replace(package, mains=tuple(sorted(purls))) if purls else package)
    return found
