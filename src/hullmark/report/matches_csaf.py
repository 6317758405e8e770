"""VEX as CSAF 2.0, profile VEX (https://docs.oasis-open.org/csaf/csaf/v2.0/): packages as components of the image."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from hullmark.model.match import Match, Matches
from hullmark.report.documents import content_uuid, encode, image_purl
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import is_url, page_of, purl_of, when
from hullmark.report.vex_words import CAUTION, Position, position

Json = dict[str, Any]

_CVE = re.compile(r"CVE-[0-9]{4}-[0-9]{4,}").fullmatch
_STATUS = {
    "affected": "known_affected",
    "fixed": "fixed",
    "not_affected": "known_not_affected",
    "under_investigation": "under_investigation",
}
_IMAGE = "image"
_NAMESPACE = "https://hullmark.invalid"
"""The standard requires an address of the publisher; reserved names (RFC 2606) lead nowhere."""


class _ProductStatement(msgspec.Struct, frozen=True):
    product: str
    position: Position
    match: Match


def render(matches: Matches, context: RenderContext) -> bytes:
    """The document as one line. The profile requires a vulnerability; without one it is a document of the base profile."""
    products = {purl: f"package-{place}" for place, purl in enumerate(_purls(matches.matches))}
    document: Json = {"document": _head(matches, context, "csaf_vex" if products else "csaf_base")}
    if products:
        document["product_tree"] = _tree(matches, products)
        document["vulnerabilities"] = [_vulnerability(group) for group in _by_vulnerability(matches.matches, products)]
    id = content_uuid(document)
    document["document"]["tracking"]["id"] = f"hullmark-{id}"
    return encode(document)


def _head(matches: Matches, context: RenderContext, category: str) -> Json:
    moment = when(matches, context)
    engine = {"name": "hullmark", "version": context.tool_version}
    return {
        "category": category,
        "csaf_version": "2.0",
        "lang": "en",
        "title": f"Vulnerabilities of {_line(matches.source.reference) or 'an image'}",
        "publisher": {"category": "other", "name": "hullmark", "namespace": _NAMESPACE},
        "tracking": {
            "current_release_date": moment,
            "generator": {"engine": {key: value for key, value in engine.items() if value}},
            "initial_release_date": moment,
            "revision_history": [{"date": moment, "number": "1", "summary": "Written by a scan"}],
            "status": "final",
            "version": "1",
        },
    }


def _purls(matches: Iterable[Match]) -> Iterator[str]:
    yield from dict.fromkeys(purl_of(match.package) for match in matches)


def _tree(matches: Matches, products: dict[str, str]) -> Json:
    """Every package on its own (`…-part`) and as a component of the image, which is what is spoken of."""
    source = matches.source
    name = _line(source.reference) or "image"
    image: Json = {"product_id": _IMAGE, "name": name}
    purl = image_purl(source)
    if purl:
        image["product_identification_helper"] = {"purl": purl}
    parts = [
        {"product_id": f"{id}-part", "name": purl, "product_identification_helper": {"purl": purl}}
        for purl, id in products.items()
    ]
    relations = [
        {
            "category": "default_component_of",
            "product_reference": f"{id}-part",
            "relates_to_product_reference": _IMAGE,
            "full_product_name": {"product_id": id, "name": f"{purl} in {name}"},
        }
        for purl, id in products.items()
    ]
    return {"full_product_names": [image, *parts], "relationships": relations}


def _by_vulnerability(matches: Iterable[Match], products: dict[str, str]) -> Iterator[list[_ProductStatement]]:
    """For each vulnerability the status of each product: the most cautious one if there are several."""
    groups: dict[str, dict[str, _ProductStatement]] = {}
    for match in matches:
        stated = _ProductStatement(products[purl_of(match.package)], position(match), match)
        group = groups.setdefault(match.advisory.cve or match.advisory.id, {})
        known = group.get(stated.product)
        if known is None or CAUTION.index(stated.position.status) < CAUTION.index(known.position.status):
            group[stated.product] = stated
    for group in groups.values():
        yield list(group.values())


def _vulnerability(statements: list[_ProductStatement]) -> Json:
    advisories = [statement.match.advisory for statement in statements]
    cve = next((advisory.cve for advisory in advisories if _CVE(advisory.cve)), "")
    names = {(advisory.source or "hullmark", id) for advisory in advisories for id in (advisory.id, *advisory.aliases)}
    ids = [{"system_name": system, "text": id} for system, id in sorted(names) if id and id != cve]
    if not cve and not ids:
        ids = [{"system_name": "hullmark", "text": "unknown"}]
    status: dict[str, list[str]] = {}
    for statement in statements:
        status.setdefault(_STATUS[statement.position.status], []).append(statement.product)
    about = next((advisory.summary for advisory in advisories if advisory.summary), "")
    pages = dict.fromkeys(
        url for advisory in advisories for url in (page_of(advisory), *advisory.references) if is_url(url)
    )
    entry: Json = {
        "cve": cve,
        "ids": ids,
        "notes": [
            {
                "category": "description",
                "text": about or f"{cve or advisories[0].id} in {statements[0].match.package.name}",
            }
        ],
        "product_status": status,
        "references": [{"category": "external", "summary": "About the vulnerability", "url": page} for page in pages],
        "flags": list(
            _group_by_label((statement.position.justification, statement.product) for statement in statements)
        ),
        "threats": list(_threats(statements)),
        "remediations": list(_remediations(statements)),
    }
    return {key: value for key, value in entry.items() if value}


def _group_by_label(labels: Iterable[tuple[str, str]]) -> Iterator[Json]:
    groups: dict[str, list[str]] = {}
    for label, product in labels:
        if label:
            groups.setdefault(label, []).append(product)
    yield from ({"label": label, "product_ids": products} for label, products in groups.items())


def _threats(statements: list[_ProductStatement]) -> Iterator[Json]:
    for statement in statements:
        if statement.position.status == "not_affected":
            yield {"category": "impact", "details": statement.position.impact, "product_ids": [statement.product]}


def _remediations(statements: list[_ProductStatement]) -> Iterator[Json]:
    for statement in statements:
        if statement.position.status == "affected":
            yield {
                "category": _remedy(statement.match),
                "details": statement.position.action,
                "product_ids": [statement.product],
            }


def _remedy(match: Match) -> str:
    suppressed = match.suppressed
    if match.fix.state == "wont-fix" or (suppressed is not None and suppressed.by == "ignore"):
        return "no_fix_planned"
    return "vendor_fix" if match.fix.version else "none_available"


def _line(text: str) -> str:
    return " ".join(text.split())


FORMAT = Format(
    kind="matches",
    name="csaf",
    media_type="application/csaf+json",
    file_name="vex.csaf.json",
    render=render,
    is_single=True,
)
