"""The quality of a bill of materials as text for people: each element with what lacks it, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.model.quality import ElementQuality, Quality
from hullmark.report.format import Format, RenderContext
from hullmark.report.table import columns
from hullmark.report.terminal import Paint, fact, fold, safe

_HEAD = ("ELEMENT", "HAVE IT", "OF", "")


def render(quality: Quality, context: RenderContext) -> bytes:
    """A block for each specification, then what to do, then what was measured."""
    paint, width = Paint(context.color), context.width
    lines: list[str] = []
    for specification in quality.specifications:
        lines.append(f"{specification.name}: {specification.score} of 100")
        rows = [_row(element) for element in specification.elements]
        lines += [*columns(_HEAD, rows, width, paint), ""]
    lines += _advice(quality, width)
    for name, value in (
        ("Source", quality.source.reference),
        ("Format", quality.format),
        ("Packages", f"{quality.components:,}"),
    ):
        lines.append(fact(name, value, paint, width))
    return ("\n".join(lines) + "\n").encode()


def _row(element: ElementQuality) -> tuple[str, ...]:
    note = "" if element.required else "if there is one; does not count"
    if element.subject == "document":
        return (element.name, "yes" if element.is_met else "no", "", note)
    return (element.name, f"{element.have:,}", f"{element.of:,}", note)


def _advice(quality: Quality, width: int) -> Iterator[str]:
    """What lacks each required element, each advice once."""
    told: dict[str, list[ElementQuality]] = {}
    for specification in quality.specifications:
        for element in specification.elements:
            if element.required and not element.is_met:
                told.setdefault(element.advice, []).append(element)
    if not told:
        return
    yield "What to do"
    for advice, elements in told.items():
        names = ", ".join(dict.fromkeys(element.name for element in elements))
        yield from fold(f"{names}: {advice}", width, "  ")
        lacking = next((element for element in elements if element.lacking), None)
        if lacking is not None:
            more = lacking.of - lacking.have - len(lacking.lacking)
            rest = f" and {more:,} more" if more > 0 else ""
            yield from fold(safe(f"lacking: {', '.join(lacking.lacking)}{rest}"), width, "    ")
    yield ""


FORMAT = Format(
    kind="quality", name="table", media_type="text/plain; charset=utf-8", file_name="quality.txt", render=render
)
