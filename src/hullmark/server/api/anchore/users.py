"""Users of accounts, their passwords, and tokens for them."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from hullmark.report.anchore import accounts as shapes
from hullmark.report.anchore.accounts import User, UserInfo
from hullmark.report.anchore.requests import CredentialRequest, UserRequest
from hullmark.report.anchore.words import Json
from hullmark.server.api.anchore.failures import make_refusal, missing
from hullmark.server.api.caller import Caller, address_of
from hullmark.server.api.permissions import SIGNED_IN
from hullmark.server.api.resources import persons as native
from hullmark.server.api.resources.accounts import AccountName
from hullmark.server.api.resources.keys import TokenView, token_answer
from hullmark.server.api.resources.persons import PasswordChange, PersonBody, PersonName, PersonPatch
from hullmark.server.api.resources.signin import answer_of, gate_of
from hullmark.server.stories.identity.identity import KEY_USER, TooManyFailures
from hullmark.server.stories.identity.oidc import ProviderUnreachable
from hullmark.server.stories.identity.subjects import SignInRefused
from hullmark.server.stories.services import Services
from hullmark.server.tables.identity import accounts
from hullmark.server.tables.identity.accounts import Member

_READ: dict[str, Any] = {"permission": "accounts:read", "of": "name"}
_WRITE: dict[str, Any] = {"permission": "accounts:write", "of": "name"}
_SELF: dict[str, Any] = {"permission": SIGNED_IN}
_PAGE = 1000
ROLE: accounts.Role = "admin"
"""What new users are in their account: with Anchore, a user may do all in it."""


def _info(member: Member) -> UserInfo:
    return UserInfo(name=member.name, created_at=member.created_at, is_foreign=member.subject is not None)


@get("/accounts/{name:str}/users", opt=_READ)
async def list_users(
    name: AccountName, services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> list[User]:
    """The users of an account."""
    found: list[User] = []
    after = ""
    async with services.database.system() as connection:
        while True:
            rows = await accounts.members_of(connection, caller.account_id, after=after, limit=_PAGE)
            found += [shapes.user(_info(row)) for row in rows]
            if len(rows) < _PAGE:
                return found
            after = rows[-1].name


@post("/accounts/{name:str}/users", status_code=200, opt=_WRITE)
async def add_user(
    name: AccountName,
    data: JSONBody[UserRequest],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> User:
    """A new user, who may do all in the account."""
    try:
        person = msgspec.convert({"name": data.username, "password": data.password, "role": ROLE}, PersonBody)
    except msgspec.ValidationError as error:
        raise make_refusal(400, f"the user cannot be made: {error}", "choose another name") from error
    if not data.password:
        raise make_refusal(400, "a user has a password", "send one")
    await native.add_person.fn(name=name, data=person, services=services, caller=caller, request=request)
    return shapes.user(_info(await _member(services, caller, data.username)))


@get("/accounts/{name:str}/users/{person:str}", opt=_READ)
async def get_user(
    name: AccountName, person: PersonName, services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> User:
    """One user."""
    return shapes.user(_info(await _member(services, caller, person)))


@delete("/accounts/{name:str}/users/{person:str}", status_code=200, opt=_WRITE)
async def delete_user(
    name: AccountName,
    person: PersonName,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> dict[str, str]:
    """The user belongs to the account no longer."""
    await native.remove_person.fn(name=name, person=person, services=services, caller=caller, request=request)
    return {}


@get("/accounts/{name:str}/users/{person:str}/credentials", opt=_READ)
async def list_credentials(
    name: AccountName, person: PersonName, services: NamedDependency[Services], caller: NamedDependency[Caller]
) -> list[Json]:
    """What the user signs in with; never the thing itself."""
    return shapes.credentials(_info(await _member(services, caller, person)))


@post("/accounts/{name:str}/users/{person:str}/credentials", status_code=200, opt=_WRITE)
async def set_password(
    name: AccountName,
    person: PersonName,
    data: JSONBody[CredentialRequest],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> User:
    """Give a user another password."""
    patch = PersonPatch(password=data.value)
    await native.change_person.fn(
        name=name, person=person, data=patch, services=services, caller=caller, request=request
    )
    return shapes.user(_info(await _member(services, caller, person)))


async def _member(services: Services, caller: Caller, person: str) -> Member:
    async with services.database.system() as connection:
        known = "\0" not in person
        member = await accounts.member_by_name(connection, caller.account_id, person) if known else None
    if member is None:
        raise missing(f"user {person}", "list them")
    return member


@get("/user", opt=_SELF)
async def own_user(services: NamedDependency[Services], caller: NamedDependency[Caller]) -> User:
    """Who is signed in: a person, or a key under its own name."""
    return shapes.user(await _self(services, caller))


@get("/user/credentials", opt=_SELF)
async def own_credentials(services: NamedDependency[Services], caller: NamedDependency[Caller]) -> list[Json]:
    """What one signs in with; never the thing itself."""
    return shapes.credentials(await _self(services, caller))


async def _self(services: Services, caller: Caller) -> UserInfo:
    kind, _, name = caller.name.partition(":")
    async with services.database.system() as connection:
        person = await accounts.person_by_id(connection, caller.person_id) if caller.person_id is not None else None
    if kind == "person" and person is not None:
        return UserInfo(name=person.name, created_at=person.created_at, is_foreign=person.subject is not None)
    return UserInfo(name=KEY_USER if kind == "key" else name, created_at=services.clock(), is_foreign=True)


@post("/user/credentials", status_code=200, opt=_SELF)
async def change_own_password(
    data: JSONBody[CredentialRequest],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> User:
    """Another password for oneself. The old one is that of the request's own Basic sign-in."""
    change = PasswordChange(old=_password_in(request.headers.get("authorization", "")), new=data.value)
    await native.change_password.fn(data=change, services=services, caller=caller, request=request)
    return shapes.user(await _self(services, caller))


