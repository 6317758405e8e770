"""Which environment a place is: by rules of the account that ask for its labels and for the place itself."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from hullmark.model.place import Place
from hullmark.model.selector import PLACE_KEYS, PLACE_PREFIX, Selector, parse_selector
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places import environments
from hullmark.server.tables.places.place_settings import PlaceSettings, place_settings

_AT_ONCE = 5000


def environment_of(settings: PlaceSettings, place: Place, labels: Mapping[str, str]) -> str:
    """The environment that the first rule which fits names; "" where none does."""
    if not settings.environments:
        return ""
    seen = {**labels, **{f"{PLACE_PREFIX}{key}": str(getattr(place, key)) for key in PLACE_KEYS}}
    return next((rule.environment for rule in settings.environments if _parse_selector(rule.selector).fits(seen)), "")


@lru_cache(1024)
def _parse_selector(text: str) -> Selector:
    return parse_selector(text)


async def place_again(services: Services, account_id: int) -> int:
    """Give all places that collectors told the environments that the account's rules name now, some at a time; returns how many
    changed."""
    count, after = 0, 0
    while True:
        async with services.database.system() as connection:
            settings = await place_settings(connection, account_id)
            rows = await environments.placed_after(connection, account_id, after, _AT_ONCE)
            changed = {
                row.id: environment
                for row in rows
                if (environment := environment_of(settings, row.place, row.labels)) != row.environment
            }
            await _put(connection, account_id, changed)
        count += len(changed)
        if len(rows) < _AT_ONCE:
            return count
        after = rows[-1].id


async def _put(connection: Connection, account_id: int, changed: Mapping[int, str]) -> None:
    if changed:
        await environments.put(connection, account_id, changed)
