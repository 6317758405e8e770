"""Trials of policies: which images a draft says something else about, and how often each of its rules fires."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from hullmark.model.errors import HullmarkError
from hullmark.policy.decode import Mistake
from hullmark.policy.native import InvalidPolicy
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Page, page, values_in
from hullmark.server.api.problems import not_found, problem
from hullmark.server.api.resources.policies import version_named
from hullmark.server.api.resources.simulations import SimulationBody, begin_trial, cancel_trial
from hullmark.server.console.forms import fields_of
from hullmark.server.console.listing import Column, Listing, ShownPage, export, wants_export
from hullmark.server.console.pages.policy import view_of
from hullmark.server.console.views import redirect, render, rights
from hullmark.server.stories.identity.account_address import account_base
from hullmark.server.stories.services import Services
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.judging import simulations
from hullmark.server.tables.judging.simulations import FlipCounts, FlipRow, RuleHits, SimulationRow

_READ, _WRITE = rights("policies:read"), rights("policies:write")
_MOST_TEXT = 2 << 20
RUNNING = ("waiting", "running")
"""States of a trial that goes on."""

_TRIALS: tuple[Column[SimulationRow], ...] = (
    Column("policy", "Policy", lambda row: row.policy),
    Column("state", "State", lambda row: row.state),
    Column("environment", "Environment", lambda row: row.environment),
    Column("done", "Images", lambda row: row.done, "number"),
    Column("by", "By", lambda row: row.created_by),
    Column("at", "Begun", lambda row: row.created_at, "time"),
    Column("id", "Trial", lambda row: str(row.id), "code"),
)
_FLIPS: tuple[Column[FlipRow], ...] = (
    Column("reference", "Image", lambda row: row.reference),
    Column("digest", "Digest", lambda row: row.digest, "code"),
    Column("before", "Now", lambda row: row.before),
    Column("after", "By the draft", lambda row: row.after),
    Column("reasons", "Why", lambda row: "; ".join(map(str, row.reasons))),
)


class TrialView(msgspec.Struct, kw_only=True):
    """A trial, the images that come to something else, and its rules by how often they fire."""

    trial: SimulationRow
    flips: ShownPage[FlipRow]
    hits: list[RuleHits]
    counts: FlipCounts
    is_running: bool
    part: float


@get("/{account:str}/trials", opt=_READ)
async def trials_page(
    request: Request[Any, Any, Any], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> Response[Any]:
    """All trials of the account, the newest first."""
    trials = _trials(services, caller)
    if wants_export(request, trials.name):
        return export(request, trials)
    return render(request, "pages/trials.html", trials=await trials.shown(request))


@get("/{account:str}/trials/{key:uuid}", opt=_READ)
async def trial_page(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    key: FromPath[UUID],
) -> Response[Any]:
    """One trial, also while it runs."""
    async with services.database.tenant(caller.account_id) as connection:
        trial = await simulations.by_id(connection, key)
        if trial is None:
            raise not_found(f"trial {key}")
        hits = await simulations.hits_of(connection, key)
        counts = await simulations.flip_counts(connection, key)
    flips = _flips(services, caller, key)
    if wants_export(request, flips.name):
        return export(request, flips)
    view = TrialView(
        trial=trial,
        flips=await flips.shown(request),
        hits=hits,
        counts=counts,
        is_running=trial.state in RUNNING,
        part=min(trial.done / trial.total, 1.0) if trial.total else 0.0,
    )
    return render(request, "pages/trial.html", view=view)


@post("/{account:str}/trials", status_code=303, opt=_WRITE)
async def begin(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> Response[Any]:
    """Try a text, or a version that is kept, on every image; one with mistakes comes back with them."""
    fields = await fields_of(request)
    text, name, number = fields.text("text", _MOST_TEXT), fields.word("policy", 200), fields.word("version", 10)
    environment = fields.word("environment", 200)
    if not text and not (name and number.isdecimal()):
        raise problem(422, "there is nothing to be tried", "write a policy, or choose a version")
    if name and (not text or await _is_kept(services, caller, name, text)):
        version = int(number) if number.isdecimal() and not text else None
        body = SimulationBody(policy=name, version=version, environment=environment)
    else:
        body = SimulationBody(text=text, environment=environment)
    try:
        row = await begin_trial(services, caller, origin, body, name if not body.policy else "")
    except HullmarkError as error:
        mistakes = error.mistakes if isinstance(error, InvalidPolicy) else (Mistake(0, "", str(error)),)
        if not name:
            values = {"text": text, "note": "", "mistakes": mistakes, "checked": True}
            return render(request, "pages/new_policy.html", status=422, **values)
        view = await view_of(services, caller, name, "edit")
        view.text, view.mistakes = text, mistakes
        return render(request, "pages/policy.html", status=422, view=view, checked=True)
    return redirect(f"{account_base(caller.account)}/trials/{row.id}")


async def _is_kept(services: Services, caller: Caller, name: str, text: str) -> bool:
    """Whether the text is the policy's newest version."""
    return (await version_named(services, caller, name, None)).text == text


@post("/{account:str}/trials/{key:uuid}/cancel", status_code=303, opt=_WRITE)
async def cancel(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
    key: FromPath[UUID],
) -> Response[Any]:
    """End a trial; what it found so far stays."""
    await cancel_trial(services, caller, origin, key)
    return redirect(f"{account_base(caller.account)}/trials/{key}")


def _trials(services: Services, caller: Caller) -> Listing[SimulationRow]:
    async def fetch(cursor: str, limit: int) -> Page[SimulationRow]:
        after = values_in(cursor, tuple[datetime, UUID])
        async with services.database.tenant(caller.account_id) as connection:
            rows = await simulations.list_simulations(connection, caller.account_id, after, limit + 1)
        return page(rows, limit, lambda row: (row.created_at, row.id))

    return Listing(name="trials", columns=_TRIALS, fetch=fetch)


def _flips(services: Services, caller: Caller, key: UUID) -> Listing[FlipRow]:
    async def fetch(cursor: str, limit: int) -> Page[FlipRow]:
        after = values_in(cursor, tuple[int, str])
        async with services.database.tenant(caller.account_id) as connection:
            rows = await simulations.flips(connection, key, after, limit + 1)
        return page(rows, limit, lambda row: (row.image_id, row.reference))

    return Listing(name="flips", columns=_FLIPS, fetch=fetch)


ROUTES = [trials_page, trial_page, begin, cancel]
