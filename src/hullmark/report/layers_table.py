"""The layers of an image as a table for people, bottom first."""

from __future__ import annotations

from hullmark.model.image_layers import ImageLayers
from hullmark.report.format import Format, RenderContext
from hullmark.report.layers_words import HEAD, rows, summary
from hullmark.report.table import columns
from hullmark.report.terminal import Paint, fact, problem_lines, safe

_SPARE = ("DIGEST", "STORED")


def render(layers: ImageLayers, context: RenderContext) -> bytes:
    """One row a layer, then the sums."""
    paint = Paint(context.color)
    lines: list[str] = []
    if layers.layers:
        found = [tuple(map(safe, cells)) for cells in rows(layers)]
        lines += [*columns(HEAD, found, context.width, paint, _SPARE), ""]
    lines += [fact(name, value, paint, context.width) for name, value in summary(layers) if value]
    lines += problem_lines(layers.problems, context.width, paint)
    return ("\n".join(lines) + "\n").encode()


FORMAT = Format(
    kind="layers", name="table", media_type="text/plain; charset=utf-8", file_name="layers.txt", render=render
)
