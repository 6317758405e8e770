"""The quality of a bill of materials as JSON, `hullmark-quality/1`: every key always there, in the order of the specifications."""

from __future__ import annotations

import msgspec

from hullmark.model.quality import ElementQuality, Quality, SpecificationQuality
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.inventory_json import SourceJson, source_json
from hullmark.report.parts import ProblemJson, ToolJson, problems

SCHEMA = "hullmark-quality/1"


class ElementJson(msgspec.Struct, frozen=True, gc=False):
    """One element: `have` of `of` have it; `lacking` names some that do not. What is not required does not count."""

    advice: str
    have: int
    lacking: tuple[str, ...]
    name: str
    of: int
    required: bool
    subject: str


class SpecificationJson(msgspec.Struct, frozen=True):
    """A specification; the score is from 0 to 100."""

    elements: list[ElementJson]
    name: str
    score: int


class QualityJson(msgspec.Struct, frozen=True):
    """The whole document."""

    components: int
    format: str
    problems: list[ProblemJson]
    schema: str
    source: SourceJson
    specifications: list[SpecificationJson]
    tool: ToolJson


def render(quality: Quality, context: RenderContext) -> bytes:
    """The document as one line."""
    document = QualityJson(
        components=quality.components,
        format=quality.format,
        problems=problems(quality.problems),
        schema=SCHEMA,
        source=source_json(quality.source),
        specifications=list(map(_specification, quality.specifications)),
        tool=ToolJson("hullmark", context.tool_version),
    )
    return encode(document)


def _specification(found: SpecificationQuality) -> SpecificationJson:
    return SpecificationJson(list(map(_element, found.elements)), found.name, found.score)


def _element(found: ElementQuality) -> ElementJson:
    return ElementJson(found.advice, found.have, found.lacking, found.name, found.of, found.required, found.subject)


FORMAT = Format(
    kind="quality",
    name="json",
    media_type="application/vnd.hullmark.quality.v1+json",
    file_name="quality.json",
    render=render,
)
