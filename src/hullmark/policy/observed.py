"""Rules about observations: which of them count, and what is said where nobody looked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from hullmark.model.advisory import SEVERITY_RANK, Severity
from hullmark.model.observation import Observation
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Params, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.values import NameGlob


class ObservationParams(Params, frozen=True, kw_only=True):
    """Which observations count."""

    severity: Annotated[
        Severity | None, Meta(description="At least so severe; of what is not rated, it cannot be told. None: all.")
    ] = None
    rules: Annotated[tuple[NameGlob, ...], Meta(description="Only what these checks found; none: all checks.")] = ()
    allow_rules: Annotated[tuple[NameGlob, ...], Meta(description="Checks that do not count.")] = ()
    paths: Annotated[tuple[PathGlob, ...], Meta(description="Only in these files; none: anywhere.")] = ()
    allow: Annotated[tuple[PathGlob, ...], Meta(description="Files that are left out.")] = ()


def observed(
    params: ObservationParams, observations: tuple[Observation, ...] | None, facts: Facts, lacking: str
) -> Iterator[Answer]:
    """A violation for each observation that counts; `lacking` says what nobody looked for where there are none to look at."""
    if observations is None:
        yield CannotTell(lacking)
        return
    wanted, left_out = PathGlobs(params.paths), PathGlobs(params.allow)
    for observation in observations:
        is_meant = not params.rules or any(glob.matches(observation.rule) for glob in params.rules)
        is_left_out = any(glob.matches(observation.rule) for glob in params.allow_rules) or left_out.match(
            observation.path
        )
        if not is_meant or is_left_out or (params.paths and not wanted.match(observation.path)):
            continue
        place = f"{observation.path}:{observation.line}" if observation.line else observation.path
        evidence = (
            facts.at(observation.path, observation.layer, f"line {observation.line}" if observation.line else ""),
        )
        if params.severity is not None and observation.severity == "unknown" != params.severity:
            yield CannotTell(f"how severe {observation.rule} is is not known", evidence)
        elif params.severity is None or SEVERITY_RANK[observation.severity] >= SEVERITY_RANK[params.severity]:
            message = (
                f"{place}: {observation.summary} ({observation.rule})"
                if place
                else f"{observation.summary} ({observation.rule})"
            )
            yield Violation(f"{observation.rule}+{place}" if place else observation.rule, message, evidence)
