"""Policies: the account's, by their ids, and the description of the gates."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from litestar import Request, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.anchore.gates import RETIRED, triggers_by_gate
from hullmark.policy.anchore.language import LANGUAGE as ANCHORE
from hullmark.policy.anchore.profile import PROFILES
from hullmark.policy.document import MAX_TEXT_BYTES as MAX_BYTES
from hullmark.policy.document import Document
from hullmark.policy.load import load_any
from hullmark.report.anchore import policies as shapes
from hullmark.report.anchore.policies import GateSpec, PolicyInfo, PolicyRecord
from hullmark.report.anchore.requests import PolicyUpdate
from hullmark.report.anchore.words import Json
from hullmark.server.api.anchore.failures import make_refusal, missing
from hullmark.server.api.anchore.judging import PROFILE
from hullmark.server.api.caller import Caller
from hullmark.server.api.permissions import SIGNED_IN
from hullmark.server.api.resources.policies import rejudge_account
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging import policies
from hullmark.server.tables.judging.policies import NewVersion, PolicyVersion

_READ: dict[str, Any] = {"permission": "policies:read"}
_WRITE: dict[str, Any] = {"permission": "policies:write"}
_PAGE = 1000
_NATIVE = "native"
_EVERYWHERE = ("", "*")
_NATIVE_COMMENT = "A native policy. Its text is in `text`; it is changed at /api/v1/policies."


def document_of(version: PolicyVersion) -> Json:
    """A policy as a document: an Anchore policy itself, of a native one what can be said, with its text."""
    if version.kind == "anchore":
        found = Document(version.text.encode()).plain
        return found if isinstance(found, dict) else {}
    return {
        "id": version.name,
        "name": version.name,
        "version": _NATIVE,
        "comment": _NATIVE_COMMENT,
        "text": version.text,
        "policies": [],
        "whitelists": [],
        "mappings": [],
        "whitelisted_images": [],
        "blacklisted_images": [],
    }


def bundle_of(document: bytes) -> Bundle:
    """The Anchore policy of a body. Raises Told 400, HullmarkError that names every mistake."""
    policy = ANCHORE.read(Document(document))
    if policy is None:
        load_any(document)  # of what is not a policy at all it names the mistakes
        raise make_refusal(400, "that is not an Anchore policy", "native policies are kept at /api/v1/policies")
    policy.require_valid(PROFILES[PROFILE])
    if not policy.id.strip() or len(policy.id) > 200 or not policy.id.isprintable() or "/" in policy.id:
        raise make_refusal(400, "the policy's id cannot be used", "at most 200 printable characters, without a slash")
    return policy


def _version(bundle: Bundle, name: str, text: str, by: str) -> NewVersion:
    return NewVersion(name=name, text=text, digest=bundle.digest, kind="anchore", by=by)


async def _record(connection: Connection, caller: Caller, name: str, *, detail: bool) -> PolicyRecord:
    """A policy as a record. Raises Told 404."""
    version = await _existing(connection, caller, name)
    first = await policies.version_of(connection, caller.account_id, name, 1) or version
    info = PolicyInfo(
        account=caller.account,
        id=name,
        is_active=await _active(connection, caller) == name,
        created_at=first.created_at,
        updated_at=version.created_at,
        document=document_of(version) if detail else {},
    )
    return shapes.policy_record(info, detail=detail)


async def _existing(connection: Connection, caller: Caller, name: str) -> PolicyVersion:
    found = await policies.version_of(connection, caller.account_id, name) if "\0" not in name else None
    if found is None:
        raise missing(f"policy {name[:200]}", "list them")
    return found


async def _active(connection: Connection, caller: Caller) -> str:
    """The name of the policy that is in force everywhere; "": none is."""
    rows = await policies.activations(connection, caller.account_id)
    usual = (
        activation
        for activation in rows
        if (activation.environment, activation.selector) == _EVERYWHERE and not activation.is_shadow
    )
    return next((activation.name for activation in usual), "")


@post(
    "/policies", status_code=200, opt={**_WRITE, "takes": {"application/json": dict}}, request_max_body_size=MAX_BYTES
)
async def add_policy(
    request: Request[Any, Any, Any],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    detail: FromQuery[bool] = True,
) -> PolicyRecord:
    """Keep a policy under its own id. One that is there already gets another version, which is in force at once if the policy is."""
    document = await request.body()
    bundle = await asyncio.to_thread(bundle_of, document)
    text = document.decode("utf-8", "replace")
    async with services.database.tenant(caller.account_id) as connection:
        await _keep(connection, caller, _version(bundle, bundle.id, text, caller.name))
        return await _record(connection, caller, bundle.id, detail=detail)


async def _keep(connection: Connection, caller: Caller, new: NewVersion) -> None:
    """Keep a version, in force if its policy is."""
    before = await policies.version_of(connection, caller.account_id, new.name)
    if before is not None and before.kind != "anchore":
        raise make_refusal(409, f"{new.name} is a native policy", "change it at /api/v1/policies, or use another id")
    version, is_new = await policies.keep_version(connection, caller.account_id, new)
    if not is_new:
        return
    after = {"version": version.version, "digest": version.digest}
    await audit.record(connection, caller, "policy.keep", "policy", new.name, None, after, caller.origin)
    if await _active(connection, caller) == new.name:
        await _activate(connection, caller, version)


async def _activate(connection: Connection, caller: Caller, version: PolicyVersion) -> None:
    environment, selector = _EVERYWHERE
    await policies.activate(
        connection,
        caller.account_id,
        version.id,
        environment=environment,
        selector=selector,
        is_shadow=False,
        by=caller.name,
    )
    after = {"version": version.version, "environment": environment, "selector": selector}
    await audit.record(connection, caller, "policy.activate", "policy", version.name, None, after, caller.origin)
    await rejudge_account(connection, caller.account_id, f"policy {version.name} {version.version} activated")


@get("/policies", opt=_READ)
async def list_policies(
    services: NamedDependency[Services], caller: NamedDependency[Caller], detail: FromQuery[bool] = False
) -> list[PolicyRecord]:
    """All policies, native ones too."""
    found: list[PolicyRecord] = []
    after = ""
    async with services.database.tenant(caller.account_id) as connection:
        active = await _active(connection, caller)
        while True:
            heads = await policies.list_policies(connection, caller.account_id, after, _PAGE)
            for head in heads:
                info = PolicyInfo(
                    account=caller.account,
                    id=head.name,
                    is_active=head.name == active,
                    created_at=head.created_at,
                    updated_at=head.updated_at,
                    document=document_of(await _existing(connection, caller, head.name)) if detail else {},
                )
                found.append(shapes.policy_record(info, detail=detail))
            if len(heads) < _PAGE:
                return found
            after = heads[-1].name


@get("/policies/{policy_id:str}", opt=_READ)
async def get_policy(
    policy_id: FromPath[str],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    detail: FromQuery[bool] = True,
) -> list[PolicyRecord]:
    """One policy."""
    async with services.database.tenant(caller.account_id) as connection:
        return [await _record(connection, caller, policy_id, detail=detail)]


@put("/policies/{policy_id:str}", opt=_WRITE, request_max_body_size=MAX_BYTES)
async def change_policy(
    policy_id: FromPath[str],
    data: JSONBody[PolicyUpdate],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    active: FromQuery[bool] = False,
) -> list[PolicyRecord]:
    """Give a policy another text, and put it in force in place of the one that was. The active one stays active until another is."""
    document = data.policybundle
    encoded = msgspec.json.encode(document) if document is not None else b""
    async with services.database.tenant(caller.account_id) as connection:
        version = await _existing(connection, caller, policy_id)
        if document is not None and document != document_of(version):
            if version.kind != "anchore":
                raise make_refusal(409, f"{policy_id} is a native policy", "change it at /api/v1/policies")
            bundle = await asyncio.to_thread(bundle_of, encoded)
            if bundle.id != policy_id and bundle.id != document_of(version).get("id"):
                raise make_refusal(
                    400, f"the policy's id is {bundle.id[:200]}, not {policy_id}", "send it under its own id"
                )
            await _keep(connection, caller, _version(bundle, policy_id, encoded.decode(), caller.name))
            version = await _existing(connection, caller, policy_id)
        if (data.active or active) and await _active(connection, caller) != policy_id:
            if version.is_draft:
                raise make_refusal(409, "a draft cannot be in force", "keep it without draft at /api/v1/policies")
            await _activate(connection, caller, version)
        return [await _record(connection, caller, policy_id, detail=True)]


@delete("/policies/{policy_id:str}", status_code=200, opt=_WRITE)
async def delete_policy(
    policy_id: FromPath[str], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> dict[str, str]:
    """Remove a policy that is nowhere in force."""
    async with services.database.tenant(caller.account_id) as connection:
        await _existing(connection, caller, policy_id)
        if any(
            activation.name == policy_id for activation in await policies.activations(connection, caller.account_id)
        ):
            raise make_refusal(409, f"the policy {policy_id} is active", "activate another one first")
        await policies.forget_policy(connection, caller.account_id, policy_id)
        before = {"name": policy_id}
        await audit.record(connection, caller, "policy.delete", "policy", policy_id, before, None, caller.origin)
    return {}


@get("/system/policy_spec", opt={"permission": SIGNED_IN})
async def policy_spec() -> list[GateSpec]:
    """Every gate with its triggers and their parameters."""
    known = triggers_by_gate(with_enterprise=False)
    return shapes.policy_spec([trigger for gate in known.values() for trigger in gate.values()], RETIRED)


ROUTES = [add_policy, list_policies, get_policy, change_policy, delete_policy, policy_spec]