def _password_in(authorization: str) -> str:
    scheme, _, given = authorization.partition(" ")
    try:
        text = base64.b64decode(given.strip(), validate=True).decode() if scheme.lower() == "basic" else ""
    except (binascii.Error, ValueError):
        text = ""
    password = text.partition(":")[2]
    if not password:
        raise make_refusal(403, "only who signs in with name and password changes its password", "sign in so")
    return password


class TokenForm(msgspec.Struct, kw_only=True):
    """The form of a token's request (RFC 6749, 4.3)."""

    grant_type: Annotated[str, msgspec.Meta(max_length=100)] = "password"
    username: Annotated[str, msgspec.Meta(max_length=300)] = ""
    password: Annotated[str, msgspec.Meta(max_length=2000)] = ""
    client_id: Annotated[str, msgspec.Meta(max_length=300)] = ""


@post(
    "/oauth/token",
    status_code=200,
    opt={"public": True, "takes": {"application/x-www-form-urlencoded": TokenForm}, "fails": (401, 429, 503)},
)
async def issue_token(request: Request[Any, Any, Any]) -> Response[TokenView]:
    """A short-lived token for a name and a password."""
    form = await request.form()
    try:
        data = msgspec.convert({name: form.get(name, "") for name in TokenForm.__struct_fields__}, TokenForm)
    except msgspec.ValidationError as error:
        raise make_refusal(400, f"the form is not understood: {error}") from error
    if data.grant_type != "password":
        raise make_refusal(400, "only the grant_type password is given tokens", "send username and password")
    identity, address = gate_of(request.app).identity, address_of(request.scope)
    try:
        issued = await identity.token_for(data.username, data.password, address)
    except (SignInRefused, TooManyFailures, ProviderUnreachable) as error:
        raise answer_of(error) from error
    return token_answer(issued)


ROUTES = [
    list_users,
    add_user,
    get_user,
    delete_user,
    list_credentials,
    set_password,
    own_user,
    own_credentials,
    change_own_password,
    issue_token,
]
