"""The layers of an image as Markdown (GitHub's kind), bottom first."""

from __future__ import annotations

from hullmark.model.image_layers import ImageLayers
from hullmark.model.plural import plural
from hullmark.report.format import Format, RenderContext
from hullmark.report.layers_words import HEAD, rows, summary
from hullmark.report.markdown import details, plain, problem_list, row

_LONGEST = 4096


def render(layers: ImageLayers, context: RenderContext) -> bytes:
    """The text. Every character of Markdown that comes from an image is written as an entity."""
    lines = [f"## Layers of {plain(layers.source.reference)}", ""]
    lines += [f"- {name}: {plain(value, _LONGEST)}" for name, value in summary(layers)[1:] if value]
    if layers.layers:
        lines += ["", row(name.capitalize() for name in HEAD), "|---|---|" + "---:|" * (len(HEAD) - 3) + "---|"]
        lines += [row(plain(cell, _LONGEST) for cell in cells) for cells in rows(layers)]
    lines.append("")
    if layers.problems:
        lines += details(
            f"{plural(len(layers.problems), 'problem')} while reading the image", problem_list(layers.problems)
        )
    return ("\n".join(lines).rstrip("\n") + "\n").encode()


FORMAT = Format(
    kind="layers",
    name="markdown",
    media_type="text/markdown; charset=utf-8",
    file_name="layers.md",
    render=render,
)
