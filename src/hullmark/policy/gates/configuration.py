"""Gate `configuration`: settings of programs in the image that weaken it."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, Trigger
from hullmark.policy.observed import Observed, observed


class Found(Observed, frozen=True, kw_only=True):
    """Fires for each setting in a configuration file that a check objects to."""


def found(params: Found, facts: Facts) -> Iterator[Answer]:
    """Look at what the checks of configuration files found."""
    return observed(params, facts.configuration, facts, "settings in files are not checked yet")


TRIGGERS = (Trigger(gate="configuration", name="found", params=Found, check=found),)
