"""The layers of an image as JSON, `hullmark-layers/1`: every key always there, sorted, all paths whole."""

from __future__ import annotations

import msgspec

from hullmark.model.image_layers import ImageLayers
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.inventory_json import SourceJson, source_json
from hullmark.report.layers_parts import LayerChangesJson, layer_changes
from hullmark.report.parts import ProblemJson, ToolJson, problems

SCHEMA = "hullmark-layers/1"


class LayersJson(msgspec.Struct, frozen=True):
    """The whole document; `wasted` is the number of bytes in all layers that nobody who runs the image can see."""

    layers: list[LayerChangesJson]
    problems: list[ProblemJson]
    schema: str
    source: SourceJson
    tool: ToolJson
    wasted: int


def render(layers: ImageLayers, context: RenderContext) -> bytes:
    """The document as one line."""
    document = LayersJson(
        layers=layer_changes(layers),
        problems=problems(layers.problems),
        schema=SCHEMA,
        source=source_json(layers.source),
        tool=ToolJson("hullmark", context.tool_version),
        wasted=layers.wasted,
    )
    return encode(document)


FORMAT = Format(
    kind="layers",
    name="json",
    media_type="application/vnd.hullmark.layers.v1+json",
    file_name="layers.json",
    render=render,
)
