"""CycloneDX, whatever it is written in: its components → what they tell of packages (https://cyclonedx.org, 1.0 to 1.7).

Besides the standard's own fields the properties of Hullmark, syft and Trivy are read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from typing import NamedTuple

import msgspec

from hullmark.catalog.sbom.cyclonedx_own import OWN, first_of, own_layers, own_problems, properties_of, read_unexplained
from hullmark.catalog.sbom.cyclonedx_parts import (
    Component,
    Dependency,
    Entity,
    Evidence,
    ExternalReference,
    Metadata,
)
from hullmark.catalog.sbom.document import (
    MAX_COMPONENTS,
    MAX_LIST,
    Document,
    Edge,
    Problems,
    SbomPackage,
    bare_layers,
    clip_text,
    decoded_parts,
    label_of,
    layer_numbers,
)
from hullmark.catalog.sbom.licence_claims import concluded_as, own_licences, told_by
from hullmark.catalog.sbom.packages import SYSTEM
from hullmark.catalog.sbom.purl_parts import parts_of, source_of_rpm
from hullmark.catalog.sbom.statements import PROPERTIES, DocumentStatements, PackageStatements, algorithm, contact_in
from hullmark.catalog.sbom.syft_names import purl_type
from hullmark.catalog.sbom.systems import system_named
from hullmark.model.inventory import Distro, InventorySource
from hullmark.model.licence_evidence import LicenceEvidence
from hullmark.model.limit import Limit
from hullmark.model.package import Location, SourcePackage
from hullmark.model.relation import RelationKind

_DEEPEST = Limit(32, "levels of components in components of a CycloneDX document")
_IS_INDEX = re.compile(r"[0-9]{1,6}").fullmatch
_SOFTWARE = frozenset(("", "library", "application", "framework", "firmware", "platform", "container"))
_SYFT, _TRIVY, _BSI = "syft:", "aquasecurity:trivy:", "bsi:component:"
_DISTRIBUTION = "distribution"


def document_of(
    metadata: Metadata,
    components: Iterable[msgspec.Raw],
    problems: Problems,
    aggregates: Iterable[str] = (),
    dependencies: Iterable[msgspec.Raw] | None = None,
) -> Document:
    """A decoded document. Each component is decoded by itself: a broken one is a problem, not the end.

    `aggregates` are what its compositions say of their completeness, `dependencies` (None: none stated) which component needs which.
    """
    root = metadata.component or Component()
    found = chain(_all(components, problems), _all(root.components or (), problems))
    source = _source(root)
    numbers = layer_numbers(source.layers)
    document = Document(source=source, unexplained=read_unexplained(root.properties), problems=problems)
    own = tuple(own_problems(properties_of(metadata.properties)))
    problems.keep(own)
    if not own and any(aggregate.startswith("incomplete") for aggregate in aggregates):
        problems.add("the document says of itself that it is not complete")
    by_ref: dict[str, _NamedComponent] = {}
    _take_components(found, document, by_ref, numbers)
    if dependencies is not None:
        dependencies = list(dependencies)
        document.add_edges(_edges(dependencies, by_ref, problems))
        _take_related(dependencies, by_ref)
    document.statements = _statements(metadata, aggregates)
    return document


def _statements(metadata: Metadata, aggregates: Iterable[str]) -> DocumentStatements:
    entities = [
        entity for entity in (metadata.manufacturer, metadata.supplier, metadata.manufacture) if entity is not None
    ]
    authors = metadata.authors or []
    names = (*(author.name or author.email for author in authors), *(entity.name for entity in entities))
    return DocumentStatements(
        author=clip_text(next(filter(None, names), "")),
        contact=clip_text(contact_in((*(author.email for author in authors), *chain(*map(_addresses, entities))))),
        created=clip_text(metadata.timestamp or ""),
        tells_completeness=bool(list(aggregates)),
    )


def _addresses(entity: Entity) -> Iterator[str | None]:
    yield from (contact.email for contact in entity.contact or ())
    yield from entity.url or ()


def _take_related(parts: Iterable[msgspec.Raw], by_ref: Mapping[str, _NamedComponent]) -> None:
    """Mark what stands in a relation, be it with the document's subject."""
    for _, dependency in decoded_parts(parts, Dependency, "dependency", Problems()):
        for ref in (dependency.ref, *(dependency.depends_on or ())):
            if ref in by_ref:
                by_ref[ref].entry.statements.is_related = True


