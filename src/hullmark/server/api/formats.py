"""Stored results in the formats that the command line writes."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from litestar import Response

from hullmark._version import __version__
from hullmark.report import load, names
from hullmark.report.format import RenderContext
from hullmark.server.api.problems import problem
from hullmark.server.stories.images.stored import StoredFacts


def render_inventory(facts: StoredFacts, format: str, files: bool) -> Response[bytes]:
    """The inventory of an image in a format. Raises Refusal for a format that there is not."""
    inventory = facts.analysis.inventory
    if files:
        inventory = msgspec.structs.replace(inventory, files=facts.files())
    return render_result("inventory", format, inventory)


def render_result(
    kind: Literal["inventory", "matches", "minimality", "verdict"],
    format: str,
    result: Any,
    context: RenderContext = RenderContext(tool_version=__version__),  # noqa: B008 - it cannot change
) -> Response[bytes]:
    """A result as a response. Raises Refusal for a format that there is not."""
    if format not in names(kind) or format == "template":
        there = ", ".join(name for name in names(kind) if name != "template")
        raise problem(400, f"{format[:50]!r} is not a format for this", f"choose one of {there}")
    chosen = load(kind, format)
    body = chosen.render(result, context)
    # The framework adds the encoding to every type of text.
    return Response(body, media_type=chosen.media_type.removesuffix("; charset=utf-8"))
