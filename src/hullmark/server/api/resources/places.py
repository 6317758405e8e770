"""Where images run: what collectors report, lists of it at any moment, and who collects."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from hullmark.model.isolation import GRADES, Grade
from hullmark.model.limit import Limit as Bound
from hullmark.model.place import LIST_NEEDED, InventoryAnswer, InventoryReport
from hullmark.model.selector import PLACE_KEYS, PLACE_PREFIX, Selector, parse_selector
from hullmark.policy.context import in_utc
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import Refusal, not_found, problem
from hullmark.server.api.resources.images import find
from hullmark.server.stories.places.intake import CollectorConflict, ListNeeded, take
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.places import collectors, placements
from hullmark.server.tables.places.collectors import CollectorRow
from hullmark.server.tables.places.placements import PlacementFilter, PlacementRow, Position

_READ: dict[str, Any] = {"permission": "places:read"}
_WRITE: dict[str, Any] = {"permission": "places:write"}
_END: dict[str, Any] = {"permission": "images:write"}
"""An agent does not end others."""
_MOST_REPORTS = Bound(200, "reports of collectors in one request", "refused")
_Name = Annotated[str, QueryParameter(max_length=1000)]
_At = Annotated[datetime | None, QueryParameter(description="What ran at this moment; left out: what runs.")]
_Selector = Annotated[
    str, QueryParameter(max_length=4000, description="Labels, as `app=web,env in (prod,staging),!canary`.")
]
_GradeAtMost = Annotated[
    Grade | None, QueryParameter(name="grade", description="Kept apart at most so well: host is the worst.")
]
_Verdict = Annotated[
    Literal["", "go", "warn", "stop", "unknown", "none"],
    QueryParameter(description="The worst in force on the image in the place's environment; none: nobody judged it."),
]


class PlaceView(msgspec.Struct, kw_only=True):
    """That an image runs at a place, or ran. `workload` is as `Deployment/web`; `place` what people called it who told of it.

    `image` is the digest of the account's image ("": nobody added it), `digest` what the platform named, `is_inferred` if a registry was
    asked for it. `containers` run there now. `grade` is null where nobody told; `verdict` "" where nobody judged. `last_heard_at`: the
    collector that told of it is silent, and was heard of then last (null: it is heard).
    """

    platform: str
    cluster: str
    namespace: str
    workload: str
    container: str
    kind: str
    place: str
    environment: str
    image: str
    reference: str
    digest: str
    config_digest: str
    architecture: str
    is_inferred: bool
    containers: int
    since: datetime
    until: datetime | None
    grade: Grade | None
    grade_reason: str
    labels: dict[str, str]
    verdict: str
    last_heard_at: datetime | None


class CollectorView(msgspec.Struct, kw_only=True):
    """Who tells what runs in a cluster or on a host. `listed_at`: as of when its last whole list was (null: none yet); `reported_at`: when
    it was last heard of; `places`: how many of what it told run now; `ended_at`: since when it is no more;
    `silent_since`: since when it has been known that it says nothing any more (null: it does)."""

    platform: str
    name: str
    sequence: int
    places: int
    listed_at: datetime | None
    reported_at: datetime
    ended_at: datetime | None
    created_at: datetime
    silent_since: datetime | None


@post("/inventories", status_code=200, opt=_WRITE, summary="Report what runs")
async def post_inventory(
    data: JSONBody[InventoryReport | list[InventoryReport]],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
) -> InventoryAnswer:
    """Take what a collector says runs in its cluster or on its host: one report, or several in their order. One that was taken already is
    answered as the first time. The answer is that to the last one. A collector is the agent's whose key reported for it first: another
    agent's key is refused (403) as long as that key is good, and the collector was not ended."""
    reports = data if isinstance(data, list) else [data]
    if not reports or len(reports) > _MOST_REPORTS:
        raise problem(422, f"a request holds from 1 to {_MOST_REPORTS} reports", "send them in several")
    # Whoever may end collectors may report for all.
    key_id = None if caller.may(_END["permission"]) else _key_of(caller)
    answer = InventoryAnswer(sequence=0)
    for report in reports:
        try:
            answer = await take(services, caller.account_id, report, key_id)
        except CollectorConflict as error:
            raise Refusal(403, str(error), error.advice or "") from None
        except ListNeeded as error:
            more = {"type": LIST_NEEDED, "sequence": error.sequence}
            raise Refusal(409, str(error), error.advice or "", more=more) from None
    return answer


def _key_of(caller: Caller) -> int:
    """The number of the key with which an agent calls; 0: it has none, as one that signs in by a token of its platform."""
    kind, _, number = caller.id.partition(":")
    return int(number) if kind == "key" else 0


