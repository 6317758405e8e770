"""Registries: logins, encrypted at rest and never shown again, and whether they work."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from hullmark.server.api.caller import Caller
from hullmark.server.api.problems import not_found
from hullmark.server.stories.images.logins import check_login, context_of, pattern_of
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.images import registries
from hullmark.server.tables.images.registries import RegistryRow

_READ: dict[str, Any] = {"permission": "registries:read"}
_WRITE: dict[str, Any] = {"permission": "registries:write"}
Pattern = Annotated[
    str, PathParameter(max_length=300, description="HOST, or HOST/PREFIX, a beginning before an asterisk.")
]


class RegistryBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A login. `verify` false: plain HTTP and unknown certificates are accepted. `parallel`: images read at once, by all workers.
    `publishes`: verdicts in force are signed (HULLMARK_SIGNING_KEY) and put beside their images there, by a login that may push."""

    username: Annotated[str, msgspec.Meta(max_length=500)] = ""
    password: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
    kind: Literal["docker_v2", "awsecr"] = "docker_v2"
    verify: bool = True
    parallel: Annotated[int, msgspec.Meta(ge=1, le=64)] = 3
    publishes: bool = False


class RegistryView(msgspec.Struct, kw_only=True):
    """A login without its password."""

    pattern: str
    username: str
    kind: Literal["docker_v2", "awsecr"]
    verify: bool
    parallel: int
    publishes: bool
    created_at: datetime
    updated_at: datetime


class TestView(msgspec.Struct, kw_only=True):
    """Whether a registry lets us in: "ok", or why not."""

    status: str
    detail: str


def make_registry_view(row: RegistryRow) -> RegistryView:
    """A login as it is answered."""
    return RegistryView(**{name: getattr(row, name) for name in RegistryView.__struct_fields__})


def row_of(services: Services, account_id: int, pattern: str, request: RegistryBody) -> RegistryRow:
    """A request as it is stored: its password encrypted, for this account and pattern alone."""
    now = datetime.now(UTC)
    return RegistryRow(
        id=0,
        pattern=pattern,
        username=request.username,
        secret=services.vault.encrypt(request.password, context_of(account_id, pattern)),
        kind=request.kind,
        verify=request.verify,
        parallel=request.parallel,
        publishes=request.publishes,
        created_at=now,
        updated_at=now,
    )


@get("/registries", opt=_READ, summary="The registries that the account has logins for")
async def list_registries(services: NamedDependency[Services], caller: NamedDependency[Caller]) -> list[RegistryView]:
    """By pattern; passwords are never shown."""
    async with services.database.tenant(caller.account_id) as connection:
        return [make_registry_view(row) for row in await registries.registries(connection, caller.account_id)]


@put("/registries/{pattern:path}", opt=_WRITE, summary="Keep a login")
async def put_registry(
    pattern: Pattern,
    data: JSONBody[RegistryBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> RegistryView:
    """Keep a login for a host, or for what begins with `HOST/PREFIX`. The most specific one that fits is used."""
    name = pattern_of(pattern.strip("/"))
    row = row_of(services, caller.account_id, name, data)
    async with services.database.tenant(caller.account_id) as connection:
        is_new = await registries.put_registry(connection, caller.account_id, row)
        action = "registry.add" if is_new else "registry.change"
        after = {
            "username": data.username,
            "verify": data.verify,
            "parallel": data.parallel,
            "publishes": data.publishes,
        }
        await audit.record(connection, caller, action, "registry", name, None, after, origin)
        rows = await registries.registries(connection, caller.account_id)
    return make_registry_view(next(row for row in rows if row.pattern == name))


@delete(
    "/registries/{pattern:path}", operation_id="delete_registry", status_code=204, opt=_WRITE, summary="Forget a login"
)
async def forget_registry(
    pattern: Pattern,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """The registry is asked without a login from now on."""
    name = pattern.strip("/")
    async with services.database.tenant(caller.account_id) as connection:
        if not await registries.forget_registry(connection, caller.account_id, name):
            raise not_found(f"registry {name}")
        await audit.record(connection, caller, "registry.delete", "registry", name, None, None, origin)


@post("/registry-tests/{pattern:path}", status_code=200, opt=_WRITE, summary="Try a login")
async def test_registry(
    pattern: Pattern, services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> TestView:
    """Ask the registry whether it lets us in with the login that is kept."""
    name = pattern.strip("/")
    async with services.database.tenant(caller.account_id) as connection:
        rows = await registries.registries(connection, caller.account_id)
    row = next((row for row in rows if row.pattern == name), None)
    if row is None:
        raise not_found(f"registry {name}")
    wrong = await asyncio.to_thread(check_login, services, row, caller.account_id)
    return TestView(status="refused" if wrong else "ok", detail=wrong)


ROUTES = [list_registries, put_registry, forget_registry, test_registry]
