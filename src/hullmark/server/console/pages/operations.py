"""Operations: whether the server keeps up. Its queue and workers, its feeds, and what becomes of messages until somebody was told."""

from __future__ import annotations

import math
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from markupsafe import Markup

from hullmark.server.api.notice import messages
from hullmark.server.api.notice.messages import MessageView
from hullmark.server.api.resources import advisories, system
from hullmark.server.api.resources.advisories import AdvisoriesView, UpdateBody
from hullmark.server.api.resources.system import MuteBody, SystemView
from hullmark.server.console.charts.histogram import Bin, Histogram, draw_histogram
from hullmark.server.console.charts.svg import HALF, Size
from hullmark.server.console.forms import fields_of
from hullmark.server.console.listing import Column, export, wants_export
from hullmark.server.console.navigation import Entry
from hullmark.server.console.views import rights
from hullmark.server.console.visit import Visit
from hullmark.server.tables import liveness
from hullmark.server.tables.notice import latency

ENTRY = Entry(
    title="Operations", path="operations", icon="operations", group="server", permission="system:read", order=80
)

_COLUMNS: tuple[Column[MessageView], ...] = (
    Column("id", "Message", lambda row: row.id, "number"),
    Column("state", "State", lambda row: row.state),
    Column("channel", "To", lambda row: row.channel),
    Column("cause", "About", lambda row: row.cause.sentence if row.cause else row.form),
    Column("items", "Changes", lambda row: row.items, "number"),
    Column("opened", "Begun", lambda row: row.opened_at, "time"),
    Column("delivered", "Arrived", lambda row: row.delivered_at, "time"),
    Column("attempts", "Tried", lambda row: row.attempts, "number"),
    Column("error", "Last error", lambda row: row.last_error),
)
_STATES = ("", "waiting", "dead", "delivered", "gathering")
_DONE = {
    "fetching": "A worker fetches the feeds now.",
    "muted": "The server is muted: it sends, watches and fetches nothing.",
    "unmuted": "The server is no longer muted.",
    "again": "The message is sent again.",
}
_STAGES = {
    "seen_written": "known → judged",
    "written_routed": "judged → routed",
    "routed_sealed": "routed → sealed",
    "sealed_delivered": "sealed → arrived",
    "seen_delivered": "known → arrived, in all",
}


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs of one task that have not ended."""

    name: str
    waiting: int
    running: int


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """How long one stage took until somebody was told: within how many seconds half of them, and 99 of 100."""

    name: str
    count: int
    median: float
    p99: float


class OperationsView(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows. `workers` gave a sign of life lately, `busy` of them are at work; `told` is the stage that
    is all of them together."""

    system: SystemView
    tasks: list[Task]
    workers: int
    busy: int
    has_scheduler: bool
    advisories: AdvisoriesView
    stages: list[Stage]
    told: Stage | None
    chart: Markup | None


@get("/{account:str}/operations", opt=rights("system:read"))
async def operations_page(visit: NamedDependency[Visit]) -> Response[Any]:
    """How the server fares."""
    may_read = visit.caller.may("notices:read")
    state = visit.request.query_params.get("state", "")
    listing = visit.listing("messages", _COLUMNS, messages.list_messages, is_in=state if state in _STATES else "")
    if may_read and wants_export(visit.request, listing.name):
        return export(visit.request, listing)
    values: dict[str, Any] = {
        "view": await _view(visit),
        "messages": await listing.shown(visit.request) if may_read else None,
        "state": state,
        "states": _STATES,
    }
    return visit.show("pages/operations.html", done=_DONE, **values)


@post("/{account:str}/operations/fetch", opt=rights("system:write"))
async def fetch_feeds(visit: NamedDependency[Visit]) -> Response[Any]:
    """Have a worker fetch the feeds now."""
    await visit.do(advisories.update, (UpdateBody, {}))
    return visit.back("operations", "fetching")


@post("/{account:str}/operations/mute", opt=rights("system:write"))
async def mute_server(visit: NamedDependency[Visit]) -> Response[Any]:
    """Have the server say nothing to anybody outside."""
    await visit.do(system.mute_system, (MuteBody, {"reason": (await fields_of(visit.request)).word("reason") or None}))
    return visit.back("operations", "muted")


@post("/{account:str}/operations/unmute", opt=rights("system:write"))
async def unmute_server(visit: NamedDependency[Visit]) -> Response[Any]:
    """Everything goes on."""
    await visit.do(system.unmute_system)
    return visit.back("operations", "unmuted")


@post("/{account:str}/operations/messages/{number:int}/again", opt=rights("notices:write"))
async def send_again(visit: NamedDependency[Visit], number: FromPath[int]) -> Response[Any]:
    """A message once more."""
    await visit.do(messages.redeliver_message, number=number)
    return visit.back("operations", "again")


async def _view(visit: Visit) -> OperationsView:
    shown: SystemView = await visit.do(system.system)
    async with visit.services.database.system() as connection:
        workers, busy = await liveness.workers(connection, visit.services.settings.silence)
        lives = await liveness.gave_sign(connection, liveness.SCHEDULER, visit.services.settings.silence)
        found = await latency.latencies(connection)
    stages = [_stage(name, found[name]) for name in _STAGES if name in found and found[name].counts[-1]]
    return OperationsView(
        system=shown,
        tasks=_tasks(shown.jobs),
        workers=workers,
        busy=busy,
        has_scheduler=lives,
        advisories=await visit.do(advisories.show),
        stages=stages,
        told=stages[-1] if stages else None,
        chart=_chart(found["seen_delivered"]) if stages else None,
    )


def _tasks(jobs: dict[str, int]) -> list[Task]:
    names = sorted({key.rpartition(":")[0] for key in jobs})
    tasks = [
        Task(name=name, waiting=jobs.get(f"{name}:todo", 0), running=jobs.get(f"{name}:doing", 0)) for name in names
    ]
    return sorted(tasks, key=lambda task: (-task.waiting, -task.running, task.name))


def _stage(name: str, counted: latency.Histogram) -> Stage:
    return Stage(name=_STAGES[name], count=counted.counts[-1], median=_within(counted, 0.5), p99=_within(counted, 0.99))


def _within(counted: latency.Histogram, share: float) -> float:
    """The first bound within which at least this share took."""
    wanted = counted.counts[-1] * share
    return next(bound for bound, count in zip(latency.BOUNDS, counted.counts, strict=True) if count >= wanted)


def _chart(counted: latency.Histogram) -> Markup:
    before = (0, *counted.counts[:-1])
    bins = tuple(
        Bin(label=_format_bound(index), count=count - below, tone="accent" if bound <= 60 else "warn")
        for index, (bound, count, below) in enumerate(zip(latency.BOUNDS, counted.counts, before, strict=True))
    )
    return draw_histogram(Histogram(title="Until people were told", bins=bins, counted="changes"), Size(HALF, 220))


def _format_bound(index: int) -> str:
    bound = latency.BOUNDS[index]
    if math.isinf(bound):
        return "more"
    return f"≤ {bound:g} s" if bound < 60 else f"≤ {bound / 60:g} min"


ROUTES = [operations_page, fetch_feeds, mute_server, unmute_server, send_again]
