"""The settings of an image's programs as a table for people."""

from __future__ import annotations

from hullmark.model.configuration import ImageConfiguration
from hullmark.model.limit import Limit
from hullmark.model.setting import Setting, Value
from hullmark.report.format import Format, RenderContext
from hullmark.report.table import columns
from hullmark.report.terminal import Paint, fact, problem_lines, safe

_MAX_VALUES = Limit(10, "values of a setting shown on a terminal; the others are counted", "shortened")
_HEAD = ("SETTING", "VALUE", "WRITTEN IN")


def render(result: ImageConfiguration, context: RenderContext) -> bytes:
    """One row a setting, then how many there are, from how many files."""
    paint = Paint(context.color)
    found = result.configuration
    lines: list[str] = []
    if found.settings:
        lines += [
            *columns(_HEAD, [_row(setting, context.width) for setting in found.settings], context.width, paint),
            "",
        ]
    lines.append(fact("Image", result.source.reference, paint, context.width))
    lines.append(fact("Settings", f"{len(found.settings)} from {len(found.files)} files", paint, context.width))
    lines += problem_lines(result.problems, context.width, paint)
    return ("\n".join(lines) + "\n").encode()


def _row(setting: Setting, width: int) -> tuple[str, ...]:
    place = f"{setting.path}:{setting.line}" if setting.line else setting.path
    place += f" → {setting.file}" if setting.file else ""
    return (
        safe(setting.key),
        safe(_some(setting.value) if width > 0 else format_value(setting.value)),
        safe(place or "(default)"),
    )


def _some(value: Value) -> str:
    """A value for a terminal: of a long list its beginning, and how much more there is."""
    if isinstance(value, tuple) and len(value) > _MAX_VALUES:
        return f"{', '.join(value[:_MAX_VALUES])} and {len(value) - _MAX_VALUES} more (-o json has them)"
    return format_value(value)


def format_value(value: Value) -> str:
    """A value as people write it: switches as yes and no, lists with commas, nothing for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(value) if isinstance(value, tuple) else str(value)


FORMAT = Format(
    kind="configuration",
    name="table",
    media_type="text/plain; charset=utf-8",
    file_name="configuration.txt",
    render=render,
)
