"""What runs where as comma-separated values (RFC 4180), a row a container; a sheet takes no cell for a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from hullmark.model.place import Places
from hullmark.report.format import Format, RenderContext
from hullmark.report.matches_csv import harmless
from hullmark.report.places_json import moment
from hullmark.report.places_words import GradedContainer, grade_containers

_HEAD = (
    "platform", "cluster", "namespace", "workload", "container", "kind", "image", "digest", "config_digest", "digest_is_inferred",
    "architecture", "grade", "grade_at_most", "since", "node", "labels", "id",
)  # fmt: skip


def render(places: Places, context: RenderContext) -> bytes:
    """The rows, a head first. Cells that a sheet would compute begin with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_HEAD)
    for place in grade_containers(places):
        writer.writerow([harmless(cell) for cell in _row(place)])
    return out.getvalue().encode()


def _row(found: GradedContainer) -> Iterator[str]:
    container, place, image = found.container, found.container.place, found.container.image
    yield from (place.platform, place.cluster, place.namespace, place.workload, place.container, place.kind)
    yield from (image.reference, image.digest, image.config_digest)
    yield "yes" if image.is_inferred else "no"
    yield image.architecture
    yield found.assessment.grade if found.assessment is not None else ""
    yield found.assessment.at_most if found.assessment is not None else ""
    yield moment(container.since)
    yield container.node
    yield " ".join(f"{name}={value}" for name, value in sorted(container.labels.items()))
    yield container.id


FORMAT = Format(
    kind="places",
    name="csv",
    media_type="text/csv; charset=utf-8",
    file_name="places.csv",
    render=render,
    is_single=True,
)
