"""Rules of policies about isolation, judged where a container is to start, by what it asks for: with the code that judges workloads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Literal

import msgspec

from hullmark.model.admission import PolicyVerdict
from hullmark.model.errors import HullmarkError
from hullmark.model.isolation import PlacedContainer, Workload, WorkloadContainer
from hullmark.model.verdict import Outcome
from hullmark.policy.placed_rules import PlacedOutcome, judge_place


def wherever(verdict: PolicyVerdict) -> PolicyVerdict:
    """The verdict on the image itself: without what a policy says of the places where it runs already."""
    demands = verdict.demands
    if (
        demands is None or verdict.stops > demands.stops
    ):  # advisories have stopped the image since the demands were written
        return verdict
    return msgspec.structs.replace(verdict, verdict=demands.verdict, reason=demands.reason)


def place_faults(
    container: WorkloadContainer, verdicts: Iterable[PolicyVerdict], place: str, now: datetime
) -> Iterator[tuple[Literal["warns", "refuses"], str, str]]:
    """What policies say of the place that a container is to get, where that is not good enough: the effect, the policy, and why."""
    for verdict in verdicts:
        if verdict.demands is None:
            continue
        workload = Workload(format="kubernetes" if place else "docker", name=place)
        placed = PlacedContainer(workload=workload, container=container)
        try:
            came_to = judge_place(verdict.demands, placed, now)
        except HullmarkError as error:
            came_to = PlacedOutcome(
                Outcome.UNKNOWN, f"its rules cannot be read here, bring the gate up to date: {error}"
            )
        if came_to.outcome is Outcome.WARN:
            yield "warns", verdict.policy, f"{came_to.outcome.value}: {came_to.reason}"
        elif came_to.outcome is not Outcome.GO:
            yield "refuses", verdict.policy, f"{came_to.outcome.value}: {came_to.reason}"
