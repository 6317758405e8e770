"""Policies as they are read, kept in memory: reading a large one takes longer than judging by it."""

from __future__ import annotations

from functools import lru_cache

from hullmark.policy.languages import AnyPolicy
from hullmark.policy.load import load_any


@lru_cache(maxsize=256)
def load_policy(text: str) -> AnyPolicy:
    """The policy that a text holds. Raises HullmarkError, naming every fault of a native one."""
    return load_any(text.encode("utf-8", "surrogatepass"))
