"""Gate `secrets`: passwords, tokens and keys in files."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, Trigger
from hullmark.policy.observed import Observed, observed


class Found(Observed, frozen=True, kw_only=True):
    """Fires for each secret in a file, also in files that a later layer deleted."""


def found(params: Found, facts: Facts) -> Iterator[Answer]:
    """Look at what the search for secrets found."""
    return observed(params, facts.secrets, facts, "files are not searched for secrets yet")


TRIGGERS = (Trigger(gate="secrets", name="found", params=Found, check=found),)
