"""Matches as CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/): the packages concerned, and their vulnerabilities."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from hullmark.model.advisory import Cvss
from hullmark.model.match import Match, MatchedAdvisory, Matches
from hullmark.model.package import Package
from hullmark.report import inventory_cyclonedx_json
from hullmark.report.documents import content_uuid, encode, known_version
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import (
    advice,
    as_inventory,
    day_or_moment,
    is_url,
    page_of,
    severity_of,
    snapshot_text,
)
from hullmark.report.vex_words import Position, is_unreachable, position

Json = dict[str, Any]
Analyse = Callable[[Match], Json]

_SEVERITY = {"negligible": "info"}
_METHOD = {"2.0": "CVSSv2", "3.0": "CVSSv3", "3.1": "CVSSv31", "4.0": "CVSSv4"}
_STATE = {
    "affected": "exploitable",
    "fixed": "resolved",
    "not_affected": "not_affected",
    "under_investigation": "in_triage",
}
_JUSTIFICATION = {
    "component_not_present": "code_not_present",
    "inline_mitigations_already_exist": "protected_by_mitigating_control",
    "vulnerable_code_cannot_be_controlled_by_adversary": "requires_environment",
    "vulnerable_code_not_in_execute_path": "code_not_reachable",
    "vulnerable_code_not_present": "code_not_present",
}
_CWE = re.compile(r"CWE-(\d{1,6})", re.ASCII).fullmatch


def render(matches: Matches, context: RenderContext) -> bytes:
    """The document as one line. Suppressed matches, and unreachable ones, have an analysis; packages without matches are left out."""
    return encode(document(matches, context, _analysis_if_any))


def _analysis_if_any(match: Match) -> Json:
    return analysis(match) if match.suppressed or is_unreachable(match) else {}


def document(matches: Matches, context: RenderContext, analyse: Analyse) -> Json:
    """The document. `analyse` gives the analysis of a match."""
    packages = list({_identity(match.package): match.package for match in matches.matches}.values())
    document: Json = msgspec.to_builtins(
        inventory_cyclonedx_json.document_of(as_inventory(matches, packages), context, joins=False)
    )
    # The writer lists the packages in their order, behind the operating system.
    components = document["components"][len(document["components"]) - len(packages) :]
    refs = {_identity(package): found["bom-ref"] for package, found in zip(packages, components, strict=True)}
    document["vulnerabilities"] = _vulnerabilities(matches.matches, refs, analyse)
    document["compositions"] = [
        {"aggregate": "incomplete", "assemblies": [document["metadata"]["component"]["bom-ref"]]}
    ]
    known = document["metadata"].setdefault("properties", [])
    known.append({"name": "hullmark:advisories", "value": snapshot_text(matches.snapshot)})
    for untold in matches.unknown:
        text = f"{untold.package.purl or untold.package.name}: {untold.reason}"
        known.append({"name": "hullmark:unknown", "value": text})
    del document["serialNumber"]
    document["serialNumber"] = content_uuid(document).urn
    return document


def analysis(match: Match) -> Json:
    """The analysis of a match in the standard's terms."""
    stance = position(match)
    found: Json = {"state": _STATE[stance.status]}
    if stance.justification:
        found["justification"] = _JUSTIFICATION[stance.justification]
    detail = stance.impact or stance.action
    if detail:
        found["detail"] = detail
    response = _response(match, stance)
    return {**found, "response": response} if response else found


def _response(match: Match, stance: Position) -> list[str]:
    if stance.status != "affected":
        return []
    if match.suppressed is not None and match.suppressed.by == "ignore":
        return ["will_not_fix"]
    return {"fixed": ["update"], "wont-fix": ["will_not_fix"]}.get(match.fix.state, [])


def _identity(package: Package) -> tuple[object, ...]:
    return (package.type, package.name, package.version, package.arch, package.purl, package.locations)


