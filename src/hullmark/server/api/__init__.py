"""The HTTP interface. To add a resource, write a module with ROUTES and put it into RESOURCES."""

from __future__ import annotations

from typing import Any

from litestar.config.app import AppConfig

from hullmark.server.api import harbor
from hullmark.server.api.conditional import Conditional
from hullmark.server.api.idempotent import Idempotent
from hullmark.server.api.measured import MeasuringMiddleware
from hullmark.server.api.notice import (
    channel_actions,
    channels,
    day_report,
    messages,
    silences,
    subscriptions,
    tickets,
    transitions,
)
from hullmark.server.api.resources import (
    accounts,
    admission,
    advisories,
    applications,
    audit,
    changes,
    deployments,
    events,
    exceptions,
    exports,
    federation,
    images,
    keys,
    persons,
    place_rules,
    places,
    policies,
    reach,
    registries,
    scan,
    signatures,
    simulations,
    system,
    uploads,
    verdicts,
    vulnerabilities,
)
from hullmark.server.api.resources.signin import SignIn, check_routes
from hullmark.server.api.watching import hooks, hooks_in, watches

RESOURCES = (
    images,
    uploads,
    reach,
    signatures,
    policies,
    exceptions,
    verdicts,
    admission,
    events,
    registries,
    accounts,
    persons,
    keys,
    federation,
    audit,
    vulnerabilities,
    advisories,
    simulations,
    exports,
    scan,
    watches,
    hooks,
    channels,
    channel_actions,
    messages,
    changes,
    deployments,
    places,
    place_rules,
    applications,
    subscriptions,
    silences,
    transitions,
    tickets,
    day_report,
)
"""Everything below /api/v1."""

ROOT = (system, harbor, hooks_in)
"""What has its own paths."""


def build_middleware(config: AppConfig) -> list[Any]:
    """The middlewares that every request passes; a route that does not say who may use it stops the start."""
    config.on_startup = [*config.on_startup, check_routes]
    return [MeasuringMiddleware(), SignIn(), Conditional(), Idempotent()]
