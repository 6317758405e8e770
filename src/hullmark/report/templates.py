"""Templates of users' own (Jinja, https://jinja.palletsprojects.com/), filled in in a sandbox."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from hullmark.model.errors import HullmarkError
from hullmark.model.guard import guard_call
from hullmark.report.format import RenderContext
from hullmark.report.matches_csv import harmless
from hullmark.report.terminal import safe

_ADVICE = "see docs/reference for the keys that a template can use"


def filled_in(
    values: Mapping[str, Any], context: RenderContext, filters: Mapping[str, Callable[[Any], str]] | None = None
) -> bytes:
    """What the template of the context gives with these values and `timestamp`. Raises HullmarkError where it cannot be filled in.

    Filters beside Jinja's and the given ones: `visible` (nothing that a terminal would obey), `csv` (a cell that no sheet computes).
    """
    if not context.template:
        raise HullmarkError("the format template needs a template", advice="name a file with --template FILE")

    def fill_in() -> bytes:
        template = _environment(filters or {}).from_string(context.template)
        return template.render(values, timestamp=context.timestamp or "").encode("utf-8", "backslashreplace")

    def raise_error(error: Exception) -> NoReturn:
        raise HullmarkError(f"the template cannot be filled in: {_line(error)}", advice=_ADVICE) from error

    try:
        return guard_call(fill_in, raise_error, passing=TemplateError)
    except TemplateError as error:
        line = getattr(error, "lineno", None)
        where = f" in line {line}" if line else ""
        raise HullmarkError(f"the template is wrong{where}: {_line(error)}", advice=_ADVICE) from error


def _environment(filters: Mapping[str, Callable[[Any], str]]) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["visible"] = lambda value: safe(str(value))
    environment.filters["csv"] = lambda value: harmless(str(value))
    environment.filters.update(filters)
    return environment


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
