"""The advisories that everything is matched with: what there is, new ones by file or from feeds. For operators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat
from litestar.params import JSONBody

from hullmark.server.api.bodies import BodyLimits, BoundedBody, Slots
from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import Refusal
from hullmark.server.api.snapshot_cache import snapshot_cache_of
from hullmark.server.stories.advisories import feeds
from hullmark.server.stories.advisories.feeds import LastUpdate
from hullmark.server.stories.muting import require_unmuted
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import Connection
from hullmark.server.tables.rollout import adoptions
from hullmark.server.tables.rollout.adoptions import ShownSnapshot

_READ: dict[str, Any] = {"permission": "system:read"}
_WRITE: dict[str, Any] = {"permission": "system:write"}
_SHOWN = 20
_SLOTS = "snapshot_slots"


class NamespaceView(msgspec.Struct, kw_only=True):
    """What is known of one ecosystem or release: how many advisories, how young (days since; null: not said), under which licences."""

    namespace: str
    count: int
    data_at: str
    age_days: int | None
    licences: list[str]


class SnapshotBrief(msgspec.Struct, kw_only=True):
    """A snapshot that is kept. `adopted_at` is when everything was first matched with it; null: not yet, or never."""

    digest: str
    data_at: str
    added_at: datetime
    adopted_at: datetime | None


class AdvisoriesView(msgspec.Struct, kw_only=True):
    """The advisories that count. `day` is the one that counts as today; `rematching` coordinates are still to be matched with them."""

    digest: str
    data_at: str
    day: str
    rematching: int
    namespaces: list[NamespaceView]
    kept: list[SnapshotBrief]
    feeds: str
    last_update: LastUpdate | None


class UpdateBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`accept_shrinking`: take a feed's data however little it gives; `anew`: fetch and read everything again."""

    accept_shrinking: bool = False
    anew: bool = False


class UpdateAsked(msgspec.Struct, kw_only=True):
    """`waiting` already, or `asked` for now."""

    state: str


class TakenView(msgspec.Struct, kw_only=True):
    """A snapshot that was taken; everything is being matched with it. `signed_by` is a key's fingerprint, "" for none that is known."""

    digest: str
    signed_by: str


@get("/advisories", operation_id="get_advisories", opt=_READ, summary="The advisories that count")
async def show(services: NamedDependency[Services]) -> AdvisoriesView:
    """What everything is matched with, and what came of the feeds last."""
    async with services.database.system() as connection:
        now = await snapshots.current(connection)
        kept = await adoptions.list_snapshots(connection, _SHOWN)
        found = await adoptions.tell_of(connection, now.snapshot_id) if now.snapshot_id is not None else None
        last = await feeds.last_update(connection)
        left = await snapshots.count_planned(connection)
    return AdvisoriesView(
        digest=found.digest if found else "",
        data_at=found.data_at if found else "",
        day=now.at,
        rematching=left,
        namespaces=_namespaces(found, services.clock()) if found else [],
        kept=[
            SnapshotBrief(**{name: getattr(snapshot, name) for name in SnapshotBrief.__struct_fields__})
            for snapshot in kept
        ],
        feeds=services.settings.feeds,
        last_update=last,
    )


def _namespaces(found: ShownSnapshot, now: datetime) -> list[NamespaceView]:
    return [
        NamespaceView(
            namespace=name,
            count=int(described.get("count", 0)),
            data_at=(data_at := str(described.get("data_at", ""))),
            age_days=_age(data_at, now),
            licences=[str(licence) for licence in described.get("licences", ())],
        )
        for name, described in sorted(found.namespaces.items())
    ]


def _age(data_at: str, now: datetime) -> int | None:
    try:
        return (now.date() - datetime.fromisoformat(data_at).date()).days
    except ValueError:
        return None


@dataclass
class _FileOperation(Operation):
    """Says in the API's description what the body is."""

    def __post_init__(self) -> None:
        body = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY))
        self.request_body = RequestBody(content={"application/octet-stream": body}, required=True)


@post(
    "/advisories",
    operation_id="send_advisories",
    status_code=202,
    opt={**_WRITE, "streamed": True},
    request_max_body_size=None,
    operation_class=_FileOperation,
    summary="Send in a snapshot of advisories",
)
async def take(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> TakenView:
    """The body is a snapshot's file, or a bundle that `hullmark db export` wrote. It is checked through and through before it counts; with
    HULLMARK_ADVISORY_KEYS it must be a bundle that one of these keys signed."""

    async def entry(connection: Connection, taken: feeds.TakenSnapshot) -> None:
        after = {"digest": taken.digest, "signed_by": taken.signer}
        await audit.record(connection, caller, "advisories.send", "advisories", taken.digest, None, after, origin)

    limits = BodyLimits(most=services.settings.snapshot_limit, wait=services.settings.body_wait)
    with _slots(request).taken(caller.account_id), TemporaryDirectory(prefix="hullmark-advisories-") as folder:
        file = Path(folder) / "received"
        await receive_file(BoundedBody(request.scope, request.receive, limits).chunks(), file)
        taken = await feeds.take_in_file(services, snapshot_cache_of(request.app), file, entry)
    return TakenView(digest=taken.digest, signed_by=taken.signer)


async def receive_file(chunks: AsyncIterator[bytes], file: Path) -> None:
    """The bytes of a body into a file. Raises Refusal as the body's bounds say."""
    with file.open("wb") as stream:
        async for chunk in chunks:
            if len(chunk) > 1 << 16:
                await asyncio.to_thread(stream.write, chunk)
            else:
                stream.write(chunk)
    if not file.stat().st_size:
        raise Refusal(400, "there is no body", "send the file as the body")


def _slots(request: Request[Any, Any, Any]) -> Slots:
    """One file at a time in this process."""
    if _SLOTS not in request.app.state:
        request.app.state[_SLOTS] = Slots(1, 1)
    found: Slots = request.app.state[_SLOTS]
    return found


@post(
    "/advisories/update",
    operation_id="update_advisories",
    status_code=202,
    opt=_WRITE,
    summary="Have the feeds fetched now",
)
async def update(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
    data: JSONBody[UpdateBody | None] = None,
) -> Response[UpdateAsked]:
    """A worker fetches what HULLMARK_FEEDS says. A feed that gives much less than before is held: its last good data stays."""
    request = data or UpdateBody()
    await require_unmuted(services)

    async def entry(connection: Connection, _: bool) -> None:
        place = services.settings.feeds
        await audit.record(connection, caller, "advisories.update", "advisories", place, None, request, origin)

    is_new = await feeds.want_update(
        services, accepts_shrinking=request.accept_shrinking, is_anew=request.anew, entry=entry
    )
    return Response(UpdateAsked(state="asked" if is_new else "waiting"), status_code=202)


ROUTES = [show, take, update]
