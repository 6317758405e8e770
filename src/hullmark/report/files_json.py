"""The files of an image as JSON: the inventory's own document, whose `files` were chosen by the caller."""

from __future__ import annotations

from hullmark.report.format import Format
from hullmark.report.inventory_json import render

FORMAT = Format(
    kind="files",
    name="json",
    media_type="application/vnd.hullmark.inventory.v1+json",
    file_name="files.json",
    render=render,
)