def _take_components(
    found: Iterable[Component], document: Document, by_ref: dict[str, _NamedComponent], numbers: dict[str, int]
) -> None:
    problems = document.problems
    passed: Counter[str] = Counter()
    for number, component in enumerate(found):
        if number >= MAX_COMPONENTS:
            problems.add(f"only the first {MAX_COMPONENTS:,} components were read")
            break
        kind, name = component.type or "", component.name or ""
        if kind == "operating-system" and not component.purl:
            document.distro = document.distro or _distro(component)
        elif component.purl or kind in _SOFTWARE:
            entry = _entry(component, label_of("component", number, name, component.version or ""), numbers)
            if entry is not None:
                document.packages.append(entry)
                by_ref.setdefault(component.ref or "", _NamedComponent(entry, _choices(component)))
        else:
            passed[kind] += 1
    for kind, count in sorted(passed.items()):
        problems.add(f"{count:,} component(s) of the type {kind[:40]} are not packages and were not read")


class _NamedComponent(NamedTuple):
    """A component that others may need, and how much it needs those (package URLs) that it does not depend on."""

    entry: SbomPackage
    choices: dict[str, RelationKind]


def _choices(component: Component) -> dict[str, RelationKind]:
    kinds: tuple[RelationKind, ...] = ("optional", "development")
    properties = component.properties or ()
    return {
        entry.value: kind
        for kind in kinds
        for entry in properties
        if entry.name == f"{OWN}package:{kind}" and entry.value
    }


def _edges(parts: Iterable[msgspec.Raw], by_ref: Mapping[str, _NamedComponent], problems: Problems) -> Iterator[Edge]:
    for _, dependency in decoded_parts(parts, Dependency, "dependency", problems):
        own = by_ref.get(dependency.ref)
        for ref in dependency.depends_on or () if own is not None else ():
            other = by_ref.get(ref)
            if own is not None and other is not None:
                yield Edge(own.entry, other.entry, own.choices.get(other.entry.purl, "depends-on"))


def _all(parts: Iterable[msgspec.Raw], problems: Problems) -> Iterator[Component]:
    """The components and those within them, in document order."""
    waiting = [decoded_parts(parts, Component, "component", problems)]
    while waiting:
        _, component = next(waiting[-1], (0, None))
        if component is None:
            waiting.pop()
            continue
        yield component
        if component.components and len(waiting) == _DEEPEST:
            label = f"component {clip_text(component.name or '')}".rstrip()
            problems.add(f"{label}: what it is made of was not read, for it is nested too deeply")
        elif component.components:
            waiting.append(decoded_parts(component.components, Component, "component", problems))


def _entry(component: Component, label: str, numbers: dict[str, int]) -> SbomPackage | None:
    properties = properties_of(component.properties)
    if not component.purl and f"{_TRIVY}Class" in properties:
        return None  # Trivy's node for a lock file or a kind of packages
    own = first_of(properties, f"{OWN}package:type")
    name, group = component.name or "", component.group or ""
    evidence = _evidence(component, properties.get(f"{OWN}package:licence", ()))
    licenses = _licenses(component)
    type = own or purl_type(first_of(properties, f"{_SYFT}package:type"))
    return SbomPackage(
        label=label,
        name=f"{group}/{name}" if group and not own and not component.purl else name,
        version=component.version or "",
        type=type,
        purl=component.purl or "",
        arch=first_of(properties, f"{OWN}package:arch", f"{_SYFT}metadata:architecture")
        if own or type in SYSTEM
        else "",
        cataloger=first_of(properties, f"{OWN}package:cataloger"),
        source=_built_from(properties),
        licenses=own_licences(licenses, evidence) if own else licenses,
        license_evidence=evidence,
        locations=_locations(component, properties, numbers),
        owned_by=first_of(properties, f"{OWN}package:owned_by") or None,
        mains=tuple(clip_text(main) for main in properties.get(f"{OWN}package:main", ())),
        main=first_of(properties, f"{_SYFT}metadata:mainModule"),
        notes=_notes(component, properties),
        cpes=tuple(filter(None, (component.cpe, *properties.get(f"{_SYFT}cpe23", ())))),
        swid=clip_text(component.swid.tag_id) if component.swid is not None else "",
        owners={
            first_of(properties, f"{OWN}location:{place}:path"): owner
            for place in range(MAX_LIST if any(name.endswith(":owned_by") for name in properties) else 0)
            if (owner := first_of(properties, f"{OWN}location:{place}:owned_by"))
        },
        is_exact=bool(own),
        statements=_package_statements(component, properties),
    )


