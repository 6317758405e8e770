"""Persons of an account, and what a person sees and changes of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, PathParameter

from hullmark.server.api.caller import Caller
from hullmark.server.api.paging import Cursor, Limit, Page, page, values_in
from hullmark.server.api.permissions import ROLES, SIGNED_IN
from hullmark.server.api.problems import Refusal, not_found
from hullmark.server.api.resources.accounts import AccountName
from hullmark.server.api.resources.signin import answer_of, gate_of
from hullmark.server.stories.identity.identity import KEY_USER, TooManyFailures
from hullmark.server.stories.identity.oidc import subject_of
from hullmark.server.stories.identity.passwords import Passwords, check_password
from hullmark.server.stories.identity.subjects import SignInRefused
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit
from hullmark.server.tables.database import Connection
from hullmark.server.tables.identity import accounts, keys
from hullmark.server.tables.identity.accounts import Member, NewPerson, PersonChange, PersonRow, PersonState, Role

PersonName = Annotated[str, PathParameter(max_length=200, description="A person's name.")]
Password = Annotated[str, msgspec.Meta(max_length=1024)]
_WRITE: dict[str, Any] = {"permission": "accounts:write", "of": "name"}


class PersonBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who is to belong to an account. A new person needs a password, or the `subject` that the identity provider knows it by."""

    name: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f:/]{1,200}\Z")]
    role: Role
    password: Password = ""
    subject: Annotated[str, msgspec.Meta(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*\Z")] = ""
    is_operator: bool = False


class PersonPatch(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What becomes different of a person; null stays. Only operators change `is_operator`."""

    role: Role | None = None
    state: PersonState | None = None
    password: Password | None = None
    is_operator: bool | None = None


class PasswordChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One's own password, old and new."""

    old: Password
    new: Password


class PersonView(msgspec.Struct, kw_only=True):
    """A person in an account. `locked_until`: after too many failures, no password is looked at until then that comes from where these
    came from."""

    name: str
    role: Role
    state: PersonState
    is_operator: bool
    subject: str | None
    locked_until: datetime | None
    created_at: datetime


class MembershipView(msgspec.Struct, kw_only=True):
    """That one belongs to an account."""

    account: str
    state: str
    role: str


class Myself(msgspec.Struct, kw_only=True):
    """Who one is, in which account, and what one may there."""

    name: str
    account: str
    role: str
    is_operator: bool
    permissions: list[str]
    accounts: list[MembershipView]


def _make_person_view(member: Member) -> PersonView:
    return PersonView(**{name: getattr(member, name) for name in PersonView.__struct_fields__})


@get("/whoami", opt={"permission": SIGNED_IN}, summary="Who am I?")
async def whoami(caller: NamedDependency[Caller]) -> Myself:
    """Who is signed in, and what it may in the account that was chosen."""
    return Myself(
        name=caller.name,
        account=caller.account,
        role=caller.role,
        is_operator=caller.is_operator,
        permissions=sorted(caller.permissions),
        accounts=[
            MembershipView(account=membership.account, state=membership.state, role=membership.role)
            for membership in caller.memberships
        ],
    )


@put("/password", status_code=204, opt={"permission": SIGNED_IN}, summary="Change one's own password")
async def change_password(
    data: JSONBody[PasswordChange],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> None:
    """The old one is asked for again. Tokens that were given for it are worth nothing from then on."""
    if not caller.id.startswith("person:"):
        raise Refusal(403, "only a person who signed in itself changes its password", "sign in with name and password")
    name, identity = caller.name.removeprefix("person:"), gate_of(request.app).identity
    try:
        proven = await identity.by_password(name, data.old, caller.origin.address)
    except SignInRefused as error:
        raise Refusal(403, "the old password is wrong", error.advice) from error
    except TooManyFailures as error:
        raise answer_of(error) from error
    if proven.id != caller.id:
        raise Refusal(403, "the old password is wrong")
    hash_ = await _hash_password(identity.passwords, data.new, name)
    async with services.database.system() as connection:
        await accounts.change_person(connection, caller.person_id or 0, PersonChange(password_hash=hash_))
        change = {"password": True}
        await audit.record(connection, caller, "person.password", "person", name, None, change, caller.origin)
    identity.forget()


@get(
    "/accounts/{name:str}/persons",
    opt={"permission": "accounts:read", "of": "name"},
    summary="List an account's persons",
)
async def list_persons(
    name: AccountName,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[PersonView]:
    """Who belongs to the account, and in which role."""
    after = values_in(cursor, str) or ""
    async with services.database.system() as connection:
        rows = await accounts.members_of(connection, caller.account_id, after=after, limit=limit + 1)
    return page([_make_person_view(row) for row in rows], limit, lambda view: view.name)


@post("/accounts/{name:str}/persons", opt=_WRITE, summary="Add a person to an account")
async def add_person(
    name: AccountName,
    data: JSONBody[PersonBody],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> PersonView:
    """A new person; operators also let an existing one belong to this account."""
    _check_grants(caller, data.role)
    if data.is_operator and not caller.is_operator:
        raise Refusal(403, "only operators make operators", "ask an operator")
    if data.name == KEY_USER:
        raise Refusal(422, f"{KEY_USER} cannot be a person's name", "choose another name")
    identity = gate_of(request.app).identity
    hash_ = await _hash_password(identity.passwords, data.password, data.name) if data.password else ""
    async with services.database.system() as connection:
        await accounts.account_by_name(connection, name, lock=True)
        person = await _new_or_existing(connection, data, caller, hash_, services.settings.oidc_issuer)
        if not await accounts.add_membership(connection, caller.account_id, person.id, data.role):
            raise Refusal(
                409,
                f"{data.name} belongs to {name} already",
                f"change its role: hullmark user set-role {data.name}, or PATCH",
            )
        view = _make_person_view(await _member(connection, caller, data.name))
        await audit.record(
            connection, caller, "person.add", "person", data.name, None, _describe_for_audit(view), caller.origin
        )
    identity.forget()
    return view


async def _new_or_existing(
    connection: Connection, request: PersonBody, caller: Caller, hash_: str, issuer: str
) -> PersonRow:
    existing = await accounts.person_by_name(connection, request.name)
    if existing is not None:
        if not caller.is_operator or hash_ or request.subject or request.is_operator:
            raise Refusal(
                409, f"the name {request.name} is taken", "choose another; operators add existing persons by name alone"
            )
        return existing
    if not hash_ and not request.subject:
        raise Refusal(422, "a new person needs a password or a subject", "give one of them")
    if request.subject and not issuer:
        raise Refusal(422, "there is no identity provider that could know this subject", "set HULLMARK_OIDC_ISSUER")
    subject = subject_of(issuer, request.subject) if request.subject else None
    new = NewPerson(name=request.name, password_hash=hash_, subject=subject, is_operator=request.is_operator)
    person = await accounts.add_person(connection, new)
    if person is None:
        raise Refusal(409, "this subject, or name, is another person's", "list the persons")
    return person


@patch("/accounts/{name:str}/persons/{person:str}", opt=_WRITE, summary="Change a person")
async def change_person(
    name: AccountName,
    person: PersonName,
    data: JSONBody[PersonPatch],
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> PersonView:
    """Another role, state or password. What a person is beyond this account, only operators change."""
    if data.role is not None:
        _check_grants(caller, data.role)
    identity = gate_of(request.app).identity
    hash_ = None if data.password is None else await _hash_password(identity.passwords, data.password, person)
    async with services.database.system() as connection:
        member = await _lock_managed_member(connection, caller, person)
        _check_own(caller, member, data)
        await _check_last(connection, member, name, data)
        if data.role is not None:
            await accounts.change_role(connection, caller.account_id, member.id, data.role)
        change = PersonChange(password_hash=hash_, state=data.state, is_operator=data.is_operator)
        await accounts.change_person(connection, member.id, change)
        view = _make_person_view(await _member(connection, caller, person))
        after = _describe_for_audit(view) | ({"password": True} if hash_ else {})
        await audit.record(
            connection,
            caller,
            "person.change",
            "person",
            person,
            _describe_for_audit(_make_person_view(member)),
            after,
            caller.origin,
        )
    identity.forget()
    return view


@delete("/accounts/{name:str}/persons/{person:str}", status_code=204, opt=_WRITE, summary="Remove a person")
async def remove_person(
    name: AccountName,
    person: PersonName,
    services: NamedDependency[Services],
    caller: NamedDependency[Caller],
    request: Request[Any, Any, Any],
) -> None:
    """The person no longer belongs to the account, and its keys there are revoked. Who belongs to no account any more is forgotten."""
    async with services.database.system() as connection:
        member = await _lock_managed_member(connection, caller, person)
        await _check_last(connection, member, name, None)
        revoked = await keys.revoke_keys_of(connection, caller.account_id, member.id, services.clock())
        await accounts.remove_membership(connection, caller.account_id, member.id)
        if member.accounts == 1 and not member.is_operator:
            await accounts.delete_person(connection, member.id)
        before = _describe_for_audit(_make_person_view(member)) | {"keys": revoked}
        await audit.record(connection, caller, "person.remove", "person", person, before, None, caller.origin)
    gate_of(request.app).identity.forget()


async def person_shown(services: Services, caller: Caller, person: str) -> PersonView:
    """A person of the account. Raises Refusal if there is none of this name."""
    async with services.database.system() as connection:
        return _make_person_view(await _member(connection, caller, person))


async def _member(connection: Connection, caller: Caller, person: str) -> Member:
    member = await accounts.member_by_name(connection, caller.account_id, person) if "\0" not in person else None
    if member is None:
        raise not_found(f"person {person} in {caller.account}", "list the persons of the account")
    return member


async def _lock_managed_member(connection: Connection, caller: Caller, person: str) -> Member:
    """A person that the caller may change, locked with its accounts' members until the transaction ends."""
    if caller.is_operator:
        await accounts.lock_operators(connection)
    member = await _member(connection, caller, person)
    await accounts.lock_accounts_of(connection, member.id)
    member = await _member(connection, caller, person)
    if not caller.is_operator and (member.is_operator or not ROLES[member.role] <= caller.permissions):
        raise Refusal(403, f"{person} may more than you", "ask an admin of the account, or an operator")
    return member


def _check_grants(caller: Caller, role: Role) -> None:
    if not ROLES[role] <= caller.permissions:
        raise Refusal(403, f"you may not do all that the role {role} may", "nobody gives more than he has")


def _check_own(caller: Caller, member: Member, data: JSONBody[PersonPatch]) -> None:
    """What holds in other accounts too is not for the admin of one of them."""
    if caller.is_operator:
        return
    if data.is_operator is not None:
        raise Refusal(403, "only operators make operators", "ask an operator")
    if (data.state is not None or data.password is not None) and member.accounts > 1:
        raise Refusal(
            403, f"{member.name} belongs to other accounts too", "ask an operator, or remove it from this account"
        )


async def _check_last(connection: Connection, member: Member, account: str, data: PersonPatch | None) -> None:
    """Raises Refusal unless each account keeps an enabled admin, and the server an enabled operator. `data` is None for a person
    who leaves."""
    lonely = await accounts.accounts_without_admin(connection, member.id)
    disabled = data is not None and data.state == "disabled"
    demoted = data is None or (data.role is not None and data.role != "admin")
    if lonely and (disabled or (demoted and account in lonely)):
        raise Refusal(
            409, f"{member.name} is the last admin of {', '.join(lonely[:5])}", "make somebody else admin first"
        )
    unmade = data is not None and (disabled or data.is_operator is False)
    if member.is_operator and unmade and not await accounts.other_operators(connection, member.id):
        raise Refusal(409, f"{member.name} is the last operator", "make somebody else operator first")


async def _hash_password(passwords: Passwords, password: str, name: str) -> str:
    check_password(password, name)
    return await passwords.hash(password)


def _describe_for_audit(view: PersonView) -> dict[str, Any]:
    return {"role": view.role, "state": view.state, "is_operator": view.is_operator, "subject": view.subject}


ROUTES = [whoami, change_password, list_persons, add_person, change_person, remove_person]
