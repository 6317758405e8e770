"""The server itself: whether it lives, whether it can serve, what it counts."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import Response, delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody

from hullmark._version import __version__
from hullmark.model.errors import HullmarkError
from hullmark.server.api.caller import Caller
from hullmark.server.metrics import exposition
from hullmark.server.stories.images.documents import fingerprint
from hullmark.server.stories.muting import Mute, mute, mute_of, unmute
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit, jobs
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import DatabaseUnreachable

_PUBLIC: dict[str, Any] = {"public": True}
_OPERATORS: dict[str, Any] = {"permission": "system:write"}


class Readiness(msgspec.Struct, kw_only=True):
    """What works: "ok", or what is wrong."""

    database: str
    objects: str


class SystemView(msgspec.Struct, kw_only=True):
    """The server: its version, its extractors, what it matches with, and the jobs that wait or run, by task and status. `muted`: since when
    and why it says nothing to anybody outside."""

    version: str
    analyzer: str
    snapshot: str
    jobs: dict[str, int]
    muted: Mute | None = None


class MuteBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why the server is to say nothing."""

    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=1000, pattern=r"^[^\x00]*\Z")] = "an operator muted it"


class UnmuteView(msgspec.Struct, kw_only=True):
    """How many messages that waited were discarded."""

    discarded: int


@get("/healthz", opt=_PUBLIC, summary="Whether the process lives", include_in_schema=True)
async def healthz() -> dict[str, str]:
    """Always ok: asks nothing else."""
    return {"status": "ok"}


@get("/readyz", opt={**_PUBLIC, "answers": {503: ("application/json",)}}, summary="Whether requests can be served")
async def readyz(services: NamedDependency[Services]) -> Response[Readiness]:
    """503 with what is wrong where database or object store do not answer."""
    database, objects = await asyncio.gather(_database(services), _objects(services))
    status = 200 if database == objects == "ok" else 503
    return Response(Readiness(database=database, objects=objects), status_code=status)


async def _database(services: Services) -> str:
    try:
        async with services.database.system() as connection:
            await connection.execute("SELECT 1")
    except DatabaseUnreachable as error:
        return str(error)
    return "ok"


async def _objects(services: Services) -> str:
    try:
        await asyncio.to_thread(services.objects.check)
    except HullmarkError:
        return "the object store does not answer"
    return "ok"


@get(
    "/metrics",
    opt={"permission": "metrics:read"},
    summary="What the process counts, for Prometheus",
    media_type="text/plain; version=0.0.4",
)
async def metrics(services: NamedDependency[Services]) -> bytes:
    """The text format of Prometheus. For operators, and keys with the scope `metrics:read`; HULLMARK_METRICS_LISTEN is a listener without
    sign-in."""
    return await exposition(services)


@get("/api/v1/system", operation_id="get_system", opt={"permission": "system:read"}, summary="The server")
async def system(services: NamedDependency[Services]) -> SystemView:
    """Versions, and how much there is to do."""
    async with services.database.system() as connection:
        waiting = await jobs.waiting_by_task(connection)
        now = await snapshots.current(connection)
        muted = await mute_of(connection)
    return SystemView(
        version=__version__,
        analyzer=fingerprint(),
        snapshot=now.digest or "",
        jobs={f"{task}:{status}": count for (task, status), count in sorted(waiting.items())},
        muted=muted,
    )


@put("/api/v1/system/mute", operation_id="mute_system", opt=_OPERATORS, summary="Mute the server")
async def mute_system(
    data: JSONBody[MuteBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> Mute:
    """No message is sent, no watch looked at, no feed fetched, and no waiting image read from a registry, until it is unmuted."""
    async with services.database.system() as connection:
        kept = await mute(connection, data.reason, services.clock())
        await audit.record(connection, caller, "system.mute", "system", "server", None, kept, origin)
    return kept


@delete(
    "/api/v1/system/mute", operation_id="unmute_system", status_code=200, opt=_OPERATORS, summary="Unmute the server"
)
async def unmute_system(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
    discard: FromQuery[bool] = False,
) -> UnmuteView:
    """Everything goes on. Messages that waited are sent, or with `discard` given up: somebody else sent them."""
    async with services.database.system() as connection:
        before = await mute_of(connection)
        count = await unmute(connection, discard=discard)
        await audit.record(
            connection, caller, "system.unmute", "system", "server", before, {"discarded": count}, origin
        )
    return UnmuteView(discarded=count)


ROUTES = [healthz, readyz, metrics, system, mute_system, unmute_system]
