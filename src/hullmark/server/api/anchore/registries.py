"""Registries, and how to sign in there. Passwords are encrypted at rest and never shown."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, PathParameter

from hullmark.report.anchore import accounts as shapes
from hullmark.report.anchore.accounts import Registry, RegistryInfo
from hullmark.report.anchore.requests import RegistryRequest
from hullmark.server.api.anchore.failures import make_refusal, missing
from hullmark.server.api.caller import Caller
from hullmark.server.api.resources import registries as native
from hullmark.server.api.resources.registries import RegistryBody
from hullmark.server.stories.images.logins import check_login, pattern_of
from hullmark.server.stories.services import Services
from hullmark.server.tables.images import registries
from hullmark.server.tables.images.registries import RegistryRow

_READ: dict[str, Any] = {"permission": "registries:read"}
_WRITE: dict[str, Any] = {"permission": "registries:write"}
Pattern = Annotated[str, PathParameter(max_length=301)]


def _make_registry_view(account: str, row: RegistryRow) -> Registry:
    return shapes.registry(
        RegistryInfo(
            account=account,
            registry=row.pattern,
            username=row.username,
            is_verified=row.verify,
            created_at=row.created_at,
            updated_at=row.updated_at,
            kind=row.kind,
        )
    )


async def _rows(services: Services, caller: Caller) -> list[RegistryRow]:
    async with services.database.tenant(caller.account_id) as connection:
        return await registries.registries(connection, caller.account_id)


async def _row(services: Services, caller: Caller, pattern: str) -> RegistryRow:
    found = next((row for row in await _rows(services, caller) if row.pattern == pattern), None)
    if found is None:
        raise missing(f"registry {pattern[:200]}", "list them")
    return found


@get("/registries", opt=_READ)
async def list_registries(services: NamedDependency[Services], caller: NamedDependency[Caller]) -> list[Registry]:
    """The registries that the account signs in to."""
    return [_make_registry_view(caller.account, row) for row in await _rows(services, caller)]


@get("/registries/{pattern:path}", opt=_READ)
async def get_registry(
    pattern: Pattern, services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> list[Registry]:
    """One registry."""
    return [_make_registry_view(caller.account, await _row(services, caller, pattern.strip("/")))]


@post("/registries", status_code=200, opt={**_WRITE, "fails": (502,)})
async def add_registry(
    data: JSONBody[RegistryRequest],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    validate: FromQuery[bool] = True,
) -> list[Registry]:
    """Keep a login, once the registry took it; without `validate` as it is."""
    pattern = pattern_of(data.registry.strip("/"))
    if any(row.pattern == pattern for row in await _rows(services, caller)):
        raise make_refusal(409, f"there is a registry {pattern} already", "change it with PUT")
    return await _keep(services, caller, data, pattern, validate=validate)


@put("/registries/{pattern:path}", opt={**_WRITE, "fails": (502,)})
async def change_registry(
    pattern: Pattern,
    data: JSONBody[RegistryRequest],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    validate: FromQuery[bool] = True,
) -> list[Registry]:
    """Replace a login, once the registry took it; without `validate` as it is."""
    row = await _row(services, caller, pattern.strip("/"))
    return await _keep(services, caller, data, row.pattern, validate=validate)


async def _keep(
    services: Services, caller: Caller, data: RegistryRequest, pattern: str, *, validate: bool
) -> list[Registry]:
    given = {
        "username": data.registry_user,
        "password": data.registry_pass,
        "kind": data.registry_type,
        "verify": data.registry_verify,
    }
    try:
        request = msgspec.convert(given, RegistryBody)
    except msgspec.ValidationError as error:
        raise make_refusal(
            400, f"the registry cannot be kept: {error}", "registry_type is docker_v2 or awsecr"
        ) from error
    if "\0" in request.username:
        raise make_refusal(400, "the user's name holds a zero character", "send it without")
    if validate:
        await _prove(services, caller, request, pattern)
    await native.put_registry.fn(pattern=pattern, data=request, services=services, caller=caller, origin=caller.origin)
    return [_make_registry_view(caller.account, await _row(services, caller, pattern))]


async def _prove(services: Services, caller: Caller, request: RegistryBody, pattern: str) -> None:
    """Raise Told 400 if the registry does not take the login."""
    row = native.row_of(services, caller.account_id, pattern, request)
    if wrong := await asyncio.to_thread(check_login, services, row, caller.account_id):
        codes = ("REGISTRY_PERMISSION_DENIED",)
        raise make_refusal(
            400, f"the registry does not take this login: {wrong}", "correct it, or send validate=False", codes
        )


@delete("/registries/{pattern:path}", status_code=200, opt=_WRITE)
async def delete_registry(
    pattern: Pattern, services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> dict[str, str]:
    """Forget a login."""
    row = await _row(services, caller, pattern.strip("/"))
    await native.forget_registry.fn(pattern=row.pattern, services=services, caller=caller, origin=caller.origin)
    return {}


ROUTES = [list_registries, get_registry, add_registry, change_registry, delete_registry]
