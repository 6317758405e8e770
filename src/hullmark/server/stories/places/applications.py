"""What belongs to a version of an application, and the one verdict on it: the worst of its images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from hullmark.model.limit import Limit
from hullmark.model.selector import Selector, parse_selector
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places import applications, placements
from hullmark.server.tables.places.applications import VersionImage, VersionRow
from hullmark.server.tables.places.placements import PlacementFilter

MOST_IMAGES = Limit(10_000, "images of a version of an application; beyond them its verdict is unknown", "unseen")
_MOST_VERSIONS = Limit(2000, "versions of applications that messages are grouped by", "shortened")
_MOST_JUDGED = Limit(
    50, "versions that are not at the end of their life, of an application whose verdict is known", "unseen"
)
_MOST_PLACES = Limit(20_000, "places of a message's images that say which applications these belong to", "shortened")
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
    found = await applications.images_of(connection, account_id, version.id, running, annotated, MOST_IMAGES + 1)
    verdicts = [image.verdict or "unknown" for image in found]
    if not found or len(found) > MOST_IMAGES:
        verdicts.append("unknown")
    return VersionContent(
        images=tuple(found[:MOST_IMAGES]),
        places=sum(count.places for count in running),
        verdict=max(verdicts, key=_ORDER.index),
    )


async def verdict_of(connection: Connection, account_id: int, application_id: int) -> str:
    """The one verdict on an application: the worst on its versions that are not at the end of their life; unknown where there is none."""
    found = await applications.living_versions(connection, account_id, application_id, _MOST_JUDGED + 1)
    verdicts = [(await content_of(connection, account_id, version)).verdict for version in found[:_MOST_JUDGED]]
    if not found or len(found) > _MOST_JUDGED:
        verdicts.append("unknown")
    return max(verdicts, key=_ORDER.index)


def selector_of(version: VersionRow) -> PlacementFilter | None:
    """What selects the places of a version; None: nothing does."""
    if not version.selector.strip():
        return None
    selector: Selector = parse_selector(version.selector)
    return PlacementFilter(selector=selector)


async def applications_of(connection: Connection, account_id: int, image_ids: Sequence[int]) -> dict[int, list[str]]:
    """The names of the applications that images belong to now, by the images' numbers; those that belong to any."""
    versions = await applications.all_versions(connection, account_id, _MOST_VERSIONS) if image_ids else []
    if not versions:
        return {}
    found: dict[int, set[str]] = {}
    for image_id, name in await applications.named_images(connection, account_id, image_ids):
        found.setdefault(image_id, set()).add(name)
    for image_id, noted in await applications.annotations_of(connection, account_id, image_ids):
        fitting = (version for version in versions if version.annotations)
        names = {version.application for version in fitting if _fits(version.annotations, noted)}
        found.setdefault(image_id, set()).update(names)
    for image_id, seen in await applications.places_of(connection, account_id, image_ids, _MOST_PLACES):
        fitting = (version for version in versions if version.selector.strip())
        names = {version.application for version in fitting if _fits(version.selector, seen)}
        found.setdefault(image_id, set()).update(names)
    return {image_id: sorted(names) for image_id, names in found.items() if names}


@lru_cache(1024)
def _parse_selector(text: str) -> Selector:
    return parse_selector(text)


def _fits(selector: str, labels: Mapping[str, str]) -> bool:
    return _parse_selector(selector).fits(labels)
