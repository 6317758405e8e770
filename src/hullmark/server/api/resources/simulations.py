"""Drafts that are tried on an account's images, beside what is in force."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID, uuid4

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from hullmark.model.limit import Limit as Bound
from hullmark.policy.anchore.profile import NATIVE
from hullmark.policy.languages import language_of
from hullmark.policy.load import load_any
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import Refusal, not_found, problem
from hullmark.server.api.resources.policies import version_named
from hullmark.server.stories.judging.simulate import want_simulation
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.judging import simulations
from hullmark.server.tables.judging.simulations import NewSimulation, SimulationRow

_READ: dict[str, Any] = {"permission": "policies:read"}
_WRITE: dict[str, Any] = {"permission": "policies:write"}
_MAX_TEXT = Bound(2 << 20, "characters of a policy that is tried", "refused")
_AT_ONCE = 10


class SimulationBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be tried: a policy's `text`, or a version of a `policy` that is kept (the newest, or `version`)."""

    text: Annotated[str, msgspec.Meta(max_length=int(_MAX_TEXT))] = ""
    policy: Annotated[str, msgspec.Meta(max_length=200)] = ""
    version: Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)] | None = None
    environment: Annotated[str, msgspec.Meta(max_length=200)] = ""


class SimulationView(msgspec.Struct, kw_only=True):
    """A trial: waiting, running, done, failed or cancelled; of `total` images `done` have been judged."""

    id: UUID
    policy: str
    environment: str
    state: str
    reason: str
    done: int
    total: int
    created_by: str
    created_at: datetime
    ended_at: datetime | None


class FlipView(msgspec.Struct, kw_only=True):
    """An image that the draft judges differently: the verdict in force ("": none), the draft's, and what makes the difference."""

    image: str
    reference: str
    before: str
    after: str
    reasons: list[str]


def _make_simulation_view(row: SimulationRow) -> SimulationView:
    return SimulationView(**{name: getattr(row, name) for name in SimulationView.__struct_fields__})


