"""What an account says of its places: their environments, whether images that nobody added are analysed, and when a collector is silent."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from litestar import get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody

from hullmark.model.limit import Limit as Bound
from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import problem
from hullmark.server.api.resources.places import selector_of
from hullmark.server.stories.places.news import want_image
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit, jobs
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.places import started
from hullmark.server.tables.places.place_settings import (
    EnvironmentRule,
    PlaceSettings,
    place_settings,
    put_place_settings,
)

_READ: dict[str, Any] = {"permission": "places:read"}
_WRITE: dict[str, Any] = {"permission": "policies:write"}
_MOST_RULES = Bound(200, "rules that name environments of places", "refused")
_LONGEST_SILENCE = 366 * 86_400
_SHORTEST_SILENCE = 60
_AT_ONCE = Bound(10_000, "images that run and are asked for when that is switched on; others when they start", "later")


class EnvironmentRuleBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Places that fit `selector` are in `environment`, as activations name it. Besides labels a selector may ask for `place/cluster`,
    `place/namespace`, `place/platform`, `place/workload`, `place/container` and `place/kind`."""

    selector: Annotated[str, msgspec.Meta(max_length=4000)]
    environment: Annotated[str, msgspec.Meta(max_length=200)]


class PlaceSettingsBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which environments places are: the first rule that fits counts; where none does, the environment is "".

    `analyses_unknown`: images that run and that nobody added are added and analysed. `silent_after`: a collector that says nothing for so
    many seconds is told of as silent; 0: none is.
    """

    environments: Annotated[list[EnvironmentRuleBody], msgspec.Meta(max_length=int(_MOST_RULES))] = []
    analyses_unknown: bool = False
    silent_after: Annotated[int, msgspec.Meta(ge=0, le=_LONGEST_SILENCE)] = 3600


@get("/place-settings", opt=_READ, summary="Which environments places are")
async def get_place_settings(services: NamedDependency[Services], caller: NamedDependency[Caller]) -> PlaceSettingsBody:
    """What the account says of its places."""
    async with services.database.tenant(caller.account_id) as connection:
        return _make_settings_body(await place_settings(connection, caller.account_id))


@put("/place-settings", opt=_WRITE, summary="Say which environments places are")
async def put_settings(
    data: JSONBody[PlaceSettingsBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> PlaceSettingsBody:
    """Say which environments places are from now on; those that run are looked at again."""
    wanted = PlaceSettings(
        environments=tuple(_rule(rule) for rule in data.environments),
        analyses_unknown=data.analyses_unknown,
        silent_after=data.silent_after,
    )
    if 0 < wanted.silent_after < _SHORTEST_SILENCE:
        raise problem(422, "silent_after is too short: agents do not report that often", "say at least 600, or 0")
    account_id = caller.account_id
    async with services.database.tenant(account_id) as connection:
        before = await place_settings(connection, account_id)
        if before == wanted:
            return _make_settings_body(before)
        await put_place_settings(connection, account_id, wanted)
        after = _make_settings_body(wanted)
        await audit.record(
            connection, caller, "places.settings", "account", caller.account, _make_settings_body(before), after, origin
        )
        if before.environments != wanted.environments:
            await jobs.defer(connection, "place_again", {"account_id": account_id}, once=f"place_again:{account_id}")
        if wanted.analyses_unknown:
            for number in await started.all_unknown(connection, account_id, services.clock(), _AT_ONCE):
                await want_image(connection, account_id, number)
    return after


def _rule(rule: EnvironmentRuleBody) -> EnvironmentRule:
    selector_of(rule.selector)
    if not rule.environment.isprintable():
        raise problem(422, "an environment's name cannot be printed", "correct it")
    return EnvironmentRule(selector=rule.selector.replace("\0", ""), environment=rule.environment)


def _make_settings_body(settings: PlaceSettings) -> PlaceSettingsBody:
    rules = [
        EnvironmentRuleBody(selector=rule.selector, environment=rule.environment) for rule in settings.environments
    ]
    return PlaceSettingsBody(
        environments=rules, analyses_unknown=settings.analyses_unknown, silent_after=settings.silent_after
    )


ROUTES = [get_place_settings, put_settings]
