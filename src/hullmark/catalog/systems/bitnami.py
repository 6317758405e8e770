"""Bitnami's components: the SPDX document .spdx-NAME.spdx that each brings along, in /opt/bitnami/NAME, and .bitnami_components.json."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.documents import JSON_LIMIT, json_object
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, OwnedFile, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import LocatedFact, Read, Report

_MAX_COMPONENTS = Limit(20_000, "packages in one SPDX document of Bitnami's")
_IS_NAME = late(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}").fullmatch
_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z.+_~-]{0,127}").fullmatch
_PURL = late(r"pkg:bitnami/[^?#]{1,256}(?:\?([^#]{0,256}))?").fullmatch
_ROOT = late(r"((?:.*/)?opt/bitnami/[^/]+)/.*").fullmatch
_NO_LICENCE = frozenset(("", "NOASSERTION", "NONE"))


class Component(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A package of a document. `qualifiers` are those of its purl."""

    name: str
    version: str
    license: str = ""
    qualifiers: tuple[tuple[str, str], ...] = ()


def extract(path: str, body: memoryview, report: Report) -> tuple[Component, ...] | None:
    """The packages that have a purl of Bitnami's, the document's own first. Documents that are not JSON are other people's."""
    if bytes(body[:64]).lstrip()[:1] != b"{":
        return None
    found = json_object(body, report)
    entries = found.get("packages") if found is not None else None
    if not isinstance(entries, list):
        return None
    if len(entries) > _MAX_COMPONENTS:
        report(f"it has more than {_MAX_COMPONENTS:,} packages; the rest was not read")
    kept, bad = [], 0
    for entry in entries[:_MAX_COMPONENTS]:
        query = _query(entry) if isinstance(entry, dict) else None
        if query is None:
            continue
        name, version = entry.get("name"), entry.get("versionInfo")
        if not isinstance(name, str) or not _IS_NAME(name):
            bad += 1
            continue
        sound = version if isinstance(version, str) and _IS_VERSION(version) else ""
        licence = next(
            (text for key in ("licenseDeclared", "licenseConcluded") if (text := _licence(entry.get(key)))), ""
        )
        kept.append(Component(name, sound, licence, query))
    if bad:
        report(f"packages of Bitnami's that have no name that can be used: {bad}")
    return tuple(dict.fromkeys(kept)) or None


def _licence(value: object) -> str:
    return value[:512] if isinstance(value, str) and value not in _NO_LICENCE else ""


def _query(entry: dict[str, object]) -> tuple[tuple[str, str], ...] | None:
    """The qualifiers of the package's purl of the type bitnami; None if it has none."""
    references = entry.get("externalRefs")
    for reference in references if isinstance(references, list) else ():
        locator = reference.get("referenceLocator") if isinstance(reference, dict) else None
        purl = _PURL(locator) if isinstance(locator, str) else None
        if purl:
            pairs = (pair.partition("=") for pair in (purl[1] or "").split("&"))
            return tuple((key, value) for key, _, value in pairs if key in ("arch", "distro") and _IS_NAME(value))
    return None


COMPONENTS = Read(
    name="bitnami-components",
    fact=tuple[Component, ...],
    globs=("**/opt/bitnami/*.spdx", "**/opt/bitnami/*/*.spdx", "**/opt/bitnami/*/*/*.spdx"),
    extract=extract,
    limit=JSON_LIMIT,
)


def extract_list(path: str, body: memoryview, report: Report) -> tuple[Component, ...] | None:
    """The components that the image was made of: a name → its version, architecture and distribution."""
    found = json_object(body, report)
    kept, bad = [], 0
    for name, entry in (found or {}).items():
        version = entry.get("version") if isinstance(entry, dict) else None
        if not _IS_NAME(name) or not isinstance(version, str) or not _IS_VERSION(version):
            bad += 1
            continue
        pairs = ((key, entry.get(key)) for key in ("arch", "distro"))
        kept.append(
            Component(
                name, version, "", tuple((key, text) for key, text in pairs if isinstance(text, str) and _IS_NAME(text))
            )
        )
    if bad:
        report(f"components of Bitnami's that have no name and version that can be used: {bad}")
    return tuple(kept) or None


LIST = Read(
    name="bitnami-list",
    fact=tuple[Component, ...],
    globs=("**/opt/bitnami/.bitnami_components.json",),
    extract=extract_list,
    limit=JSON_LIMIT,
)


def _purl(component: Component) -> str:
    return make_purl("bitnami", component.name, component.version, qualifiers=component.qualifiers)


def assemble(view: View) -> Iterator[Package]:
    """A package for each component, and for what it says it contains; of the list, what has no document."""
    known: set[tuple[str, str]] = set()
    for found in (*view.facts(COMPONENTS), *view.facts(LIST)):
        fresh = [component for component in found.fact if (component.name, component.version) not in known]
        if found.path.endswith(".spdx"):
            known |= {(component.name, component.version) for component in found.fact}
            fresh = list(found.fact)
        for component in fresh:
            yield Package(
                type="bitnami",
                name=component.name,
                version=component.version or UNKNOWN_VERSION,
                purl=_purl(component),
                cataloger="bitnami",
                arch=dict(component.qualifiers).get("arch", ""),
                licenses=(component.license,) if component.license else (),
                locations=(Location(f"/{found.path}", found.layer),),
            )


def _roots(view: View) -> Iterator[tuple[str, LocatedFact[tuple[Component, ...]]]]:
    for found in view.facts(COMPONENTS):
        root = _ROOT(found.path)
        if root:
            yield root[1], found


def list_owned_files(view: View) -> Iterator[OwnedFile]:
    """All that is in the folder of a component is its own."""
    owners = {root: _purl(found.fact[0]) for root, found in _roots(view)}
    for path, _ in view.below("") if owners else ():
        root = _ROOT(path)
        if root and root[1] in owners:
            yield OwnedFile(path, owners[root[1]])


CATALOGER = Cataloger(
    name="bitnami", types=("bitnami",), reads=(COMPONENTS, LIST), assemble=assemble, owned=list_owned_files, system=True
)
