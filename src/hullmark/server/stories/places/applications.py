"""What belongs to a version of an application, and the one verdict on it: the worst of its images."""

from __future__ import annotations

import msgspec

from hullmark.model.limit import Limit
from hullmark.model.selector import Selector, parse_selector
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places import applications, placements
from hullmark.server.tables.places.applications import VersionImage, VersionRow
from hullmark.server.tables.places.placements import PlacementFilter

MOST_IMAGES = Limit(10_000, "images of a version of an application; beyond them its verdict is unknown", "unseen")
_ORDER = ("go", "warn", "unknown", "stop")


class VersionContent(msgspec.Struct, frozen=True, kw_only=True):
    """The images of a version, and the worst of their verdicts. An image without a verdict makes it unknown, and so does having none."""

    images: tuple[VersionImage, ...]
    places: int
    verdict: str


async def content_of(connection: Connection, account_id: int, version: VersionRow) -> VersionContent:
    """What belongs to a version now."""
    wanted = selector_of(version)
    running = await placements.count_images(connection, account_id, wanted) if wanted is not None else []
    annotated: list[int] = []
    if version.annotations:
        selected = parse_selector(version.annotations)
        annotated = await applications.annotated_images(connection, account_id, selected, MOST_IMAGES + 1)
    found = await applications.images_of(connection, account_id, version.id, (running, annotated), MOST_IMAGES + 1)
    verdicts = [image.verdict or "unknown" for image in found]
    if not found or len(found) > MOST_IMAGES:
        verdicts.append("unknown")
    return VersionContent(
        images=tuple(found[:MOST_IMAGES]),
        places=sum(count.places for count in running),
        verdict=max(verdicts, key=_ORDER.index),
    )


def selector_of(version: VersionRow) -> PlacementFilter | None:
    """What selects the places of a version; None: nothing does."""
    if not version.selector.strip():
        return None
    selector: Selector = parse_selector(version.selector)
    return PlacementFilter(selector=selector)
