"""Federated credentials of an account, and the exchange of other issuers' tokens for ours (after RFC 8693)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from hullmark.model.errors import HullmarkError
from hullmark.server.api.caller import Caller, address_of
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.permissions import ROLES
from hullmark.server.api.problems import Refusal, not_found
from hullmark.server.api.resources.keys import TokenView, token_answer
from hullmark.server.api.resources.signin import answer_of, gate_of
from hullmark.server.stories.identity.federation import LONGEST_TOKEN, check_credential
from hullmark.server.stories.identity.identity import TooManyFailures
from hullmark.server.stories.identity.oidc import ProviderUnreachable
from hullmark.server.stories.identity.subjects import SignInRefused
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.identity import federation
from hullmark.server.tables.identity.accounts import Role
from hullmark.server.tables.identity.federation import FederatedCredential, NewFederatedCredential

_WRITE: dict[str, Any] = {"permission": "keys:write"}
_Text = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{1,500}\Z")]
CredentialName = Annotated[str, PathParameter(max_length=200, description="A federated credential's name.")]


class FederatedCredentialBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose tokens are exchanged: `issuer` as they name it in `iss`, `audience` as in `aud`, and for each claim in `conditions` a pattern
    in which `*` stands for anything. A token that fits all of them gets `role`."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f/]{1,200}\Z")]
    issuer: _Text
    audience: _Text
    conditions: Annotated[dict[_Text, _Text], msgspec.Meta(min_length=1, max_length=20)]
    role: Role = "ci"


class FederatedCredentialView(msgspec.Struct, kw_only=True):
    """A federated credential."""

    name: str
    issuer: str
    audience: str
    conditions: dict[str, str]
    role: Role
    created_at: datetime
    last_used_at: datetime | None


class ExchangeBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """RFC 8693, 2.1, as JSON. `subject_token` is the issuer's token; `account` is where it is to count."""

    subject_token: Annotated[str, msgspec.Meta(min_length=1, max_length=int(LONGEST_TOKEN))]
    account: Annotated[str, msgspec.Meta(pattern=r"^[^\x00]{1,200}\Z")]
    grant_type: Literal["urn:ietf:params:oauth:grant-type:token-exchange"] = (
        "urn:ietf:params:oauth:grant-type:token-exchange"
    )
    subject_token_type: Literal["urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:id_token"] = (
        "urn:ietf:params:oauth:token-type:jwt"  # noqa: S105 - a type's name
    )


@get("/federated-credentials", opt={"permission": "keys:read"}, summary="List whose tokens are exchanged")
async def list_federated_credentials(
    services: NamedDependency[Services], caller: NamedDependency[Caller], limit: Limit = 50, cursor: Cursor = ""
) -> Page[FederatedCredentialView]:
    """The account's federated credentials by name."""
    after = values_in(cursor, str) or ""
    async with services.database.system() as connection:
        rows = await federation.list_credentials(connection, caller.account_id, after, limit + 1)
    return page([_make_credential_view(row) for row in rows], limit, lambda view: view.name)


@post("/federated-credentials", opt=_WRITE, summary="Trust tokens of an issuer")
async def add_federated_credential(
    data: JSONBody[FederatedCredentialBody], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> FederatedCredentialView:
    """Exchange such tokens from now on. Nobody can give a role that may more than they may."""
    try:
        check_credential(data.issuer, data.conditions)
    except HullmarkError as error:
        raise Refusal(422, str(error), error.advice) from error
    if more := sorted(ROLES[data.role] - caller.permissions):
        raise Refusal(403, f"you may not do all that {data.role} may: {', '.join(more)}", "choose another role")
    wanted = NewFederatedCredential(
        account_id=caller.account_id,
        name=data.name,
        issuer=data.issuer,
        audience=data.audience,
        conditions=data.conditions,
        role=data.role,
    )
    async with services.database.system() as connection:
        if not await federation.add_credential(connection, wanted):
            raise Refusal(
                409, f"there is a federated credential {data.name} already", "choose another name, or delete it"
            )
        await audit.record(connection, caller, "federation.create", "key", data.name, None, data, caller.origin)
        row = await federation.credential_by_name(connection, caller.account_id, data.name)
    assert row is not None  # noqa: S101 - it was added in this transaction
    return _make_credential_view(row)


@delete("/federated-credentials/{name:str}", status_code=204, opt=_WRITE, summary="Trust such tokens no longer")
async def remove_federated_credential(
    name: CredentialName,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> None:
    """Tokens that were given for it are worth nothing from now on; other processes may take them for five seconds more."""
    async with services.database.system() as connection:
        row = await federation.credential_by_name(connection, caller.account_id, name) if "\0" not in name else None
        if row is None:
            raise not_found(f"federated credential {name}", "list them: hullmark federation list")
        await federation.remove_credential(connection, caller.account_id, name)
        await audit.record(
            connection, caller, "federation.delete", "key", name, _make_credential_view(row), None, caller.origin
        )
    gate_of(request.app).identity.forget()


@post(
    "/tokens/exchange",
    status_code=200,
    opt={"public": True, "fails": (401, 429, 503)},
    summary="Exchange a CI job's token for a short-lived one",
)
async def exchange_token(request: Request[Any, Any, Any], data: JSONBody[ExchangeBody]) -> Response[TokenView]:
    """For a token of an issuer that the account trusts, whose claims fit one of its federated credentials."""
    identity, address = gate_of(request.app).identity, address_of(request.scope)
    try:
        issued = await identity.token_by_exchange(data.account, data.subject_token, address)
    except (SignInRefused, TooManyFailures, ProviderUnreachable) as error:
        raise answer_of(error) from error
    return token_answer(issued)


def _make_credential_view(row: FederatedCredential) -> FederatedCredentialView:
    return FederatedCredentialView(**{name: getattr(row, name) for name in FederatedCredentialView.__struct_fields__})


ROUTES = [list_federated_credentials, add_federated_credential, remove_federated_credential, exchange_token]