def _package_statements(component: Component, properties: dict[str, list[str]]) -> PackageStatements:
    entities = [entity for entity in (component.manufacturer, component.supplier) if entity is not None]
    authors = component.authors or []
    names = (
        *(entity.name for entity in entities),
        component.publisher,
        component.author,
        *(author.name for author in authors),
    )
    texts = (
        *chain(*map(_addresses, entities)),
        *(author.email for author in authors),
        component.publisher,
        component.author,
    )
    references = component.references or []
    hashes = (
        *(component.hashes or ()),
        *chain(*(reference.hashes or () for reference in references if reference.type == _DISTRIBUTION)),
    )
    return PackageStatements(
        supplier=clip_text(next(filter(None, names), "")),
        contact=clip_text(contact_in(texts)),
        file_name=first_of(properties, f"{_BSI}filename"),
        hashes=frozenset(algorithm(digest.alg) for digest in hashes[:MAX_LIST]),
        source_uri=_uri(references, ("source-distribution", "vcs")),
        download_uri=_uri(references, (_DISTRIBUTION,)),
        properties=frozenset(name for name in PROPERTIES if f"{_BSI}{name}" in properties),
    )


def _uri(references: Iterable[ExternalReference], types: Collection[str]) -> str:
    return clip_text(next((reference.url for reference in references if reference.type in types and reference.url), ""))


def _built_from(properties: dict[str, list[str]]) -> SourcePackage | None:
    rpm = first_of(properties, f"{_SYFT}metadata:sourceRpm")
    if rpm:
        return source_of_rpm(rpm)
    name = first_of(
        properties,
        f"{OWN}package:source:name",
        f"{_SYFT}metadata:source",
        f"{_SYFT}metadata:originPackage",
        f"{_TRIVY}SrcName",
    )
    version = first_of(properties, f"{OWN}package:source:version", f"{_SYFT}metadata:sourceVersion")
    if not version and f"{_TRIVY}SrcVersion" in properties:
        version = "-".join(
            filter(None, (first_of(properties, f"{_TRIVY}Src{part}") for part in ("Version", "Release")))
        )
        epoch = first_of(properties, f"{_TRIVY}SrcEpoch")
        version = f"{epoch}:{version}" if epoch not in ("", "0") else version
    return SourcePackage(name, version) if name else None


def _licenses(component: Component) -> tuple[str, ...]:
    found = (choice.told for choice in (component.licenses or ())[:MAX_LIST])
    return tuple(text for text in found if text.strip())


def _evidence(component: Component, sentences: Iterable[str]) -> tuple[LicenceEvidence, ...]:
    """Where licences were told: our own sentences, else what the document's maker concluded, or has as evidence."""
    evidence = component.evidence or Evidence()
    found = [choice.told for choice in (component.licenses or ())[:MAX_LIST] if choice.is_concluded]
    found += [choice.told for choice in (evidence.licenses or ())[:MAX_LIST]]
    return told_by(sentences) or concluded_as(found)


