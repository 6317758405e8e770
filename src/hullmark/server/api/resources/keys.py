"""API keys of an account, and short-lived tokens."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, JSONBody, PathParameter

from hullmark.server.api.caller import Caller, address_of
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.permissions import PERMISSIONS, ROLES, find_permissions, list_unknown_scopes
from hullmark.server.api.problems import Refusal, not_found
from hullmark.server.api.resources.signin import answer_of, gate_of
from hullmark.server.stories.identity.api_key import NewSecret, new_key
from hullmark.server.stories.identity.identity import KEY_USER, IssuedToken, TooManyFailures
from hullmark.server.stories.identity.oidc import ProviderUnreachable
from hullmark.server.stories.identity.subjects import SignInRefused
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.database import Connection
from hullmark.server.tables.identity import accounts, keys
from hullmark.server.tables.identity.accounts import Role
from hullmark.server.tables.identity.keys import KeyRow, NewKey

KeyName = Annotated[str, PathParameter(max_length=200, description="A key's name.")]
_WRITE: dict[str, Any] = {"permission": "keys:write"}


class KeyBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A key to be made. `scopes` narrow its role; `person` is for whom it acts: it may then no more than that person, and ends with it.

    With a scope of operators (`system:write`, `metrics:read`), which an operator gives to a key of its own, the key is an operator's.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f/]{1,200}\Z")]
    role: Role
    scopes: Annotated[list[str], msgspec.Meta(max_length=50)] = []
    person: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00]*\Z")] = ""
    expires_at: datetime | None = None


class KeyView(msgspec.Struct, kw_only=True):
    """A key, without its secret."""

    name: str
    prefix: str
    role: Role
    scopes: list[str]
    person: str | None
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    created_at: datetime


class SecretView(msgspec.Struct, kw_only=True):
    """A key with its secret: shown this once."""

    key: str
    name: str
    prefix: str
    role: Role
    scopes: list[str]
    expires_at: datetime | None


class TokenBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a token is asked for with: a person's name and password, or a key; nothing if the header Authorization says it."""

    name: Annotated[str, msgspec.Meta(max_length=200)] = ""
    password: Annotated[str, msgspec.Meta(max_length=1024)] = ""
    key: Annotated[str, msgspec.Meta(max_length=200)] = ""


class TokenView(msgspec.Struct, kw_only=True):
    """A token, to be sent as `Authorization: Bearer`."""

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a scheme's name
    expires_in: int


def _make_key_view(row: KeyRow, persons: dict[int, str]) -> KeyView:
    person = persons.get(row.person_id or 0)
    values = {name: getattr(row, name) for name in KeyView.__struct_fields__ if name != "person"}
    return KeyView(person=person, **values)


def _secret(row: KeyRow, secret: NewSecret) -> SecretView:
    return SecretView(
        key=secret.key,
        name=row.name,
        prefix=secret.prefix,
        role=row.role,
        scopes=row.scopes,
        expires_at=row.expires_at,
    )


