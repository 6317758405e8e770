"""The server in Anchore's words: its processes as five services, its advisories as a feed, and what clients ask for first."""

from __future__ import annotations

import platform
from typing import Any

import msgspec
from litestar import Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from hullmark._version import __version__
from hullmark.report.anchore import system as shapes
from hullmark.report.anchore.system import AdvisoriesInfo, Feed, Process, Service, ServiceDetail, SystemStatus
from hullmark.report.anchore.words import Json
from hullmark.server.api.anchore.failures import make_refusal, missing
from hullmark.server.api.permissions import SIGNED_IN
from hullmark.server.stories.services import Services
from hullmark.server.tables import liveness
from hullmark.server.tables.database import Connection

_PUBLIC: dict[str, Any] = {"public": True}
_ANYBODY: dict[str, Any] = {"permission": SIGNED_IN}
"""Builds wait for the server with whatever they sign in by, and for ever where they may not look."""

_WRITE: dict[str, Any] = {"permission": "system:write"}


@get("/", opt=_ANYBODY)
async def probe() -> str:
    """Whether the server answers, and takes the password: clients ask before almost everything."""
    return "v1"


@get("/health", opt=_PUBLIC)
async def health() -> str:
    """Whether the process lives."""
    return "ok"


@get("/swagger.json", opt=_PUBLIC, include_in_schema=False)
async def description(request: Request[Any, Any, Any]) -> Json:
    """The version that the answers follow: clients look before they ask for a tag."""
    return shapes.description(f"{str(request.base_url).rstrip('/')}/api/v1/openapi")


@get("/version", opt=_PUBLIC)
async def version() -> Json:
    """The version of the interface. What is built and stored is shown to those who sign in, by /status."""
    return shapes.service_version()


@get("/status", opt=_ANYBODY)
async def status(services: NamedDependency[Services]) -> ServiceDetail:
    """The process that answers."""
    async with services.database.system() as connection:
        schema = await liveness.form(connection)
    return shapes.service_status(
        Process(role="api", host=platform.node(), is_up=True), version=__version__, schema=schema
    )


@get("/system", opt=_ANYBODY)
async def system(services: NamedDependency[Services], request: Request[Any, Any, Any]) -> SystemStatus:
    """Every service, and whether it is up."""
    return await _status(services, str(request.base_url).rstrip("/"))


async def _status(services: Services, url: str) -> SystemStatus:
    async with services.database.system() as connection:
        processes = await _processes(connection, services.settings.silence, url)
        schema = await liveness.form(connection)
    return shapes.system_status(processes, version=__version__, schema=schema)


async def _processes(connection: Connection, silence: float, url: str) -> list[Process]:
    """By the signs of life that each gives: this process answers, the database was asked, workers and scheduler wrote theirs down."""
    count, busy = await liveness.workers(connection, silence)
    scheduler = await liveness.gave_sign(connection, liveness.SCHEDULER, silence)
    host, quiet = platform.node(), "no sign of life"
    workers = f"{count} workers" if count else quiet
    return [
        Process(role="api", host=host, is_up=True, url=url),
        Process(role="scheduler", host=host, is_up=scheduler, message="" if scheduler else quiet),
        Process(role="queue", host=host, is_up=True),
        Process(role="worker", host=host, is_up=count > 0, message=workers, is_busy=0 < count == busy),
    ]


@get(["/system/services", "/system/services/{name:str}", "/system/services/{name:str}/{host:str}"], opt=_ANYBODY)
async def list_services(
    services: NamedDependency[Services],
    request: Request[Any, Any, Any],
    name: FromPath[str] = "",
    host: FromPath[str] = "",
) -> list[Service]:
    """The services, or one."""
    found = (await _status(services, str(request.base_url).rstrip("/"))).service_states
    chosen = [service for service in found if name in ("", service.servicename) and host in ("", service.hostid)]
    if name and not chosen:
        raise missing(f"service {name[:100]}", "GET /v1/system lists them")
    return chosen


@get("/system/error_codes", opt=_ANYBODY)
async def error_codes() -> list[Json]:
    """The codes that the details of an error may have."""
    return shapes.error_codes()


@get("/system/feeds", opt=_ANYBODY)
async def list_feeds(services: NamedDependency[Services]) -> list[Feed]:
    """The advisories in use as one feed, a group for each namespace."""
    return shapes.feeds(await _advisories(services))


async def _advisories(services: Services) -> AdvisoriesInfo:
    async with services.database.system() as connection:
        row = await liveness.advisories_in_use(connection)
    if row is None:
        return AdvisoriesInfo(adopted_at=None, counts={})
    counts = {name: _count(entry) for name, entry in row.namespaces.items()}
    return AdvisoriesInfo(adopted_at=row.adopted_at, counts=counts)


def _count(entry: Any) -> int:
    count = entry.get("count") if isinstance(entry, dict) else None
    return count if isinstance(count, int) else 0


@delete("/system/services/{name:str}/{host:str}", status_code=200, opt=_WRITE)
async def remove_service(
    name: FromPath[str], host: FromPath[str], services: NamedDependency[Services]
) -> dict[str, str]:
    """Not possible: a process is listed as long as it gives signs of life, and never after."""
    there = (await _status(services, "")).service_states
    found = next((process for process in there if (process.servicename, process.hostid) == (name, host)), None)
    if found is None:
        raise missing(f"service {name[:100]} on {host[:100]}", "GET /v1/system lists them")
    raise make_refusal(409, f"{name} cannot be removed", "stop its process: then it is no longer listed as up")


@post("/system/feeds", status_code=200, opt={**_WRITE, "fails": (501,)})
async def sync_feeds(services: NamedDependency[Services], flush: FromQuery[bool] = False) -> list[Json]:
    """Every namespace of the advisories in use, with nothing updated: the server brings them up to date by itself."""
    if flush:
        raise make_refusal(501, "advisories cannot be flushed", "publish a newer snapshot: matches are brought to it")
    info = await _advisories(services)
    if info.adopted_at is None:
        raise make_refusal(503, "there are no advisories yet", "publish a snapshot")
    return shapes.feeds_synced(msgspec.structs.replace(info, counts=dict.fromkeys(info.counts, 0)), 0.0)


ROUTES = [
    probe,
    health,
    description,
    version,
    status,
    system,
    list_services,
    remove_service,
    error_codes,
    list_feeds,
    sync_feeds,
]


@get(["/health", "/version", "/swagger.json"], opt=_PUBLIC, include_in_schema=False)
async def at_root(request: Request[Any, Any, Any]) -> Json | str:
    """What old clients and probes ask the host itself for."""
    match request.url.path:
        case "/health":
            return "ok"
        case "/version":
            return shapes.service_version()
    return shapes.description(f"{str(request.base_url).rstrip('/')}/api/v1/openapi")


ROOT = [at_root]
