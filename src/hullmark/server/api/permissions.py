"""Roles and what they may."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from hullmark.server.tables.identity.accounts import Role
from hullmark.server.tables.identity.keys import OPERATOR_SCOPES

SIGNED_IN = "signed-in"
"""Marks a route for everyone who has signed in. It is not a permission that can be granted."""

READS = frozenset(
    (
        "images:read",
        "policies:read",
        "verdicts:read",
        "exceptions:read",
        "registries:read",
        "accounts:read",
        "keys:read",
        "audit:read",
        "events:read",
        "notices:read",
        "places:read",
        "system:read",
    )
)
_WRITES = frozenset(
    (
        "images:write",
        "policies:write",
        "exceptions:write",
        "registries:write",
        "accounts:write",
        "keys:write",
        "notices:write",
        "places:write",
        "scan",
    )
)
PERMISSIONS = READS | _WRITES | OPERATOR_SCOPES
"""All permissions. OPERATOR_SCOPES are about the whole installation: operators only."""

_VIEWER = READS - {"audit:read", "keys:read", "registries:read"}
ROLES: dict[Role, frozenset[str]] = {
    "admin": PERMISSIONS - OPERATOR_SCOPES,
    "editor": _VIEWER
    | {
        "registries:read",
        "images:write",
        "policies:write",
        "exceptions:write",
        "registries:write",
        "notices:write",
        "places:write",
        "scan",
    },
    "analyst": _VIEWER | {"images:write", "exceptions:write", "scan"},
    "viewer": _VIEWER,
    "auditor": READS,
    "ci": frozenset(("images:read", "images:write", "scan", "verdicts:read")),
    "agent": frozenset(("places:write",)),
    "gate": frozenset(("verdicts:read", "images:read", "images:write")),
}
"""What each role may in its account."""


@lru_cache(4096)
def find_permissions(roles: tuple[Role, ...], scopes: tuple[str, ...], is_operator: bool) -> frozenset[str]:
    """What all of the roles allow, narrowed to the scopes if there are any. Operators may everything."""
    allowed = PERMISSIONS if is_operator else frozenset.intersection(*(ROLES[role] for role in roles))
    return allowed & frozenset(scopes) if scopes else allowed


def list_unknown_scopes(scopes: Iterable[str]) -> list[str]:
    """Those that are not permissions."""
    return sorted(set(scopes) - PERMISSIONS)
