"""The state of the server in Anchore's words: its processes as Anchore's five services, its advisories as feeds."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from hullmark.report.anchore.vulnerabilities import FEED
from hullmark.report.anchore.words import Json, stamp

API_VERSION = "0.1.20"
"""The version of the API that these answers follow: clients look whether it is at least 0.1.6."""

ERROR_CODES = {
    "FEED_SYNC_ALREADY_IN_PROGRESS": "Advisories are being fetched already",
    "OSARCH_MISMATCH": "The image is not there for the platform that was asked for",
    "REGISTRY_IMAGE_NOT_FOUND": "The registry does not have the image",
    "REGISTRY_NOT_ACCESSIBLE": "The registry cannot be reached",
    "REGISTRY_NOT_SUPPORTED": "The registry does not speak the registry API, version 2",
    "REGISTRY_PERMISSION_DENIED": "The registry does not let this account read the image",
    "SKOPEO_UNKNOWN_ERROR": "The registry answered with an error of another kind",
    "UNKNOWN": "An error of another kind",
}
"""The codes that an error's details may have."""

Role = Literal["api", "scheduler", "queue", "worker"]

_SERVICES: dict[str, tuple[str, ...]] = {
    "api": ("apiext", "policy_engine"),
    "queue": ("simplequeue",),
    "scheduler": ("catalog",),
    "worker": ("analyzer",),
}


class Process(msgspec.Struct, frozen=True, kw_only=True):
    """A process of the server, or with the role `queue` the database that carries its tasks."""

    role: Role
    host: str
    is_up: bool
    url: str = ""
    message: str = ""
    is_busy: bool = False


class AdvisoriesInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The advisories in use: when they were adopted (None: there are none), and how many there are by namespace."""

    adopted_at: datetime | None
    counts: dict[str, int]
    first_at: datetime | None = None


class ServiceDetail(msgspec.Struct, frozen=True, kw_only=True):
    """How a service is."""

    available: bool
    busy: bool
    db_version: str
    detail: Json
    message: str
    up: bool
    version: str


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """One of Anchore's services."""

    base_url: str
    hostid: str
    service_detail: ServiceDetail
    servicename: str
    status: bool
    status_message: str
    version: str = "v1"


class SystemStatus(msgspec.Struct, frozen=True):
    """All services."""

    service_states: list[Service]


class FeedGroup(msgspec.Struct, frozen=True, kw_only=True):
    """The advisories of one namespace."""

    created_at: str | None
    enabled: bool = True
    last_sync: str | None
    name: str
    record_count: int


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A feed with its groups."""

    created_at: str | None
    enabled: bool = True
    groups: list[FeedGroup]
    last_full_sync: str | None
    name: str
    updated_at: str | None


def system_status(processes: Iterable[Process], *, version: str, schema: str) -> SystemStatus:
    """Every process as the services it does the work of. `version` is the program's, `schema` that of the database."""
    return SystemStatus(
        [
            _service(process, name, version=version, schema=schema)
            for process in processes
            for name in _SERVICES[process.role]
        ]
    )


def service_status(process: Process, *, version: str, schema: str) -> ServiceDetail:
    """One process by itself: the answer of `/status`."""
    return ServiceDetail(
        available=process.is_up,
        busy=process.is_busy,
        db_version=schema,
        detail={},
        message=process.message or ("all good" if process.is_up else "not reachable"),
        up=process.is_up,
        version=version,
    )


def service_version() -> Json:
    """The answer of `/version`, which is open to all: of the interface alone. Clients expect all of these names."""
    return {"api": {"version": API_VERSION}, "db": {"schema_version": ""}, "service": {"version": API_VERSION}}


def feeds(info: AdvisoriesInfo) -> list[Feed]:
    """The one feed, with a group for each namespace. Clients take it for complete once it and all groups have a last time."""
    at = stamp(info.adopted_at)
    first = stamp(info.first_at or info.adopted_at)
    groups = [
        FeedGroup(created_at=first, last_sync=at, name=name, record_count=info.counts[name])
        for name in sorted(info.counts)
    ]
    return [Feed(created_at=first, groups=groups, last_full_sync=at, name=FEED, updated_at=at)]


def feeds_synced(info: AdvisoriesInfo, seconds: float) -> list[Json]:
    """What fetching came to; `seconds` is how long it took."""
    groups = [
        {
            "group": name,
            "status": "success",
            "total_time_seconds": seconds,
            "updated_image_count": 0,
            "updated_record_count": info.counts[name],
        }
        for name in sorted(info.counts)
    ]
    return [{"feed": FEED, "groups": groups, "status": "success", "total_time_seconds": seconds}]


def error_codes() -> list[Json]:
    """The codes that an error's details may have, with what they mean."""
    return [{"description": meaning, "name": name} for name, meaning in ERROR_CODES.items()]


def description(url: str) -> Json:
    """A description of the API that says no more than its version: old clients look for it before they ask for a tag."""
    return {
        "basePath": "/v1",
        "info": {"description": f"The whole API is described at {url}", "title": "Hullmark", "version": API_VERSION},
        "paths": {},
        "swagger": "2.0",
    }


def _service(process: Process, name: str, *, version: str, schema: str) -> Service:
    return Service(
        base_url=process.url,
        hostid=process.host,
        service_detail=service_status(process, version=version, schema=schema),
        servicename=name,
        status=process.is_up,
        status_message="available" if process.is_up else process.message or "not reachable",
    )
