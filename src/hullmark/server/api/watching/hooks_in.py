"""Registries report pushes here. Nobody signs in: the secret of the hook authenticates a request."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Request, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter

from hullmark.server.api.caller import address_of
from hullmark.server.api.problems import not_found
from hullmark.server.api.resources.signin import gate_of
from hullmark.server.stories.limits import network_of
from hullmark.server.stories.services import Services
from hullmark.server.stories.watching import hooks
from hullmark.source.hooks.hook import MOST_BYTES, Delivery


class HeardView(msgspec.Struct, kw_only=True):
    """What a delivery came to: how many tags it named, how many watches are looked at now, how many of them are new."""

    named: int
    due: int
    added: int


@post(
    "/hooks/{key:uuid}",
    operation_id="hear_registry",
    status_code=202,
    opt={"public": True, "fails": (429,), "takes": {"application/json": dict[str, Any]}},
    summary="A registry says that something was pushed",
    request_max_body_size=MOST_BYTES,
)
async def hear_registry(
    key: FromPath[UUID],
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    token: Annotated[str, QueryParameter(max_length=500)] = "",
) -> HeardView:
    """The named tags are looked up at once: the registry itself is asked what they are.

    A hook that does not exist and a wrong secret give the same answer.
    """
    gate = gate_of(request.app)
    gate.slow_down(f"hook-address:{network_of(address_of(request.scope))}")
    headers = {name.lower(): value for name, value in request.headers.items()}
    delivery = Delivery(headers=headers, body=await request.body(), token=token)
    row = await hooks.find_proven_hook(services, key, delivery)
    if row is None:
        raise not_found("hook with this secret")
    gate.slow_down(f"hook:{row.id}")
    heard = await hooks.hear(services, row, delivery)
    return HeardView(named=heard.named, due=heard.due, added=heard.added)


ROUTES = [hear_registry]
