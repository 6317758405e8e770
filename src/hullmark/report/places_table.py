"""What runs where, as a table for people: a row for each image of each place, with how many containers it has there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from hullmark.model.place import Place, Places, RunningImage
from hullmark.model.plural import plural
from hullmark.report.format import Format, RenderContext
from hullmark.report.places_words import grade_containers, grade_text, short_digest
from hullmark.report.table import columns
from hullmark.report.terminal import Paint, fact, fold, safe

_HEAD = ("CLUSTER", "NAMESPACE", "WORKLOAD", "CONTAINER", "KIND", "IMAGE", "DIGEST", "GRADE", "COUNT", "SINCE")
_SPARE = ("COUNT", "KIND", "SINCE", "CLUSTER", "CONTAINER")

Row = tuple[Place, RunningImage, str]


def render(places: Places, context: RenderContext) -> bytes:
    """The rows, then what they come to."""
    paint, width = Paint(context.color), context.width
    rows: dict[Row, list[datetime]] = {}
    for container, assessment in grade_containers(places):
        rows.setdefault((container.place, container.image, grade_text(assessment)), []).append(container.since)
    lines: list[str] = []
    if rows:
        cells = [tuple(map(safe, _cells(row, since))) for row, since in rows.items()]
        lines += [*columns(_HEAD, cells, width, paint, _SPARE), ""]
    lines += [fact(name, value, paint, width) for name, value in _facts(places, rows)]
    for gap in places.gaps:
        lines += fold(safe(gap), width, "  ") if width else [f"  {safe(gap)}"]
    return ("\n".join(lines) + "\n").encode()


def _cells(row: Row, since: list[datetime]) -> tuple[str, ...]:
    place, image, grade = row
    return (
        place.cluster,
        place.namespace,
        place.workload,
        place.container,
        "" if place.kind == "regular" else place.kind,
        image.reference,
        short_digest(image),
        grade,
        str(len(since)),
        f"{min(since).astimezone(UTC):%Y-%m-%d %H:%M}",
    )


def _facts(places: Places, rows: dict[Row, list[datetime]]) -> Iterator[tuple[str, str]]:
    images = {image.digest or image.config_digest or image.reference for _, image, _ in rows}
    spots = {place for place, _, _ in rows}
    yield (
        "Running",
        f"{plural(len(places.containers), 'container')} of {plural(len(images), 'image')} at {plural(len(spots), 'place')}",
    )
    if places.gaps:
        yield "Not told", str(len(places.gaps))


FORMAT = Format(
    kind="places", name="table", media_type="text/plain; charset=utf-8", file_name="places.txt", render=render
)
