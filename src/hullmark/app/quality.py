"""From an image or a bill of materials to what its bill of materials lacks."""

from __future__ import annotations

from pathlib import Path

from hullmark._version import __version__
from hullmark.catalog.sbom import read_document
from hullmark.catalog.sbom.document import MAX_BYTES
from hullmark.catalog.sbom.quality import quality_of
from hullmark.model.quality import Quality
from hullmark.report.format import RenderContext
from hullmark.report.inventory_cyclonedx_json import FORMAT
from hullmark.scanning.documents import read_bounded, read_input
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.take import SBOM, take
from hullmark.source import SourceOptions, classify


def measure_quality(
    reference: str, resources: ScanResources, options: SourceOptions, *, timestamp: str | None = None, author: str = ""
) -> Quality:
    """What a bill of materials lacks: of a document as it stands, of an image as `scan -o cyclonedx-json` would write it, and of a document
    too where corrections are to be seen in it. `timestamp` and `author` are those that would be written.

    Raises HullmarkError where it cannot be read.
    """
    scheme, rest = classify(reference)
    if scheme == SBOM and resources.corrections is None:
        name = "standard input" if rest == "-" else rest
        body = read_input(MAX_BYTES) if rest == "-" else read_bounded(Path(rest), MAX_BYTES)
        return quality_of(read_document(body, name), name)
    inventory = take(reference, ScanRequest(relations=True), resources, options).inventory
    context = RenderContext(tool_version=__version__, timestamp=timestamp, author=author)
    return quality_of(read_document(FORMAT.render(inventory, context), reference), reference)
