"""Native policies: one that many tests judge by, and how they are read."""

from __future__ import annotations

from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.load import load_any
from hullmark.policy.rules import Policy

NOT_ROOT = """\
schema: hullmark-policy/1
name: shop
version: 1
rules:
  - {id: not-root, gate: config, trigger: user, action: warn, params: {not_root: true}}
"""
"""The text of a policy that warns of images that run as root."""


def native_policy(text: bytes) -> Policy:
    """A policy that must not be one of Anchore's. Raises Unreadable or InvalidPolicy."""
    found = load_any(text)
    assert not isinstance(found, Bundle)
    return found