def _locations(component: Component, properties: dict[str, list[str]], numbers: dict[str, int]) -> tuple[Location, ...]:
    places = []
    for place in range(MAX_LIST):
        own, theirs = f"{OWN}location:{place}:", f"{_SYFT}location:{place}:"
        if f"{own}path" in properties:
            number = first_of(properties, f"{own}layer")
            places.append(Location(first_of(properties, f"{own}path"), int(number) if _IS_INDEX(number) else -1))
        elif f"{theirs}path" in properties:
            digest = first_of(properties, f"{theirs}layerID")
            places.append(Location(first_of(properties, f"{theirs}path"), numbers.get(digest, -1)))
        else:
            break
    if places:
        return tuple(places)
    layer = numbers.get(first_of(properties, f"{_TRIVY}LayerDiffID", f"{_TRIVY}LayerDigest"), -1)
    paths = properties.get(f"{_TRIVY}FilePath") or [
        found.location for found in (component.evidence and component.evidence.occurrences) or ()
    ]
    return tuple(Location(_absolute(path), layer) for path in paths[:MAX_LIST] if path)


def _absolute(path: str) -> str:
    return clip_text(path if path.startswith("/") else f"/{path}")


def _notes(component: Component, properties: dict[str, list[str]]) -> dict[str, str]:
    prefix = f"{OWN}package:note:"
    notes = {name.removeprefix(prefix): values[0] for name, values in properties.items() if name.startswith(prefix)}
    if notes or (component.purl or "")[:8] != "pkg:rpm/":
        return notes
    supplier = component.supplier.name if component.supplier is not None else None
    vendor = first_of(properties, f"{_SYFT}metadata:vendor") or component.publisher or supplier or ""
    module = first_of(properties, f"{_SYFT}metadata:modularityLabel", f"{_TRIVY}Modularitylabel")
    return {"vendor": vendor, "modularity": module}


def _distro(component: Component) -> Distro | None:
    properties = properties_of(component.properties)
    id = first_of(properties, f"{_SYFT}distro:id") or component.name or ""
    named = system_named(
        clip_text(id), first_of(properties, f"{_SYFT}distro:versionID") or clip_text(component.version or "")
    )
    if named is None:
        return None
    like = first_of(properties, f"{OWN}distro:id_like").split()
    theirs = (first_of(properties, f"{_SYFT}distro:idLike:{number}") for number in range(16))
    return msgspec.structs.replace(
        named,
        codename=first_of(properties, f"{OWN}distro:codename", f"{_SYFT}distro:versionCodename"),
        pretty_name=first_of(properties, f"{_SYFT}distro:prettyName") or clip_text(component.description or ""),
        id_like=tuple(like or filter(None, theirs)),
        cpe_name=first_of(properties, f"{_SYFT}distro:cpeName") or clip_text(component.cpe or ""),
        base=first_of(properties, f"{OWN}distro:base"),
        repositories=tuple(first_of(properties, f"{OWN}distro:repositories").split()),
    )


def _source(root: Component) -> InventorySource:
    properties = properties_of(root.properties)
    version, parts = root.version or "", parts_of(root.purl or "")
    digests = [version, parts.version if parts is not None else ""]
    digests += [digest.partition("@")[2] for digest in properties.get(f"{_TRIVY}RepoDigest", ())]
    layers = tuple(own_layers(properties)) or bare_layers(properties.get(f"{_TRIVY}DiffID", [])[:MAX_LIST])
    tags = [clip_text(tag) for tag in properties.get(f"{_TRIVY}RepoTag", ())[:MAX_LIST]]
    platform = first_of(properties, f"{OWN}image:platform")
    if parts is not None and parts.type == "oci":
        url, tag, arch = (parts.qualifiers.get(key, "") for key in ("repository_url", "tag", "arch"))
        tags += [f"{url}:{tag}"] if url and tag and not tags else []
        platform = platform or (f"linux/{arch}" if arch else "")
    return InventorySource(
        kind="sbom",
        reference=clip_text(root.name or ""),
        digest=next((clip_text(digest) for digest in digests if digest.startswith("sha256:")), ""),
        config_digest=first_of(properties, f"{OWN}image:config_digest", f"{_TRIVY}ImageID"),
        platform=platform,
        layers=layers,
        tags=tuple(sorted(set(tags))),
    )
