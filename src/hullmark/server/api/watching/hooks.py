"""Hooks: registries that may say by themselves that something was pushed. A secret is shown once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import msgspec
from litestar import delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from hullmark.model.limit import Limit as Bound
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import not_found, problem
from hullmark.server.stories.services import Services
from hullmark.server.stories.watching.hooks import address_of, new_secret, registry_of, seal_secret
from hullmark.server.tables import audit
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import Connection
from hullmark.server.tables.watching import hooks
from hullmark.server.tables.watching.hooks import HookRow
from hullmark.source.hooks import HOOKS

_READ: dict[str, Any] = {"permission": "registries:read"}
_WRITE: dict[str, Any] = {"permission": "registries:write"}
_MOST = Bound(200, "hooks of an account", "refused")
HookKind = Literal["dockerhub", "harbor", "ghcr", "quay", "ecr", "distribution"]
HookName = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\A[^\x00]*\Z")]


class HookBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A hook. `registry` is the host that images are named by, where the kind does not say it. `adds`: tags that nobody watches, too."""

    name: HookName
    kind: HookKind
    registry: Annotated[str, msgspec.Meta(max_length=300)] = ""
    adds: bool = False


class HookChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be otherwise; null: as it is."""

    name: HookName | None = None
    registry: Annotated[str, msgspec.Meta(max_length=300)] | None = None
    adds: bool | None = None


class HookView(msgspec.Struct, kw_only=True):
    """A hook without its secret. `url` is where the registry sends to; of kinds that have the secret in it, without that."""

    id: UUID
    name: str
    kind: str
    registry: str
    adds: bool
    url: str
    created_by: str
    created_at: datetime
    last_used_at: datetime | None


class NewHookView(HookView, kw_only=True):
    """A hook with its secret, which is shown this once. `url` is what the registry is given, `advice` where the secret goes."""

    secret: str
    advice: str


def _make_hook_view(services: Services, row: HookRow) -> HookView:
    values = {name: getattr(row, name) for name in HookView.__struct_fields__ if name != "url"}
    return HookView(url=address_of(services, row, "").removesuffix("?token="), **values)


def _shown_once(services: Services, row: HookRow, secret: str) -> NewHookView:
    values = {**msgspec.structs.asdict(_make_hook_view(services, row)), "url": address_of(services, row, secret)}
    return NewHookView(secret=secret, advice=HOOKS[row.kind].shows, **values)


@get("/hooks", opt=_READ, summary="The registries that may say that something changed")
async def list_hooks(
    services: NamedDependency[Services], caller: NamedDependency[Caller], limit: Limit = 50, cursor: Cursor = ""
) -> Page[HookView]:
    """By name; secrets are never shown again."""
    after = values_in(cursor, str) or ""
    async with services.database.tenant(caller.account_id) as connection:
        rows = await hooks.hooks(connection, caller.account_id, after, limit + 1)
    found = page(rows, limit, lambda row: row.name)
    return Page(items=[_make_hook_view(services, row) for row in found.items], next=found.next)


@post("/hooks", status_code=201, opt=_WRITE, summary="Have a registry say when something is pushed")
async def add_hook(
    data: JSONBody[HookBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> NewHookView:
    """Make a hook, and the secret that the registry proves itself by. It is shown this once."""
    key, secret = uuid4(), new_secret()
    row = HookRow(
        id=key,
        account_id=caller.account_id,
        name=data.name,
        kind=data.kind,
        registry=registry_of(data.kind, data.registry),
        secret=seal_secret(services, caller.account_id, key, secret),
        adds=data.adds,
        created_by=caller.name,
        created_at=services.clock(),
        last_used_at=None,
    )
    async with services.database.tenant(caller.account_id) as connection:
        if await hooks.count_hooks(connection, caller.account_id) >= _MOST:
            raise problem(409, f"the account has {_MOST} hooks already", "remove one first")
        await _put(connection, row)
        await audit.record(connection, caller, "hook.add", "hook", str(key), None, _describe_for_audit(row), origin)
    return _shown_once(services, row, secret)


@patch("/hooks/{key:uuid}", opt=_WRITE, summary="Change a hook")
async def change_hook(
    key: FromPath[UUID],
    data: JSONBody[HookChange],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> HookView:
    """Its name, its registry, and whether it adds tags that are not watched yet."""
    async with services.database.tenant(caller.account_id) as connection:
        before = await _existing(connection, caller, key)
        row = msgspec.structs.replace(
            before,
            name=before.name if data.name is None else data.name,
            registry=before.registry if data.registry is None else registry_of(before.kind, data.registry),
            adds=before.adds if data.adds is None else data.adds,
        )
        await _put(connection, row)
        await audit.record(
            connection,
            caller,
            "hook.change",
            "hook",
            str(key),
            _describe_for_audit(before),
            _describe_for_audit(row),
            origin,
        )
    return _make_hook_view(services, row)


@post(
    "/hooks/{key:uuid}/rotate",
    operation_id="rotate_hook",
    status_code=200,
    opt=_WRITE,
    summary="Give a hook another secret",
)
async def rotate_hook(
    key: FromPath[UUID],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> NewHookView:
    """The earlier secret counts no longer. The new one is shown this once."""
    secret = new_secret()
    async with services.database.tenant(caller.account_id) as connection:
        before = await _existing(connection, caller, key)
        row = msgspec.structs.replace(before, secret=seal_secret(services, caller.account_id, key, secret))
        await _put(connection, row)
        await audit.record(connection, caller, "hook.rotate", "hook", str(key), None, None, origin)
    return _shown_once(services, row, secret)


@delete("/hooks/{key:uuid}", status_code=204, opt=_WRITE, summary="Listen to a registry no longer")
async def forget_hook(
    key: FromPath[UUID],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """Whatever it sends from now on is refused."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await _existing(connection, caller, key)
        await hooks.forget_hook(connection, caller.account_id, key)
        await audit.record(connection, caller, "hook.delete", "hook", str(key), _describe_for_audit(row), None, origin)


async def _existing(connection: Connection, caller: Caller, key: UUID) -> HookRow:
    row = await hooks.hook_by_id(connection, caller.account_id, key, lock=True)
    if row is None:
        raise not_found(f"hook {key}")
    return row


async def _put(connection: Connection, row: HookRow) -> None:
    if not await hooks.put_hook(connection, row):
        raise problem(409, f"there is a hook {row.name[:100]} already", "give it another name")


def _describe_for_audit(row: HookRow) -> dict[str, Any]:
    """What the audit log keeps of it."""
    return {"name": row.name, "kind": row.kind, "registry": row.registry, "adds": row.adds}


ROUTES = [list_hooks, add_hook, change_hook, rotate_hook, forget_hook]
