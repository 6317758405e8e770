"""The changes that make an image pass as a Dockerfile, and nothing else; what it comes to is said in comments at its begin."""

from __future__ import annotations

from hullmark.model.remedy import Remedy
from hullmark.report.format import Format, RenderContext
from hullmark.report.remedy_words import conclusion


def render(remedy: Remedy, context: RenderContext) -> bytes:
    """The Dockerfile. Where nothing is to be changed it has comments alone."""
    return f"{remedy.dockerfile}# {conclusion(remedy)}\n".encode()


FORMAT = Format(
    kind="remedy",
    name="dockerfile",
    media_type="text/x-dockerfile; charset=utf-8",
    file_name="Dockerfile",
    render=render,
    is_single=True,
)
