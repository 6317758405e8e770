"""Rules about what the image's start reaches. An unknown reach is never taken for unreachable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

from msgspec import Meta

from hullmark.model.package import Package
from hullmark.model.reach import Reach, WitnessStep
from hullmark.policy.facts import Facts
from hullmark.policy.gate import CannotTell, Need

_MANY_STEPS = 6

Reaches = Annotated[
    tuple[Reach, ...],
    Meta(
        description="Only in packages that the image's start reaches so (reachable, unknown, unreachable); none: in all. Where that is "
        "unknown, it cannot be told, unless unknown is one of them."
    ),
]


class _ReachParams(Protocol):
    @property
    def reach(self) -> tuple[Reach, ...]:
        """The states that the rule asks for."""


def reach_needs(params: _ReachParams) -> frozenset[Need]:
    """The facts that a rule needs if it may ask for reach."""
    return frozenset((Need.REACH,)) if params.reach else frozenset()


def is_reached(wanted: Sequence[Reach], package: Package, facts: Facts) -> bool | None:
    """Whether a package's reach is one of the wanted states; None if it is not known."""
    if not wanted:
        return True
    state = facts.reach_of(package.purl)
    if state in wanted or state != "unknown":
        return state in wanted
    # The unknown state is one of the other two, so a rule that wants both of them is met.
    return True if {"reachable", "unreachable"}.issubset(wanted) else None


def untold_reach(package: Package, facts: Facts, advisory: str = "") -> CannotTell:
    """The answer that it is not known whether a (vulnerable) package is reached."""
    found = facts.reach_by_purl.get(package.purl)
    why = f" ({found.reason})" if found is not None and found.reason else ""
    name = f"{package.name}, which has {advisory}," if advisory else f"package {package.name}"
    reason = f"whether the image's start reaches {name} is not known{why}"
    return CannotTell(reason, facts.at_package(package), subject=package.purl)


def reach_words(wanted: Sequence[Reach], package: Package, facts: Facts) -> str:
    """A sentence to append: whether the image's start reaches a package, and how; "" if the rule does not ask for reach."""
    return f" {_sentence(package, facts)}" if wanted else ""


def _sentence(package: Package, facts: Facts) -> str:
    found = facts.reach_by_purl.get(package.purl)
    if found is None or found.reach == "unknown":
        why = f": {found.reason}" if found is not None and found.reason else ""
        return f"Whether the image's start reaches it is not known{why}."
    if found.reach == "unreachable":
        return "Nothing that the image starts can come to use it."
    return f"The image's start reaches it: {way_of(found.witness)}."


def way_of(witness: Sequence[WitnessStep]) -> str:
    """The files on a path of references; the middle of a long path is left out."""
    paths = [step.path for step in witness]
    half = _MANY_STEPS // 2
    return " -> ".join([*paths[:half], "...", *paths[-half:]] if len(paths) > _MANY_STEPS else paths)
