"""The interface of Anchore Engine, version 1, below /v1: what its command line and its plugins ask for.

To add something, write a module with ROUTES and put it into MODULES.
"""

from __future__ import annotations

from typing import Any, cast

from litestar import Request, Router
from litestar.di import Provide

from hullmark.server.api.anchore import (
    absent,
    accounts,
    checks,
    content,
    events,
    images,
    policies,
    queries,
    registries,
    subscriptions,
    system,
    users,
    webhooks,
)
from hullmark.server.api.anchore.failures import FAILURES, PREFIX
from hullmark.server.api.anchore.judging import Judge

MODULES = (
    system,
    images,
    content,
    checks,
    policies,
    subscriptions,
    events,
    registries,
    accounts,
    users,
    queries,
    webhooks,
    absent,
)
ROUTES = [handler for module in MODULES for handler in module.ROUTES]
ROOT = system.ROOT
"""What old clients ask the host itself for."""


async def provide_judging(request: Request[Any, Any, Any]) -> Judge:
    """The dependency `judging`: one for an application, made when it is first needed."""
    state = request.app.state
    if "judging" not in state:
        state["judging"] = Judge(state["services"])
    return cast("Judge", state["judging"])


def router() -> Router:
    """Everything below /v1."""
    return Router(PREFIX, route_handlers=ROUTES, dependencies={"judging": Provide(provide_judging)})


__all__ = ["FAILURES", "PREFIX", "ROOT", "ROUTES", "router"]
