"""Matches through a template of the user's own (Jinja, https://jinja.palletsprojects.com/), in a sandbox.

The template sees the keys of `hullmark-matches/1` and `timestamp`. Filters beside Jinja's: `visible` (nothing that a terminal would
obey), `csv` (a cell that no sheet computes), `percent` (a share of 1), `fixed_in` (of a match).
"""

from __future__ import annotations

from typing import Any, NoReturn

import msgspec
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from hullmark.model.errors import HullmarkError
from hullmark.model.guard import guarded
from hullmark.model.match import Fix, Matches
from hullmark.report import matches_json
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_csv import harmless
from hullmark.report.matches_words import fixed_in, percent
from hullmark.report.terminal import safe

_ADVICE = "see docs/reference for the keys that a template can use"


def render(matches: Matches, context: RenderContext) -> bytes:
    """What the template of the context gives. Raises HullmarkError where it cannot be filled in."""
    if not context.template:
        raise HullmarkError("the format template needs a template", advice="name a file with --template FILE")
    values: dict[str, Any] = msgspec.to_builtins(matches_json.document(matches, context))

    def fill_in() -> bytes:
        template = _environment().from_string(context.template)
        return template.render(values, timestamp=context.timestamp or "").encode("utf-8", "backslashreplace")

    def failed(error: Exception) -> NoReturn:
        raise HullmarkError(f"the template cannot be filled in: {_line(error)}", advice=_ADVICE) from error

    try:
        return guarded(fill_in, failed, passing=TemplateError)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        where = f" in line {line}" if line else ""
        raise HullmarkError(f"the template is wrong{where}: {_line(error)}", advice=_ADVICE) from error


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["visible"] = lambda value: safe(str(value))
    environment.filters["csv"] = lambda value: harmless(str(value))
    environment.filters["percent"] = lambda value: percent(float(value))
    environment.filters["fixed_in"] = lambda match: fixed_in(msgspec.convert(match["fix"], Fix))
    return environment


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


FORMAT = Format(
    kind="matches",
    name="template",
    media_type="text/plain; charset=utf-8",
    file_name="vulnerabilities.txt",
    render=render,
)