@post(
    "/simulations", operation_id="begin_simulation", status_code=202, opt=_WRITE, summary="Try a policy on all images"
)
async def begin(
    data: JSONBody[SimulationBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> Response[SimulationView]:
    """Judge every analysed image of the account by a draft, and compare that with what is in force. Nothing else changes."""
    row = await begin_trial(services, caller, origin, data)
    return Response(_make_simulation_view(row), status_code=202, headers={"Location": f"/api/v1/simulations/{row.id}"})


async def begin_trial(
    services: Services, caller: Caller, origin: RequestOrigin, data: SimulationBody, next_of: str = ""
) -> SimulationRow:
    """Begin a trial. `next_of`: the kept policy that a text is to be the next version of. Raises HullmarkError for what is not a policy,
    Refusal 409 while too many have not ended."""
    if bool(data.text) == bool(data.policy):
        raise problem(422, "one thing can be tried", "give `text`, or `policy` and perhaps `version`")
    kept = await version_named(services, caller, data.policy, data.version) if data.policy else None
    text = kept.text if kept else data.text
    related = kept or (await version_named(services, caller, next_of, None) if next_of else None)
    await asyncio.to_thread(_check, text)
    new = NewSimulation(
        id=uuid4(),
        account_id=caller.account_id,
        draft=text,
        environment=data.environment.replace("\0", ""),
        created_by=caller.name,
        policy_id=related.policy_id if related else None,
    )
    async with services.database.tenant(caller.account_id) as connection:
        if await simulations.count_unfinished(connection, caller.account_id) >= _AT_ONCE:
            raise Refusal(409, f"{_AT_ONCE} trials have not ended yet", "wait for them, or cancel one")
        await simulations.add(connection, new)
        await want_simulation(connection, caller.account_id, new.id)
        after = {"policy": data.policy, "version": kept.version if kept else None, "environment": data.environment}
        await audit.record(connection, caller, "simulation.begin", "simulation", str(new.id), None, after, origin)
        row = await simulations.by_id(connection, new.id)
    if row is None:
        raise not_found(f"simulation {new.id}")
    return row


def _check(text: str) -> None:
    """Raises HullmarkError if it is not a policy."""
    policy = load_any(text.encode("utf-8", "surrogatepass"))
    language_of(policy).check(policy, NATIVE)


@get("/simulations", opt=_READ, summary="Trials, the newest first")
async def list_simulations(
    services: NamedDependency[Services], caller: NamedDependency[Caller], limit: Limit = 50, cursor: Cursor = ""
) -> Page[SimulationView]:
    """All that the account tried."""
    after = values_in(cursor, tuple[datetime, UUID])
    async with services.database.tenant(caller.account_id) as connection:
        rows = await simulations.list_simulations(connection, caller.account_id, after, limit + 1)
    found = page(rows, limit, lambda row: (row.created_at, row.id))
    return Page(items=[_make_simulation_view(row) for row in found.items], next=found.next)


@get("/simulations/{key:uuid}", opt=_READ, summary="How far a trial is")
async def get_simulation(
    key: FromPath[UUID], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> SimulationView:
    """One trial."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await simulations.by_id(connection, key)
    if row is None:
        raise not_found(f"simulation {key}")
    return _make_simulation_view(row)


@get(
    "/simulations/{key:uuid}/flips",
    operation_id="list_simulation_flips",
    opt=_READ,
    summary="The images of which the draft says something else",
)
async def flips(
    key: FromPath[UUID],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[FlipView]:
    """Also while the trial runs: those that are known so far."""
    after = values_in(cursor, tuple[int, str])
    async with services.database.tenant(caller.account_id) as connection:
        if await simulations.by_id(connection, key) is None:
            raise not_found(f"simulation {key}")
        rows = await simulations.flips(connection, key, after, limit + 1)
    found = page(rows, limit, lambda row: (row.image_id, row.reference))
    items = [
        FlipView(image=row.digest, reference=row.reference, before=row.before, after=row.after, reasons=row.reasons)
        for row in found.items
    ]
    return Page(items=items, next=found.next)


class RuleHitsView(msgspec.Struct, kw_only=True):
    """On how many images a rule fires, in what is in force (`before`) and in the draft (`after`), and how often it does in the draft. What
    exceptions cover is not counted; rules of a set in shadow are."""

    rule: str
    before: int
    after: int
    findings: int


@get(
    "/simulations/{key:uuid}/rules",
    operation_id="list_simulation_rules",
    opt=_READ,
    summary="How often each rule fires in a trial",
)
async def rules(
    key: FromPath[UUID], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> list[RuleHitsView]:
    """Also while the trial runs: on the images judged so far."""
    async with services.database.tenant(caller.account_id) as connection:
        if await simulations.by_id(connection, key) is None:
            raise not_found(f"simulation {key}")
        found = await simulations.hits_of(connection, key)
    return [RuleHitsView(rule=hit.rule, before=hit.before, after=hit.after, findings=hit.findings) for hit in found]


@delete(
    "/simulations/{key:uuid}", operation_id="cancel_simulation", status_code=204, opt=_WRITE, summary="Cancel a trial"
)
async def cancel(
    key: FromPath[UUID],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """End a trial. What it found so far stays. Of one that has ended nothing changes."""
    await cancel_trial(services, caller, origin, key)


async def cancel_trial(services: Services, caller: Caller, origin: RequestOrigin, key: UUID) -> None:
    """End a trial. Raises Refusal 404."""
    async with services.database.tenant(caller.account_id) as connection:
        if await simulations.by_id(connection, key) is None:
            raise not_found(f"simulation {key}")
        if await simulations.end(connection, key, "cancelled"):
            await audit.record(connection, caller, "simulation.cancel", "simulation", str(key), None, None, origin)


ROUTES = [begin, list_simulations, get_simulation, flips, rules, cancel]
