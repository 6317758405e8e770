"""CycloneDX documents as VEX (https://cyclonedx.org/capabilities/vex/, 1.4 and later): vulnerabilities that have an analysis.

The component that the document is about is the product, the affected ones are its parts. A reference leads to a component of the
document, or is a BOM-Link (`urn:cdx:SERIAL/VERSION#REF`) whose REF is often a package URL itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from hullmark.advisories.feeds.feed import Report
from hullmark.advisories.feeds.formats.reading import decode
from hullmark.advisories.feeds.formats.wording import line_of
from hullmark.model.advisory import Statement
from hullmark.model.limit import Limit

_MAX_COMPONENTS = Limit(200_000, "components of a CycloneDX VEX document (more excuse nothing)", "shortened")
_MAX_DEPTH = Limit(16, "levels of components in a CycloneDX VEX document (deeper ones excuse nothing)", "shortened")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")

_Status = Literal["not_affected", "affected", "fixed", "under_investigation"]
_STATUS: dict[str, _Status] = {
    "resolved": "fixed",
    "resolved_with_pedigree": "fixed",
    "exploitable": "affected",
    "in_triage": "under_investigation",
    "false_positive": "not_affected",
    "not_affected": "not_affected",
}
_OF_VERSION: dict[str, _Status] = {"unaffected": "not_affected", "unknown": "under_investigation"}
"""What is said of single versions; `affected` ones are those that the analysis speaks of."""

_JUSTIFICATION = {
    "code_not_present": "vulnerable_code_not_present",
    "code_not_reachable": "vulnerable_code_not_in_execute_path",
    "requires_configuration": "vulnerable_code_cannot_be_controlled_by_adversary",
    "requires_dependency": "component_not_present",
    "requires_environment": "vulnerable_code_cannot_be_controlled_by_adversary",
    "protected_by_compiler": "inline_mitigations_already_exist",
    "protected_at_runtime": "inline_mitigations_already_exist",
    "protected_at_perimeter": "inline_mitigations_already_exist",
    "protected_by_mitigating_control": "inline_mitigations_already_exist",
}
_RESPONSE = {
    "can_not_fix": "It cannot be fixed.",
    "will_not_fix": "It will not be fixed.",
    "update": "Update it.",
    "rollback": "Go back to an earlier version.",
    "workaround_available": "There is a workaround.",
}


class _Hash(msgspec.Struct):
    alg: str = ""
    content: str = ""


class _Component(msgspec.Struct):
    ref: str = msgspec.field(default="", name="bom-ref")
    purl: str = ""
    name: str = ""
    version: str = ""
    hashes: list[_Hash] = []
    components: list[_Component] = []


class _Metadata(msgspec.Struct):
    timestamp: str = ""
    component: _Component | None = None


class _Version(msgspec.Struct):
    version: str = ""
    status: str = ""


class _AffectedRef(msgspec.Struct):
    ref: str
    versions: list[_Version] = []


class _Analysis(msgspec.Struct):
    state: str = ""
    justification: str = ""
    response: list[str] = []
    detail: str = ""
    first_issued: str = msgspec.field(default="", name="firstIssued")
    last_updated: str = msgspec.field(default="", name="lastUpdated")


class _Reference(msgspec.Struct):
    id: str = ""


class _Vulnerability(msgspec.Struct):
    id: str = ""
    references: list[_Reference] = []
    analysis: _Analysis | None = None
    affects: list[_AffectedRef] = []
    recommendation: str = ""
    published: str = ""
    updated: str = ""


class _Document(msgspec.Struct):
    metadata: _Metadata = msgspec.field(default_factory=_Metadata)
    components: list[_Component] = []
    vulnerabilities: list[msgspec.Raw] = []


_DOCUMENT = msgspec.json.Decoder(_Document)
_VULNERABILITY = msgspec.json.Decoder(_Vulnerability)


def statements_of(data: bytes, source: str, report: Report, place: str) -> Iterator[Statement]:
    """The statements of a document, in its order: one for each vulnerability, status and product. What cannot be read is
    reported at `place`; a vulnerability without analysis says nothing."""
    document = decode(_DOCUMENT, data, place, report)
    if document is None:
        return
    subject = document.metadata.component
    components = _by_ref(document)
    for number, raw in enumerate(document.vulnerabilities):
        found = decode(_VULNERABILITY, raw, f"{place} vulnerability {number}", report)
        if found is None or found.analysis is None or found.analysis.state not in _STATUS:
            continue
        if not found.id:
            report(f"{place} vulnerability {number}", "left out: it has no id")
            continue
        model = _model(found, found.analysis, source, document.metadata.timestamp)
        yield from _statements(found, model, subject, components)


def _by_ref(document: _Document) -> dict[str, _Component]:
    """All components, those within others too, by their reference."""
    subject = document.metadata.component
    found: dict[str, _Component] = {}
    level = [*document.components, *([subject] if subject else [])]
    for _ in range(_MAX_DEPTH):
        for component in level[: _MAX_COMPONENTS - len(found)]:
            found.setdefault(component.ref, component)
        level = [inner for component in level for inner in component.components]
        if not level:
            break
    found.pop("", None)
    return found


def _model(found: _Vulnerability, analysis: _Analysis, source: str, issued: str) -> Statement:
    actions = [_RESPONSE[response] for response in analysis.response if response in _RESPONSE]
    aliases = dict.fromkeys(reference.id for reference in found.references if reference.id not in ("", found.id))
    return Statement(
        vulnerability=found.id,
        source=source,
        status=_STATUS[analysis.state],
        aliases=tuple(aliases),
        justification=_JUSTIFICATION.get(analysis.justification, ""),
        impact=line_of(analysis.detail),
        action=line_of(" ".join(filter(None, (*actions, found.recommendation)))),
        at=analysis.last_updated or analysis.first_issued or found.updated or found.published or issued,
    )


def _statements(
    found: _Vulnerability, model: Statement, subject: _Component | None, components: dict[str, _Component]
) -> Iterator[Statement]:
    """Those that say the same of several parts of the product are one."""
    groups: dict[tuple[_Status, bool], dict[str, None]] = {}
    products = tuple(_names(subject)) if subject else ()
    for affected in found.affects:
        component = _component(affected.ref, components)
        if component is None:
            continue
        is_subject = component is subject or not products
        for status, names in _of_versions(affected, component, model.status):
            groups.setdefault((status, is_subject), {}).update(dict.fromkeys(names))
    for (status, is_subject), parts in groups.items():
        # A statement about nothing would be one about the whole product.
        if parts:
            yield msgspec.structs.replace(
                model,
                status=status,
                products=tuple(parts) if is_subject else products,
                subcomponents=() if is_subject else tuple(parts),
            )


def _component(ref: str, components: dict[str, _Component]) -> _Component | None:
    known = components.get(ref)
    if known is not None:
        return known
    link = ref.partition("#")[2] if ref.startswith("urn:cdx:") else ref
    for text in (link, _ESCAPE.sub(lambda found: chr(int(found[1], 16)), link)):
        if text in components:
            return components[text]
        if text.startswith("pkg:"):
            return _Component(purl=text)
    return None


def _of_versions(
    affected: _AffectedRef, component: _Component, status: _Status
) -> Iterator[tuple[_Status, tuple[str, ...]]]:
    """The component as it is, or each version of it that is spoken of; ranges of versions are left to the advisories."""
    versions = [version for version in affected.versions if version.version]
    exact = [version for version in versions if version.version != component.version]
    if not exact:
        yield _OF_VERSION.get(versions[0].status if versions else "", status), tuple(_names(component))
        return
    base = component.purl.partition("#")[0]
    for version in versions:
        purl = _with_version(base, version.version)
        if purl:
            yield _OF_VERSION.get(version.status, status), (purl,)


def _with_version(purl: str, version: str) -> str:
    if not purl:
        return ""
    body, mark, query = purl.partition("?")
    head, slash, name = body.rpartition("/")
    return f"{head}{slash}{name[:1]}{name[1:].partition('@')[0]}@{version.replace('%', '%25')}{mark}{query}"


def _names(component: _Component) -> Iterator[str]:
    if component.purl:
        yield component.purl
    for hash in component.hashes:
        if hash.alg == "SHA-256" and hash.content:
            yield f"sha256:{hash.content.lower()}"
    if component.version.startswith("sha256:"):
        yield component.version
    if not component.purl and component.name:
        yield _reference(component)


def _reference(component: _Component) -> str:
    """An image as its name and version write it: `name:tag`, `name@digest`, or the name where it holds them already."""
    name, version = component.name, component.version
    if not version or "@" in name or ":" in name.rpartition("/")[2]:
        return name
    return f"{name}@{version}" if version.startswith("sha256:") else f"{name}:{version}"
