"""VEX as OpenVEX 0.2.0 (https://github.com/openvex/spec): the image is the product, its packages are the subcomponents."""

from __future__ import annotations

from typing import Any

from hullmark.model.match import Match, Matches
from hullmark.report.documents import content_uuid, encode, image_purl
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import purl_of, when
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
        "statements": [_statement(stance, found, matches) for (_, stance), found in groups.items()],
    }
    document["@id"] = content_uuid(document).urn
    return encode(document)


def _statement(stance: Position, found: list[Match], matches: Matches) -> Json:
    statement: Json = {
        "vulnerability": _vulnerability(found),
        "products": _products(found, matches),
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
    purls = list(dict.fromkeys(purl_of(match.package) for match in found))
    parts = [{"@id": purl, "identifiers": {"purl": purl}} for purl in purls]
    image = image_purl(matches.source)
    if not image:
        return parts
    product: Json = {"@id": image, "identifiers": {"purl": image}, "subcomponents": parts}
    if matches.source.digest.startswith(_DIGEST):
        product["hashes"] = {"sha-256": matches.source.digest.removeprefix(_DIGEST)}
    return [product]


FORMAT = Format(
    kind="matches",
    name="openvex",
    media_type="application/vnd.openvex+json",
    file_name="vex.openvex.json",
    render=render,
    is_single=True,
)
