"""VEX as OpenVEX 0.2.0 (https://github.com/openvex/spec): the image is the product, its packages are the subcomponents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hullmark.model.match import Match, Matches
from hullmark.report.documents import content_uuid, encode, image_purl
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import purl_of, when
from hullmark.report.vex_places import list_limits, place_urn
from hullmark.report.vex_words import Position, position

Json = dict[str, Any]

_DIGEST = "sha256:"


def render(matches: Matches, context: RenderContext) -> bytes:
    """The document as one line. Something without an image name (a folder) is named by its packages alone.

    The standard requires at least one statement; without matches the list is empty.
    """
    groups: dict[tuple[str, Position], list[Match]] = {}
    for match in matches.matches:
        groups.setdefault((match.advisory.id, position(match)), []).append(match)
    document: Json = {
        "@context": "https://openvex.dev/ns/v0.2.0",
        "author": "hullmark",
        "role": "Image scanner",
        "timestamp": when(matches, context),
        "version": 1,
        "tooling": f"hullmark {context.tool_version}".strip(),
        "statements": [
            *(_statement(stance, found, _products(found, matches)) for (_, stance), found in groups.items()),
            *_statements_of_places(matches),
        ],
    }
    document["@id"] = content_uuid(document).urn
    return encode(document)


def _statements_of_places(matches: Matches) -> Iterator[Json]:
    """What each place limits. Its product names no image: it holds there and nowhere else."""
    for placed, words, stance, found in list_limits(matches):
        products = [{"@id": place_urn(placed), "subcomponents": _parts(found)}]
        yield {**_statement(stance, found, products), "status_notes": words}


def _statement(stance: Position, found: list[Match], products: list[Json]) -> Json:
    statement: Json = {
        "vulnerability": _vulnerability(found),
        "products": products,
        "status": stance.status,
    }
    if stance.status == "affected":
        statement["action_statement"] = stance.action
    elif stance.justification:
        # The standard's schema allows a justification or an impact statement, not both.
        statement["justification"] = stance.justification
        statement["status_notes"] = stance.impact
    elif stance.status == "not_affected":
        statement["impact_statement"] = stance.impact
    elif stance.impact:
        statement["status_notes"] = stance.impact
    return statement


def _vulnerability(found: list[Match]) -> Json:
    name = found[0].advisory.id
    aliases = {alias for match in found for alias in match.advisory.aliases if alias} - {name}
    return {"name": name, **({"aliases": sorted(aliases)} if aliases else {})}


def _products(found: list[Match], matches: Matches) -> list[Json]:
    parts = _parts(found)
    image = image_purl(matches.source)
    if not image:
        return parts
    product: Json = {"@id": image, "identifiers": {"purl": image}, "subcomponents": parts}
    if matches.source.digest.startswith(_DIGEST):
        product["hashes"] = {"sha-256": matches.source.digest.removeprefix(_DIGEST)}
    return [product]


def _parts(found: list[Match]) -> list[Json]:
    purls = dict.fromkeys(purl_of(match.package) for match in found)
    return [{"@id": purl, "identifiers": {"purl": purl}} for purl in purls]


FORMAT = Format(
    kind="matches",
    name="openvex",
    media_type="application/vnd.openvex+json",
    file_name="vex.openvex.json",
    render=render,
    is_single=True,
)
