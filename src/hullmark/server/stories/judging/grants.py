"""What an image is granted where it runs, as policies ask for it: each set of isolation facts once, at the first place that has it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from hullmark.model.isolation import Isolation, PlacedContainer, Workload, WorkloadContainer, WorkloadFormat
from hullmark.model.limit import Limit
from hullmark.server.stories.places.grading import IS_CUT
from hullmark.server.tables.database import Connection
from hullmark.server.tables.places import granted
from hullmark.server.tables.places.granted import GrantedFacts

MOST_GRANTS = Limit(
    200,
    "different isolation facts of an image that a policy looks at; with more, rules about them cannot tell",
    "unseen",
)
_FORMATS: dict[str, WorkloadFormat] = {"kubernetes": "kubernetes", "ecs": "ecs"}


async def grants_of(
    connection: Connection, account_id: int, image_ids: Sequence[int]
) -> dict[int, tuple[GrantedFacts, ...]]:
    """What images are granted where they run; nothing where no policy in force asks for it."""
    if not await granted.asks_for_isolation(connection, account_id):
        return {}
    found = await granted.list_granted_facts(connection, account_id, image_ids, MOST_GRANTS + 1)
    return {image_id: tuple(rows) for image_id, rows in found.items()}


def placed_in(grants: Sequence[GrantedFacts], environment: str) -> tuple[PlacedContainer, ...] | None:
    """The containers of an image in an environment ("": in all). None where it runs nowhere there, or not all can be looked at."""
    here = [row for row in grants if environment in ("", row.environment)]
    if len(grants) > MOST_GRANTS or any(IS_CUT in row.facts for row in here):
        return None
    return tuple(map(placed_container, here)) or None


def placed_container(row: GrantedFacts) -> PlacedContainer:
    """A container where it runs, as rules and patches look at it."""
    isolation = msgspec.convert(row.facts, Isolation)
    container = WorkloadContainer(
        name=row.container,
        kind=row.kind,  # type: ignore[arg-type]  # as it was reported
        image=row.reference,
        isolation=isolation,
    )
    workload = Workload(format=_FORMATS.get(row.platform, "docker"), name=row.place, containers=(container,))
    return PlacedContainer(workload=workload, container=container)
