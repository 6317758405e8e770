"""What runs where, as reported by deployments; grace periods and messages use it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import delete, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter

from hullmark.policy.context import in_utc
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import not_found, problem
from hullmark.server.api.resources.images import find
from hullmark.server.stories.images.register import want_verdict
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.judging import deployments
from hullmark.server.tables.judging.deployments import Deployment

_READ: dict[str, Any] = {"permission": "images:read"}
_WRITE: dict[str, Any] = {"permission": "images:write"}
_ENVIRONMENT = "As activations name it; empty: nobody says which."
_PLACE = "Where in it, as a cluster and a namespace."
Environment = Annotated[str, QueryParameter(max_length=200, description=_ENVIRONMENT)]
Place = Annotated[str, QueryParameter(max_length=1000, description=_PLACE)]


class DeploymentBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """That an image runs in an environment, at a place in it, and since when (left out: since now)."""

    environment: Annotated[str, msgspec.Meta(max_length=200, description=_ENVIRONMENT)] = ""
    place: Annotated[str, msgspec.Meta(max_length=1000, description=_PLACE)] = ""
    since: datetime | None = None


@put("/images/{digest:str}/deployments", opt=_WRITE, summary="Tell that an image runs somewhere")
async def put_deployment(
    digest: FromPath[str],
    data: JSONBody[DeploymentBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> Deployment:
    """Tell that an image runs in an environment. Told again with another moment, it was started anew: grace goes by it."""
    row, now = await find(services, caller, digest), services.clock()
    since = in_utc(data.since) if data.since is not None else None
    if since is not None and since > now:
        raise problem(422, "the image cannot run since a moment that has not come", "leave `since` out for now")
    if "\0" in data.environment + data.place:
        raise problem(422, "environment and place may not hold a NUL", "leave it out")
    async with services.database.tenant(caller.account_id) as connection:
        known = await deployments.find(connection, caller.account_id, row.id, data.environment, data.place)
        if known is not None and since in (None, known.since):
            return known
        deployment = Deployment(environment=data.environment, place=data.place, since=since or now, seen_at=now)
        await deployments.put(connection, caller.account_id, row.id, deployment)
        await audit.record(connection, caller, "deployment.put", "image", row.digest, known, deployment, origin)
        await want_verdict(connection, caller.account_id, row.id, "deployment told")
    return deployment


@delete("/images/{digest:str}/deployments", status_code=204, opt=_WRITE, summary="Tell that an image runs no longer")
async def remove_deployment(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
    environment: Environment = "",
    place: Place = "",
) -> None:
    """Tell that an image runs in an environment, at a place in it, no longer."""
    row = await find(services, caller, digest)
    async with services.database.tenant(caller.account_id) as connection:
        now = services.clock()
        told = Deployment(
            environment=environment.replace("\0", ""), place=place.replace("\0", ""), since=now, seen_at=now
        )
        known = await deployments.remove(connection, caller.account_id, row.id, told, now)
        if known is None:
            raise not_found("deployment of the image in this environment and place", "list them to see their names")
        await audit.record(connection, caller, "deployment.remove", "image", row.digest, known, None, origin)
        await want_verdict(connection, caller.account_id, row.id, "deployment ended")


@get("/images/{digest:str}/deployments", opt=_READ, summary="Where an image runs")
async def list_deployments(
    digest: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[Deployment]:
    """Where an image runs, by environment and place."""
    row = await find(services, caller, digest)
    after = values_in(cursor, tuple[str, str])
    async with services.database.tenant(caller.account_id) as connection:
        rows = await deployments.of_image(connection, caller.account_id, row.id, after, limit + 1)
    return page(rows, limit, lambda deployment: (deployment.environment, deployment.place))


ROUTES = [put_deployment, remove_deployment, list_deployments]
