"""Native policies, read."""

from __future__ import annotations

from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.load import load_any
from hullmark.policy.rules import Policy


def native_policy(text: bytes) -> Policy:
    """A policy that must not be one of Anchore's. Raises Unreadable or InvalidPolicy."""
    found = load_any(text)
    assert not isinstance(found, Bundle)
    return found
