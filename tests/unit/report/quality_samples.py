"""Qualities of bills of materials for the tests of formats: measured of documents that our own formats write."""

from __future__ import annotations

from hullmark.catalog.sbom import read_document
from hullmark.catalog.sbom.quality import quality_of
from hullmark.model.inventory import Inventory
from hullmark.model.quality import Quality
from hullmark.report import load
from hullmark.report.format import RenderContext
from tests.unit.report.samples import EMPTY, ODD, WITH_FILES

CONTEXT = RenderContext(tool_version="1.2.3", timestamp="2026-03-01T12:00:00Z", author="Example Ltd <sbom@example.com>")


def measured(inventory: Inventory, format: str) -> Quality:
    """What a document in this format lacks."""
    return quality_of(read_document(load("inventory", format).render(inventory, CONTEXT)), "a document")


QUALITIES = {
    "cyclonedx": measured(WITH_FILES, "cyclonedx-json"),
    "spdx": measured(WITH_FILES, "spdx-json"),
    "odd": measured(ODD, "cyclonedx-json"),
    "empty": measured(EMPTY, "json"),
}
