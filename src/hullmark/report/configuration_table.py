"""The settings of an image's programs as a table for people."""

from __future__ import annotations

from hullmark.model.configuration import ImageConfiguration
from hullmark.model.setting import Setting, Value
from hullmark.report.format import Format, RenderContext
from hullmark.report.table import columns
from hullmark.report.terminal import Paint, fact, problem_lines, safe

_HEAD = ("SETTING", "VALUE", "WRITTEN IN")


def render(result: ImageConfiguration, context: RenderContext) -> bytes:
    """One row a setting, then how many there are, from how many files."""
    paint = Paint(context.color)
    found = result.configuration
    lines: list[str] = []
    if found.settings:
        lines += [*columns(_HEAD, [_row(setting) for setting in found.settings], context.width, paint), ""]
    lines.append(fact("Image", result.source.reference, paint, context.width))
    lines.append(fact("Settings", f"{len(found.settings)} from {len(found.files)} files", paint, context.width))
    lines += problem_lines(result.problems, context.width, paint)
    return ("\n".join(lines) + "\n").encode()


def _row(setting: Setting) -> tuple[str, ...]:
    place = f"{setting.path}:{setting.line}" if setting.line else setting.path
    place += f" → {setting.file}" if setting.file else ""
    return safe(setting.key), safe(shown(setting.value)), safe(place or "(default)")


def shown(value: Value) -> str:
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
