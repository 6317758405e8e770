"""Where the images that a message names run, as of when it is sent, and how well they are kept apart there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec.structs import replace

from hullmark.model.isolation import GRADES, Grade
from hullmark.model.limit import Limit
from hullmark.model.notice import Digest, Item, ItemPlace, Notice
from hullmark.server.stories.services import Services
from hullmark.server.tables.places import running
from hullmark.server.tables.places.running import RunningPlace

MOST_LOOKED_UP = Limit(20, "images of a message whose places are looked up; the others are named without", "shortened")

_About = tuple[str, str]
"""The digest of an image, and an environment ("": any)."""


async def with_places(services: Services, account_id: int, notice: Notice | Digest) -> Notice | Digest:
    """The same with the places where the first images run now."""
    items = notice.items if isinstance(notice, Notice) else tuple(i for group in notice.groups for i in group.items[:3])
    wanted = list(dict.fromkeys((item.image, item.environment) for item in items if _may_run(item)))[:MOST_LOOKED_UP]
    if not wanted:
        return notice
    async with services.database.tenant(account_id) as connection:
        found = {about: await running.places_of(connection, account_id, *about) for about in wanted}
    if isinstance(notice, Notice):
        return _with(notice, found)
    return replace(notice, groups=tuple(_with(group, found) for group in notice.groups))


def _may_run(item: Item) -> bool:
    return bool(item.image) and (item.is_deployed or item.kind.startswith("place."))


def _with(notice: Notice, found: Mapping[_About, tuple[int, list[RunningPlace]]]) -> Notice:
    return replace(notice, items=tuple(_item(item, found) for item in notice.items))


def _item(item: Item, found: Mapping[_About, tuple[int, list[RunningPlace]]]) -> Item:
    count, places = found.get((item.image, item.environment), (0, []))
    if not count or not _may_run(item):
        return item
    return replace(item, places=tuple(map(_place, places)), place_count=count)


def _place(place: RunningPlace) -> ItemPlace:
    grade: Grade | Literal[""] = GRADES[place.grade] if place.grade is not None else ""
    return ItemPlace(name=place.name, environment=place.environment, grade=grade, since=place.since)
