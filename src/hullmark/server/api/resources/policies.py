"""Policies: their versions, where which is in force, and the exceptions from them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter

from hullmark.model.limit import Limit as Bound
from hullmark.policy.anchore.profile import NATIVE
from hullmark.policy.languages import language_of
from hullmark.policy.load import load_any
from hullmark.policy.values import NameGlob
from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.problems import Refusal, not_found, problem
from hullmark.server.api.resources.images import moment
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit, jobs
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging import policies, policy_costs
from hullmark.server.tables.judging.policies import Activation, NewVersion, PolicyHead, PolicyVersion
from hullmark.server.tables.judging.policy_costs import PolicyCost

_READ: dict[str, Any] = {"permission": "policies:read"}
_WRITE: dict[str, Any] = {"permission": "policies:write"}
_MANY_RULES = 100
_MAX_TEXT = Bound(2 << 20, "characters of a policy", "refused")


class PolicyBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A version of a policy: its text, in YAML or JSON, native or Anchore's. `name`: another one than it gives itself."""

    text: Annotated[str, msgspec.Meta(min_length=1, max_length=int(_MAX_TEXT))]
    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    note: Annotated[str, msgspec.Meta(max_length=4000)] = ""
    draft: bool = False


class VersionView(msgspec.Struct, kw_only=True):
    """One version, with its text. `judged` images took `seconds_each` of processor time on average (null: none was judged by it), and the
    dearest one `seconds_most`; `is_costly`: they wait apart from others'."""

    name: str
    version: int
    digest: str
    kind: Literal["native", "anchore"]
    note: str
    is_draft: bool
    text: str
    created_by: str
    created_at: datetime
    is_costly: bool
    judged: int = 0
    seconds_each: float | None = None
    seconds_most: float | None = None


class HeadView(msgspec.Struct, kw_only=True):
    """A policy by its newest version, without text, with what judging by it takes. `is_active`: a version of it is in force somewhere."""

    name: str
    version: int
    digest: str
    kind: Literal["native", "anchore"]
    is_draft: bool
    is_active: bool
    created_at: datetime
    updated_at: datetime
    is_costly: bool
    judged: int
    seconds_each: float | None
    seconds_most: float | None


class ActivationBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A policy (its newest version, or `version`) is to be in force: in an environment ("": any), for the references that the selector's
    wildcards fit. `shadow`: it judges too, and counts for nothing."""

    policy: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    version: Annotated[int, msgspec.Meta(ge=1, le=2_000_000_000)] | None = None
    environment: Annotated[str, msgspec.Meta(max_length=200)] = ""
    selector: Annotated[str, msgspec.Meta(min_length=1, max_length=1000)] = "*"
    shadow: bool = False


class ActivationView(msgspec.Struct, kw_only=True):
    """What is in force, where."""

    id: int
    policy: str
    version: int
    environment: str
    selector: str
    shadow: bool
    created_by: str
    created_at: datetime


async def version_shown(connection: Connection, version: PolicyVersion) -> VersionView:
    """A version as it is answered, with what judging by it took so far."""
    return (await _make_version_views(connection, [version]))[0]


async def _make_version_views(connection: Connection, versions: Sequence[PolicyVersion]) -> list[VersionView]:
    costs = await policy_costs.costs_of(connection, [version.id for version in versions])
    fields = set(VersionView.__struct_fields__)
    return [
        VersionView(
            **{
                name: getattr(part, name)
                for part in (costs.get(version.id) or PolicyCost(version_id=version.id), version)
                for name in fields & set(part.__struct_fields__)
            }
        )
        for version in versions
    ]


def activation_shown(active: Activation) -> ActivationView:
    """An activation as it is answered."""
    return ActivationView(
        id=active.id,
        policy=active.name,
        version=active.version,
        environment=active.environment,
        selector=active.selector,
        shadow=active.is_shadow,
        created_by=active.created_by,
        created_at=active.created_at,
    )


def check_version(request: PolicyBody, by: str) -> NewVersion:
    """The version that a request asks for. Raises HullmarkError, naming every fault of a native policy."""
    policy = load_any(request.text.encode())
    language, name = language_of(policy), request.name or policy.title
    if not name.strip() or len(name) > 200 or not name.isprintable() or "/" in name:
        raise problem(422, "the policy has no name that it could be kept under", "give one as `name`, without a slash")
    language.check(policy, NATIVE)
    native = language.as_native(policy)
    return NewVersion(
        name=name,
        text=request.text,
        digest=policy.digest,
        kind=language.name,
        note=request.note,
        is_draft=request.draft,
        by=by,
        is_costly=native is not None and (native.has_expressions or native.rule_count > _MANY_RULES),
    )


async def rejudge_account(connection: Connection, account_id: int, cause: str) -> None:
    """Have every image of an account judged again. In the transaction of the change that makes it necessary."""
    args = {"account_id": account_id, "cause": cause}
    await jobs.defer(connection, "rejudge", args, once=f"rejudge:{account_id}", queue=jobs.REJUDGING, priority=5)


async def judge_by(connection: Connection, account_id: int, activation_id: int, cause: str) -> None:
    """Bring an account's verdicts to what an activation puts in force. In the transaction that activates."""
    replaced = await policies.replaced_by(connection, account_id, activation_id)
    if replaced is None:
        await rejudge_account(connection, account_id, cause)
        return
    args = {"account_id": account_id, "activation_id": activation_id, "before_id": replaced.version_id, "cause": cause}
    await jobs.defer(connection, "carry", args, once=f"carry:{activation_id}", queue=jobs.REJUDGING, priority=5)