@get("/places", opt=_READ, summary="What runs where")
async def list_places(  # noqa: PLR0913 - one parameter a filter
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    image: _Name = "",
    platform: _Name = "",
    cluster: _Name = "",
    namespace: _Name = "",
    environment: _Name = "",
    selector: _Selector = "",
    grade: _GradeAtMost = None,
    verdict: _Verdict = "",
    at: _At = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[PlaceView]:
    """What runs, or ran at a moment, by cluster, namespace, workload and container. `image` is any digest of it, or a tag. Verdicts are
    those of now."""
    wanted = PlacementFilter(
        digest=await _digest(services, caller, image) if image else "",
        platform=_clean(platform),
        cluster=_clean(cluster),
        namespace=_clean(namespace),
        environment=_clean(environment),
        selector=selector_of(selector),
        grade=GRADES.index(grade) if grade is not None else None,
        verdict=verdict,
        at=in_utc(at) if at is not None else None,
    )
    return await find_page_of_places(services, caller, wanted, limit, cursor)


@get("/images/{digest:str}/places", opt=_READ, summary="Who runs this image")
async def list_places_of_image(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    at: _At = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[PlaceView]:
    """Where an image runs, or ran at a moment: by any of its digests, whether somebody added it or not, or by a tag."""
    wanted = PlacementFilter(digest=await _digest(services, caller, digest), at=in_utc(at) if at is not None else None)
    return await find_page_of_places(services, caller, wanted, limit, cursor)


async def find_page_of_places(
    services: Services, caller: Caller, wanted: PlacementFilter, limit: int, cursor: str
) -> Page[PlaceView]:
    """A page of places, at most so many, behind a cursor."""
    after = values_in(cursor, Position)  # type: ignore[arg-type]  # a tuple's type
    async with services.database.tenant(caller.account_id) as connection:
        rows = await placements.list_placements(connection, caller.account_id, wanted, after, limit + 1)
    found = page(rows, limit, placements.position_of)
    return Page(items=[make_place_view(row) for row in found.items], next=found.next)


def make_place_view(row: PlacementRow) -> PlaceView:
    """A place as it is answered."""
    same = {
        name: getattr(row, name)
        for name in PlaceView.__struct_fields__
        if name not in ("place", "image", "grade", "cluster")
    }
    return PlaceView(
        **same,
        cluster="" if row.told else row.cluster,
        place=row.told,
        image=row.image_digest,
        grade=GRADES[row.grade] if row.grade is not None else None,
    )


async def _digest(services: Services, caller: Caller, name: str) -> str:
    """The digest that is meant. A digest need not be that of an image which the account has."""
    if name.startswith("sha") and ":" in name and "/" not in name:
        return _clean(name)
    return (await find(services, caller, name)).digest


def _clean(text: str) -> str:
    return text.replace("\0", "")


def selector_of(text: str) -> Selector:
    """A selector on places that a request names. Raises Refusal."""
    try:
        found = parse_selector(_clean(text))
    except ValueError as error:
        raise problem(422, f"the selector is not valid: {error}", "write it as app=web,env in (prod,staging)") from None
    for requirement in found.requirements:
        key = requirement.key
        if key.startswith(PLACE_PREFIX) and key.removeprefix(PLACE_PREFIX) not in PLACE_KEYS:
            known = ", ".join(f"{PLACE_PREFIX}{name}" for name in PLACE_KEYS)
            raise problem(422, f"places have no {key!r}", f"there are {known}")
    return found


@get("/collectors", opt=_READ, summary="Who tells what runs")
async def list_collectors(
    services: NamedDependency[Services], caller: NamedDependency[Caller], limit: Limit = 50, cursor: Cursor = ""
) -> Page[CollectorView]:
    """Agents and their like by the name of the cluster or host that they tell of."""
    after = values_in(cursor, tuple[str, str])
    async with services.database.tenant(caller.account_id) as connection:
        rows = await collectors.list_collectors(connection, caller.account_id, after, limit + 1)
    found = page(rows, limit, lambda row: (row.name, row.platform))
    return Page(items=[_collector(row) for row in found.items], next=found.next)


def _collector(row: CollectorRow) -> CollectorView:
    return CollectorView(**{name: getattr(row, name) for name in CollectorView.__struct_fields__})


@delete("/collectors", status_code=204, opt=_END, summary="Tell that a cluster or host is no more")
async def end_collector(
    platform: Annotated[str, QueryParameter(max_length=100)],
    name: Annotated[str, QueryParameter(max_length=300)],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """All that its collector told has ended now; what ran there before stays known. A collector that reports again begins anew."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await collectors.end(connection, caller.account_id, _clean(platform), _clean(name), services.clock())
        if row is None:
            raise not_found(f"collector {name} of {platform}", "list them to see their names")
        resource = f"{row.platform} {row.name}"
        await audit.record(connection, caller, "collector.end", "collector", resource, None, _collector(row), origin)


ROUTES = [post_inventory, list_places, list_places_of_image, list_collectors, end_collector]
