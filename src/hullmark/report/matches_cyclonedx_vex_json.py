"""VEX as CycloneDX 1.6 (https://cyclonedx.org/capabilities/vex/): each vulnerability with an analysis."""

from __future__ import annotations

from hullmark.model.match import Matches
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_cyclonedx_json import analysis, document


def render(matches: Matches, context: RenderContext) -> bytes:
    """The document as one line, with the components that it refers to."""
    return encode(document(matches, context, analysis))


FORMAT = Format(
    kind="matches",
    name="cyclonedx-vex-json",
    media_type="application/vnd.cyclonedx+json; version=1.6",
    file_name="vex.cdx.json",
    render=render,
    is_single=True,
)