@get("/keys", opt={"permission": "keys:read"}, summary="List the account's API keys")
async def list_keys(
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    revoked: FromQuery[bool] = False,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[KeyView]:
    """The keys by name; with `revoked`, also those that are worth nothing any more."""
    after = values_in(cursor, str) or ""
    async with services.database.tenant(caller.account_id) as connection:
        rows = await keys.list_keys(connection, caller.account_id, after=after, limit=limit + 1, with_revoked=revoked)
    persons: dict[int, str] = {}
    if wanted := [row.person_id for row in rows if row.person_id is not None]:
        async with services.database.system() as connection:
            persons = await keys.names_of_persons(connection, wanted)
    return page([_make_key_view(row, persons) for row in rows], limit, lambda view: view.name)


@post("/keys", opt=_WRITE, summary="Make an API key")
async def add_key(
    data: JSONBody[KeyBody], services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> SecretView:
    """A new key. Its secret is in this answer and nowhere else."""
    expires_at = _future(data.expires_at, services.clock())
    scopes = sorted(set(data.scopes))
    _check_scopes(data.role, scopes)
    _check_holds(caller, data.role, scopes)
    async with services.database.system() as connection:
        person_id = await _acting_for(connection, data, caller)
    secret = new_key()
    wanted = NewKey(
        account_id=caller.account_id,
        person_id=person_id,
        name=data.name,
        prefix=secret.prefix,
        digest=secret.digest,
        role=data.role,
        scopes=scopes,
        expires_at=expires_at,
    )
    async with services.database.tenant(caller.account_id) as connection:
        row = await keys.add_key(connection, wanted)
        if row is None:
            raise Refusal(
                409, f"there is a key {data.name} already", "choose another name, or revoke or rotate that one"
            )
        await audit.record(
            connection, caller, "key.create", "key", row.name, None, _describe_for_audit(row), caller.origin
        )
    return _secret(row, secret)


@delete("/keys/{name:str}", status_code=204, opt=_WRITE, summary="Revoke an API key")
async def revoke_key(
    name: KeyName, services: NamedDependency[Services], caller: NamedDependency[Caller], request: Request[Any, Any, Any]
) -> None:
    """The key is worth nothing from now on; other processes may take it for five seconds more."""
    async with services.database.tenant(caller.account_id) as connection:
        row = await _existing(connection, caller, name)
        await keys.revoke_key(connection, row.id, services.clock())
        await audit.record(connection, caller, "key.revoke", "key", name, _describe_for_audit(row), None, caller.origin)
    gate_of(request.app).identity.forget()


@post("/keys/{name:str}/rotate", opt=_WRITE, summary="Give an API key a new secret")
async def rotate_key(
    name: KeyName, services: NamedDependency[Services], caller: NamedDependency[Caller], request: Request[Any, Any, Any]
) -> SecretView:
    """The same key with another secret; the old one is worth nothing from now on (five seconds later in other processes)."""
    secret = new_key()
    async with services.database.tenant(caller.account_id) as connection:
        row = await _existing(connection, caller, name)
        _check_holds(caller, row.role, row.scopes)
        if keys.is_of_operator(row.scopes) and row.person_id != caller.person_id:
            raise Refusal(403, "this is another operator's key", "only its owner rotates it")
        await keys.replace_secret(connection, row.id, secret.prefix, secret.digest)
        before, after = {"prefix": row.prefix}, {"prefix": secret.prefix}
        await audit.record(connection, caller, "key.rotate", "key", name, before, after, caller.origin)
    gate_of(request.app).identity.forget()
    return _secret(row, secret)


@post("/tokens", status_code=200, opt={"public": True, "fails": (401, 429, 503)}, summary="Get a short-lived token")
async def issue_token(request: Request[Any, Any, Any], data: JSONBody[TokenBody]) -> Response[TokenView]:
    """For a password or a key, in the body or in the header Authorization."""
    identity, address = gate_of(request.app).identity, address_of(request.scope)
    try:
        if data.key:
            issued = await identity.token_for(KEY_USER, data.key, address)
        elif data.name:
            issued = await identity.token_for(data.name, data.password, address)
        else:
            issued = await identity.token_by(request.headers.get("authorization", ""), address)
    except (SignInRefused, TooManyFailures, ProviderUnreachable) as error:
        raise answer_of(error) from error
    return token_answer(issued)


def token_answer(issued: IssuedToken) -> Response[TokenView]:
    """An answer with a token, which must not be cached on the way (RFC 6749, 5.1)."""
    view = TokenView(access_token=issued.token, expires_in=issued.seconds)
    return Response(view, status_code=200, headers={"Cache-Control": "no-store"})


def _future(moment: datetime | None, now: datetime) -> datetime | None:
    if moment is None:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    if moment <= now:
        raise Refusal(422, "expires_at is not in the future", "give a later moment, or null for no end")
    return moment


def _check_scopes(role: Role, scopes: list[str]) -> None:
    if wrong := list_unknown_scopes(scopes):
        raise Refusal(
            422, f"no permissions: {', '.join(wrong)[:300]}", f"scopes are some of {', '.join(sorted(PERMISSIONS))}"
        )
    if not keys.is_of_operator(scopes) and (wrong := sorted(set(scopes) - ROLES[role])):
        raise Refusal(422, f"the role {role} has no {', '.join(wrong)}", "scopes only narrow the role: choose another")


def _check_holds(caller: Caller, role: Role, scopes: list[str]) -> None:
    """Nobody can give a key more permissions than they have."""
    allowed = find_permissions((role,), tuple(scopes), keys.is_of_operator(scopes))
    if more := sorted(allowed - caller.permissions):
        raise Refusal(403, f"you may not do all that the key may: {', '.join(more)}", "nobody gives more than he has")


async def _acting_for(connection: Connection, request: KeyBody, caller: Caller) -> int | None:
    """The person that the key is to act for."""
    if not request.person:
        if keys.is_of_operator(request.scopes):
            raise Refusal(422, "an operator's key acts for a person", "give your own name as person")
        return None
    person = await accounts.person_by_name(connection, request.person)
    if person is not None and caller.is_operator and person.id == caller.person_id:
        return person.id
    if keys.is_of_operator(request.scopes):
        raise Refusal(403, "an operator's key acts for that operator", "give your own name as person")
    member = await accounts.member_by_name(connection, caller.account_id, request.person)
    if member is None:
        raise Refusal(422, f"{request.person} does not belong to {caller.account}", "list the persons of the account")
    return member.id


async def _existing(connection: Connection, caller: Caller, name: str) -> KeyRow:
    row = await keys.key_by_name(connection, caller.account_id, name) if "\0" not in name else None
    if row is None:
        raise not_found(f"key {name}", "list the keys: hullmark key list, or GET /api/v1/keys")
    return row


def _describe_for_audit(row: KeyRow) -> dict[str, Any]:
    return {"prefix": row.prefix, "role": row.role, "scopes": row.scopes, "expires_at": row.expires_at}


ROUTES = [list_keys, add_key, revoke_key, rotate_key, issue_token]
