"""Packages as comma-separated values (RFC 4180), a row each; a sheet takes no cell for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from hullmark.model.inventory import Inventory
from hullmark.model.licences.expressions import distinct, expression_of
from hullmark.model.package import Package
from hullmark.report.documents import known_version, layer_digest
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_csv import harmless

_HEAD = (
    "image", "type", "name", "version", "architecture", "purl", "licence", "licences_as_written", "source", "source_version",
    "owned_by", "cataloger", "path", "layer", "layer_digest", "places",
)  # fmt: skip


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """The rows of one image, a head first."""
    return render_all([inventory], context)


def render_all(results: Sequence[Inventory], context: RenderContext) -> bytes:
    """The rows of all images below one head. Cells that a sheet would compute begin with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_HEAD)
    for inventory in results:
        for package in inventory.packages:
            writer.writerow([harmless(cell) for cell in _row(inventory, package)])
    return out.getvalue().encode()


def _row(inventory: Inventory, package: Package) -> Iterator[str]:
    yield inventory.source.reference
    yield package.type
    yield package.name
    yield known_version(package)
    yield package.arch
    yield package.purl
    yield expression_of(package.licenses)
    yield "; ".join(distinct(package.licenses))
    yield package.source.name if package.source else ""
    yield package.source.version if package.source else ""
    yield package.owned_by or ""
    yield package.cataloger
    first = package.locations[0] if package.locations else None
    yield first.path if first else ""
    yield str(first.layer) if first else ""
    yield layer_digest(inventory.source, first.layer) if first else ""
    yield str(len(package.locations))


FORMAT = Format(
    kind="inventory",
    name="csv",
    media_type="text/csv; charset=utf-8",
    file_name="packages.csv",
    render=render,
    render_all=render_all,
)