@post("/policies", status_code=201, opt={**_WRITE, "also": 200}, summary="Keep a version of a policy")
async def keep_policy(
    data: JSONBody[PolicyBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> Response[VersionView]:
    """Keep a text as the next version of its policy. The same text again is not a new version (200)."""
    shown, is_new = await keep(services, caller, origin, data)
    return Response(shown, status_code=201 if is_new else 200)


async def keep(services: Services, caller: Caller, origin: RequestOrigin, body: PolicyBody) -> tuple[VersionView, bool]:
    """Keep a text as the next version of its policy; returns it, and whether it is new. Raises HullmarkError, naming every fault."""
    new = await asyncio.to_thread(check_version, body, caller.name)
    async with services.database.tenant(caller.account_id) as connection:
        version, is_new = await policies.keep_version(connection, caller.account_id, new)
        if is_new:
            after = {"version": version.version, "digest": version.digest, "draft": version.is_draft}
            await audit.record(connection, caller, "policy.keep", "policy", version.name, None, after, origin)
        return await version_shown(connection, version), is_new


@get("/policies", opt=_READ, summary="List policies by name")
async def list_policies(
    services: NamedDependency[Services], caller: NamedDependency[Caller], limit: Limit = 50, cursor: Cursor = ""
) -> Page[HeadView]:
    """The account's policies, each by its newest version."""
    after = values_in(cursor, str) or ""
    async with services.database.tenant(caller.account_id) as connection:
        rows = await policies.list_policies(connection, caller.account_id, after, limit + 1)
    found = page(rows, limit, lambda row: row.name)
    return Page(items=[_head(row) for row in found.items], next=found.next)


def _head(row: PolicyHead) -> HeadView:
    return HeadView(**{name: getattr(row, name) for name in HeadView.__struct_fields__})


@get("/policies/{name:str}", opt=_READ, summary="A policy's newest version, or another")
async def get_policy(
    name: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    version: Annotated[int | None, QueryParameter(ge=1, le=2_000_000_000)] = None,
) -> VersionView:
    """A version with its text."""
    found = await version_named(services, caller, name, version)
    async with services.database.tenant(caller.account_id) as connection:
        return await version_shown(connection, found)


async def version_named(services: Services, caller: Caller, name: str, version: int | None) -> PolicyVersion:
    """A version by name. Raises Refusal 404."""
    async with services.database.tenant(caller.account_id) as connection:
        found = await policies.version_of(connection, caller.account_id, name, version)
    if found is None:
        raise not_found(f"policy {name}" + (f" of version {version}" if version else ""))
    return found


@get("/policies/{name:str}/versions", opt=_READ, summary="The versions of a policy, the newest first")
async def list_versions(
    name: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[VersionView]:
    """All that the policy ever said."""
    before = values_in(cursor, int)
    async with services.database.tenant(caller.account_id) as connection:
        rows = await policies.versions_of(connection, caller.account_id, name, before, limit + 1)
        found = page(rows, limit, lambda row: row.version)
        shown = await _make_version_views(connection, found.items)
    if not rows and before is None:
        raise not_found(f"policy {name}")
    return Page(items=shown, next=found.next)


@delete("/policies/{name:str}", operation_id="delete_policy", status_code=204, opt=_WRITE, summary="Remove a policy")
async def forget_policy(
    name: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """Remove a policy that is nowhere in force. What it once judged stays in the history."""
    async with services.database.tenant(caller.account_id) as connection:
        if any(active.name == name for active in await policies.activations(connection, caller.account_id)):
            raise Refusal(409, f"the policy {name} is in force", "deactivate it first")
        if not await policies.forget_policy(connection, caller.account_id, name):
            raise not_found(f"policy {name}")
        await audit.record(connection, caller, "policy.delete", "policy", name, {"name": name}, None, origin)


@post("/activations", operation_id="activate_policy", status_code=201, opt=_WRITE, summary="Put a policy in force")
async def activate(
    data: JSONBody[ActivationBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> ActivationView:
    """Put a version in force; of its environment and selector it is then the only one. Every image is judged again."""
    return await put_in_force(services, caller, origin, data)


async def put_in_force(
    services: Services, caller: Caller, origin: RequestOrigin, data: ActivationBody
) -> ActivationView:
    """Put a version in force, and have images judged by it. Raises Refusal 404, 409 for a draft, 422 for a selector."""
    version = await version_named(services, caller, data.policy, data.version)
    if version.is_draft and not data.shadow:
        raise Refusal(
            409, "a draft can be in force as a shadow only", "keep it without draft, or activate it as shadow"
        )
    try:
        NameGlob(data.selector)
    except ValueError as error:
        raise problem(
            422, f"the selector cannot be used: {error}", "write it as HOST/REPOSITORY:TAG with * and ?"
        ) from error
    async with services.database.tenant(caller.account_id) as connection:
        number = await policies.activate(
            connection,
            caller.account_id,
            version.id,
            environment=data.environment,
            selector=data.selector,
            is_shadow=data.shadow,
            by=caller.name,
        )
        found = await policies.activations(connection, caller.account_id)
        active = next(activation for activation in found if activation.id == number)
        after = activation_shown(active)
        await audit.record(connection, caller, "policy.activate", "policy", version.name, None, after, origin)
        cause = f"policy {version.name} {version.version} activated"
        await judge_by(connection, caller.account_id, number, cause)
    return after


@get("/activations", opt=_READ, summary="What is in force")
async def list_activations(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    as_of: FromQuery[datetime | None] = None,
) -> list[ActivationView]:
    """All activations of the account, shadows too; those of now, or of a moment."""
    async with services.database.tenant(caller.account_id) as connection:
        found = await policies.activations(connection, caller.account_id, moment(as_of))
    return [activation_shown(activation) for activation in found]


@delete(
    "/activations/{number:int}",
    operation_id="deactivate_policy",
    status_code=204,
    opt=_WRITE,
    summary="Take a policy out of force",
)
async def deactivate(
    number: FromPath[int],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    origin: NamedDependency[RequestOrigin],
) -> None:
    """End an activation. Every image is judged again."""
    await take_out_of_force(services, caller, origin, number)


async def take_out_of_force(services: Services, caller: Caller, origin: RequestOrigin, number: int) -> None:
    """End an activation, and have images judged without it. Raises Refusal 404."""
    async with services.database.tenant(caller.account_id) as connection:
        if not 0 < number < 1 << 62 or not await policies.deactivate(connection, caller.account_id, number):
            raise not_found(f"activation {number}")
        await audit.record(connection, caller, "policy.deactivate", "activation", str(number), None, None, origin)
        await rejudge_account(connection, caller.account_id, f"activation {number} ended")


ROUTES = [
    keep_policy,
    list_policies,
    get_policy,
    list_versions,
    forget_policy,
    activate,
    list_activations,
    deactivate,
]
