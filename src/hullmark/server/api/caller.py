"""Who calls, as the routes see it."""

from __future__ import annotations

from typing import Any, cast

import msgspec
from litestar import Request
from litestar.types import Scope

from hullmark.server.api.permissions import SIGNED_IN, find_permissions
from hullmark.server.stories.identity.subjects import Principal
from hullmark.server.tables.audit import RequestOrigin
from hullmark.server.tables.identity.accounts import AccountRow, Membership


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody, acting in one account. `name` is how the audit log shows it: "person:anna", "key:deploy".

    `id` is its own for ever ("person:7"), and `origin` the request that it is for.
    """

    account_id: int
    account: str
    person_id: int | None
    name: str
    role: str
    permissions: frozenset[str]
    is_operator: bool
    id: str = ""
    memberships: tuple[Membership, ...] = ()
    origin: RequestOrigin = RequestOrigin()

    def may(self, permission: str) -> bool:
        """Whether it may do what needs this permission."""
        return permission == SIGNED_IN or permission in self.permissions


def member(who: Principal, membership: Membership) -> Caller:
    """Somebody in an account that it belongs to."""
    role = "operator" if who.is_operator else membership.role
    return Caller(
        account_id=membership.account_id,
        account=membership.account,
        person_id=who.person_id,
        name=who.name,
        role=role,
        permissions=find_permissions((membership.role, *who.caps), who.scopes, who.is_operator),
        is_operator=who.is_operator,
        id=who.id,
        memberships=who.memberships,
    )


def operator(who: Principal, account: AccountRow) -> Caller:
    """An operator in any account."""
    return member(who, Membership(account_id=account.id, account=account.name, state=account.state, role="admin"))


async def provide_caller(request: Request[Any, Any, Any]) -> Caller:
    """The dependency `caller`: who was signed in for this request. Not for public routes."""
    return cast("Caller", request.scope["state"]["caller"])


def origin_of(scope: Scope) -> RequestOrigin:
    """What the audit log keeps of a request: the number that was given to it (`scope["state"]["request_id"]`), and the address."""
    return RequestOrigin(request_id=str(scope["state"].get("request_id", ""))[:100], address=address_of(scope))


def address_of(scope: Scope) -> str:
    """The address that a request came from; "" if it is not known, as for Unix sockets."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def provide_origin(request: Request[Any, Any, Any]) -> RequestOrigin:
    """The dependency `origin`: what the audit log keeps of a request; for public routes too."""
    return origin_of(request.scope)
