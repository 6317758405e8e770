"""What roles may, and that no route forgets to say who may use it."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar import Litestar, get
from litestar.exceptions import ImproperlyConfiguredException

from hullmark.server.api import permissions
from hullmark.server.api.permissions import PERMISSIONS, READS, ROLES, find_permissions
from hullmark.server.api.resources.signin import check_routes
from hullmark.server.tables.identity.accounts import Role

_ROLES = st.sampled_from(get_args(Role))
_SCOPES = st.lists(st.sampled_from(sorted(PERMISSIONS)), max_size=5).map(tuple)


def test_every_role_is_listed() -> None:
    assert set(ROLES) == set(get_args(Role))


def test_only_operators_change_the_installation() -> None:
    assert not any("system:write" in allowed for allowed in ROLES.values())
    assert "system:write" in find_permissions(("viewer",), (), True)


@pytest.mark.parametrize(
    ("role", "may", "may_not"),
    [
        ("admin", "accounts:write keys:write registries:write audit:read scan", "system:write"),
        (
            "editor",
            "images:write policies:write exceptions:write registries:write registries:read scan",
            "keys:read audit:read accounts:write",
        ),
        ("analyst", "images:write exceptions:write scan policies:read", "policies:write registries:read"),
        ("viewer", "images:read verdicts:read events:read system:read", "audit:read keys:read registries:read scan"),
        ("auditor", "audit:read keys:read registries:read", "images:write scan"),
        ("ci", "images:read images:write scan verdicts:read", "policies:read exceptions:write events:read"),
    ],
)
def test_roles(role: Role, may: str, may_not: str) -> None:
    assert set(may.split()) <= ROLES[role]
    assert not set(may_not.split()) & ROLES[role]


def test_who_only_reads_writes_nothing() -> None:
    assert ROLES["viewer"] < READS
    assert ROLES["auditor"] == READS


@given(_ROLES, _ROLES, _SCOPES, st.booleans())
def test_nothing_is_ever_added_by_narrowing(role: Role, cap: Role, scopes: tuple[str, ...], operator: bool) -> None:
    whole = find_permissions((role,), (), operator)
    assert find_permissions((role, cap), scopes, operator) <= whole
    if scopes:
        assert find_permissions((role, cap), scopes, operator) <= set(scopes)
    assert operator or find_permissions((role, cap), (), False) == ROLES[role] & ROLES[cap]


def test_to_be_signed_in_is_no_permission_that_can_be_given() -> None:
    assert permissions.list_unknown_scopes([permissions.SIGNED_IN, "scan"]) == [permissions.SIGNED_IN]


@pytest.mark.parametrize(
    "opt", [{}, {"permission": "images:eat"}, {"public": False}, {"public": True, "permission": "scan"}]
)
def test_a_route_that_does_not_say_who_may_use_it_stops_the_start(opt: dict[str, Any]) -> None:
    @get("/forgotten", opt=opt)
    async def forgotten() -> None: ...

    with pytest.raises(ImproperlyConfiguredException, match="/forgotten"):
        check_routes(Litestar([forgotten]))
