"""Matches through a template of the user's own (Jinja, https://jinja.palletsprojects.com/), in a sandbox.

The template sees the keys of `hullmark-matches/1` and `timestamp`. Filters beside Jinja's: `visible` (nothing that a terminal would
obey), `csv` (a cell that no sheet computes), `percent` (a share of 1), `fixed_in` (of a match).
"""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.model.match import Fix, Matches
from hullmark.report import matches_json
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_words import fixed_in, percent
from hullmark.report.templates import filled_in


def render(matches: Matches, context: RenderContext) -> bytes:
    """What the template of the context gives. Raises HullmarkError where it cannot be filled in."""
    values: dict[str, Any] = msgspec.to_builtins(matches_json.document(matches, context))
    return filled_in(values, context, {"percent": _percent, "fixed_in": _fixed_in})


def _percent(value: Any) -> str:
    return percent(float(value))


def _fixed_in(match: Any) -> str:
    return fixed_in(msgspec.convert(match["fix"], Fix))


FORMAT = Format(
    kind="matches",
    name="template",
    media_type="text/plain; charset=utf-8",
    file_name="vulnerabilities.txt",
    render=render,
)
