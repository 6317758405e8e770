"""Gate `isolation`: how a container of the image would be kept apart from its host."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, Trigger
from hullmark.policy.observed import ObservationParams, observed


class IsolationGaps(ObservationParams, frozen=True, kw_only=True):
    """Fires for each gap that the settings of the image or of its deployment leave."""


def found(params: IsolationGaps, facts: Facts) -> Iterator[Answer]:
    """Look at what is known of where it runs."""
    return observed(params, facts.isolation, facts, "the isolation of containers is not looked at yet")


TRIGGERS = (Trigger(gate="isolation", name="found", params=IsolationGaps, check=found),)