def _vulnerabilities(matches: Iterable[Match], refs: dict[tuple[object, ...], str], analyse: Analyse) -> list[Json]:
    """Matches that differ in their package only are one entry."""
    entries: dict[bytes, Json] = {}
    whys: dict[bytes, list[str]] = {}
    affects: dict[bytes, dict[str, Json]] = {}
    for match in matches:
        entry = _vulnerability(match, analyse(match))
        key = encode(entry)
        entries.setdefault(key, entry)
        ref = refs[_identity(match.package)]
        version = known_version(match.package)
        affected: Json = {"ref": ref}
        if version:
            affected["versions"] = [{"version": version, "status": "affected"}]
        affects.setdefault(key, {}).setdefault(ref, affected)
        whys.setdefault(key, []).append(match.why)
    for key, entry in entries.items():
        entry["affects"] = list(affects[key].values())
        entry["properties"] += [{"name": "hullmark:why", "value": why} for why in dict.fromkeys(whys[key]) if why]
    return list(entries.values())


def _vulnerability(match: Match, analysed: Json) -> Json:
    advisory = match.advisory
    page = page_of(advisory)
    aliases = [alias for alias in advisory.aliases if alias and alias != advisory.id]
    entry: Json = {
        "id": advisory.id,
        "source": {"name": advisory.source, **({"url": page} if page else {})},
        "references": [{"id": alias, "source": {"name": advisory.source}} for alias in dict.fromkeys(aliases)],
        "ratings": _ratings(advisory),
        "cwes": sorted({int(found[1]) for cwe in advisory.cwes if (found := _CWE(cwe))} - {0}),
        "description": advisory.summary,
        "recommendation": advice(match),
        "advisories": [{"url": url} for url in dict.fromkeys(advisory.references) if is_url(url)],
        "published": day_or_moment(advisory.published),
        "updated": day_or_moment(advisory.modified),
        "analysis": analysed,
    }
    return {**{key: value for key, value in entry.items() if value}, "properties": list(_properties(match))}


def _ratings(advisory: MatchedAdvisory) -> list[Json]:
    own = {"source": {"name": advisory.source}, "severity": _SEVERITY.get(advisory.severity, advisory.severity)}
    ratings = [own, *(_rating(rating) for rating in advisory.cvss)]
    return [rating for place, rating in enumerate(ratings) if rating not in ratings[:place]]


def _rating(rating: Cvss) -> Json:
    found: Json = {
        "score": rating.score,
        "severity": severity_of(rating.score),
        "method": _METHOD.get(rating.version, "other"),
    }
    if rating.source:
        found["source"] = {"name": rating.source}
    return {**found, "vector": rating.vector} if rating.vector else found


def _properties(match: Match) -> Iterable[Json]:
    advisory, fix = match.advisory, match.fix
    epss, kev, suppressed = advisory.epss, advisory.kev, match.suppressed
    values = (
        ("namespace", advisory.namespace),
        ("match", match.kind),
        ("confidence", str(match.confidence)),
        ("risk", f"{match.risk:.2f}"),
        ("fix:state", fix.state),
        ("fix:version", fix.version),
        ("fix:date", fix.date),
        ("epss:score", str(epss.score) if epss else ""),
        ("epss:percentile", str(epss.percentile) if epss else ""),
        ("kev:added", kev.added if kev else ""),
        ("kev:due", kev.due if kev else ""),
        ("vendor_ids", " ".join(advisory.vendor_ids)),
        ("suppressed:by", suppressed.by if suppressed else ""),
        ("suppressed:reason", suppressed.reason if suppressed else ""),
        ("suppressed:owner", suppressed.owner if suppressed else ""),
        ("suppressed:expires", suppressed.expires if suppressed else ""),
    )
    return ({"name": f"hullmark:{name}", "value": value} for name, value in values if value)


FORMAT = Format(
    kind="matches",
    name="cyclonedx-json",
    media_type="application/vnd.cyclonedx+json; version=1.6",
    file_name="vulnerabilities.cdx.json",
    render=render,
    is_single=True,
)
