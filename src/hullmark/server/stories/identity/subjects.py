"""Whom a secret stands for: what the database says now of a key, a person, a federated credential or an identity of a provider."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Literal

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.server.stories.identity.federation import mark_of, membership_of
from hullmark.server.stories.identity.oidc import ProvenIdentity
from hullmark.server.tables.database import Connection
from hullmark.server.tables.identity import accounts, keys
from hullmark.server.tables.identity.accounts import Membership, PersonRow, Role
from hullmark.server.tables.identity.federation import FederatedCredential


class SignInRefused(HullmarkError):
    """The credentials identify nobody: wrong, unknown, expired, revoked, disabled or locked; which one is not said."""


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody proven. `name` is how the audit log shows it, `id` is unique and never given again.

    `caps` are further roles, and `scopes` the permissions (none: all), that narrow what the memberships' roles give.
    """

    kind: Literal["person", "key", "oidc", "federated"]
    id: str
    name: str
    person_id: int | None
    is_operator: bool
    memberships: tuple[Membership, ...]
    caps: tuple[Role, ...] = ()
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody proven, and what of its secret a token or a session is bound to."""

    who: Principal
    mark: str


def make_sign_in_refusal() -> SignInRefused:
    """The one answer to all failed sign-ins, so that nothing is learned from it."""
    return SignInRefused(
        "the sign-in is refused", advice="check the name and password, or the key; after many failures, wait a while"
    )


async def subject_of_key(connection: Connection, holder: keys.KeyHolder | None, now: datetime) -> Subject:
    """Who holds a key that is good now: not revoked or expired, its account enabled, and its person still in it. Raises SignInRefused."""
    if holder is None or holder.revoked_at is not None or (holder.expires_at is not None and holder.expires_at <= now):
        raise make_sign_in_refusal()
    if holder.account_state != "enabled" or (holder.person_id is not None and holder.person_state != "enabled"):
        raise make_sign_in_refusal()
    caps: tuple[Role, ...] = ()
    if holder.person_id is not None and not holder.is_operator:
        if holder.member_role is None:
            raise make_sign_in_refusal()
        caps = (holder.member_role,)
    await keys.note_use(connection, holder.id, now)
    own = Membership(account_id=holder.account_id, account=holder.account, state="enabled", role=holder.role)
    who = Principal(
        kind="key",
        id=f"key:{holder.id}",
        name=f"key:{holder.name}",
        person_id=holder.person_id,
        is_operator=holder.is_operator and keys.is_of_operator(holder.scopes),
        memberships=(own,),
        caps=caps,
        scopes=tuple(holder.scopes),
        expires_at=holder.expires_at,
    )
    return Subject(who=who, mark=_mark(holder.digest))


def subject_of_credential(credential: FederatedCredential | None, called: str) -> Subject:
    """Who holds a token that was given for a federated credential, while that is as it was then. Raises SignInRefused."""
    if credential is None or credential.account_state != "enabled":
        raise make_sign_in_refusal()
    number, name = f"federated:{credential.id}", f"federated:{credential.name}:{called}"
    own = (membership_of(credential),)
    who = Principal(kind="federated", id=number, name=name, person_id=None, is_operator=False, memberships=own)
    return Subject(who=who, mark=mark_of(credential))


async def subject_of_person(connection: Connection, person: PersonRow | None) -> Subject:
    """A person that is enabled, in the accounts that it belongs to. Raises SignInRefused."""
    if person is None or person.state != "enabled":
        raise make_sign_in_refusal()
    who = Principal(
        kind="person",
        id=f"person:{person.id}",
        name=f"person:{person.name}",
        person_id=person.id,
        is_operator=person.is_operator,
        memberships=await accounts.memberships_of(connection, person.id),
    )
    return Subject(who=who, mark=_mark(person.password_hash.encode()))


async def subject_of_identity(connection: Connection, proven: ProvenIdentity) -> Subject:
    """Whom an identity provider names: a person that is known by it, and what its groups give beyond that. Raises SignInRefused."""
    person = await accounts.person_by_subject(connection, proven.subject)
    granted = await _list_granted_memberships(connection, proven)
    if person is None:
        called = f"oidc:{proven.subject}"
        who = Principal(kind="oidc", id=called, name=called, person_id=None, is_operator=False, memberships=granted)
        return Subject(who=who, mark="")
    known = await subject_of_person(connection, person)
    held = {membership.account_id for membership in known.who.memberships}
    # What an administrator wrote down goes first.
    more = tuple(grant for grant in granted if grant.account_id not in held)
    return Subject(who=msgspec.structs.replace(known.who, memberships=(*known.who.memberships, *more)), mark="")


async def _list_granted_memberships(connection: Connection, proven: ProvenIdentity) -> tuple[Membership, ...]:
    found = await accounts.accounts_by_names(connection, [grant.account for grant in proven.grants])
    known = {row.name: row for row in found}
    memberships: dict[str, Membership] = {}
    for grant in proven.grants:
        if (row := known.get(grant.account)) is not None:
            kept = Membership(account_id=row.id, account=row.name, state=row.state, role=grant.role)
            memberships.setdefault(row.name, kept)
    return tuple(memberships.values())


def _mark(secret: bytes) -> str:
    return hashlib.sha256(b"mark\0" + secret).hexdigest()[:32]
