"""Conditions on the image that rules about isolation can include: its registry and labels, its user, its known weaknesses, its setuid
programs.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta, Struct

from hullmark.model.match import Match
from hullmark.policy.completeness import gaps
from hullmark.policy.exploitation import exploited_gap, may_be_exploited
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Need, Params, Trigger
from hullmark.policy.image_needs import image_needs, reached_setuid
from hullmark.policy.select import names_of
from hullmark.policy.values import NameGlob


class ImageConditions(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which images a rule applies to: those that meet all conditions given."""

    registries: Annotated[
        tuple[NameGlob, ...], Meta(description="Only images from these registries, such as docker.io.")
    ] = ()
    except_registries: Annotated[
        tuple[NameGlob, ...], Meta(description="Only images from other registries than these, or without a name.")
    ] = ()
    labels: Annotated[
        dict[str, NameGlob], Meta(description="Labels, and the patterns that their values must match.")
    ] = {}
    except_labels: Annotated[
        dict[str, NameGlob], Meta(description="Only if one of these labels is missing or does not match.")
    ] = {}
    root: Annotated[bool | None, Meta(description="Whether the image's user is root.")] = None
    exploited_without_fix: Annotated[
        bool,
        Meta(description="Only images with an exploited vulnerability (KEV) that has no fixed version."),
    ] = False
    setuid_reachable: Annotated[bool, Meta(description="Only images whose start can reach a setuid program.")] = False


ANY_IMAGE = ImageConditions()


def condition_needs(conditions: ImageConditions) -> frozenset[Need]:
    """The facts needed to check the conditions."""
    needs = {Need.CONFIG} if conditions.labels or conditions.except_labels or conditions.root is not None else set()
    needs |= {Need.MATCHES} if conditions.exploited_without_fix else set()
    return frozenset(needs | {Need.REACH} if conditions.setuid_reachable else needs)


def unmet(conditions: ImageConditions, facts: Facts) -> bool | str:
    """True if a condition is not met, False if all are met; otherwise a clause that says why this is not known."""
    answers = (_of_registries(conditions, facts), *_of_settings(conditions, facts), *_of_weaknesses(conditions, facts))
    if any(answer is True for answer in answers):
        return True
    return next((answer for answer in answers if isinstance(answer, str)), False)


def _of_registries(conditions: ImageConditions, facts: Facts) -> bool | str:
    if not conditions.registries and not conditions.except_registries:
        return False
    registries = [name.registry if name.path else "" for name in names_of(facts)]
    if conditions.except_registries and all(_fits(conditions.except_registries, registry) for registry in registries):
        return True
    if conditions.registries and not any(_fits(conditions.registries, registry) for registry in registries):
        return "what registry the image is of is not known" if "" in registries else True
    return False


def _fits(globs: Iterable[NameGlob], registry: str) -> bool:
    return bool(registry) and any(glob.matches(registry) for glob in globs)


def _of_settings(conditions: ImageConditions, facts: Facts) -> tuple[bool | str, ...]:
    answers: list[bool | str] = []
    config = facts.inventory.config
    labels = config.labels if config is not None else {}
    if conditions.labels:
        answers.append(not _have(labels, conditions.labels))
    if conditions.except_labels:
        answers.append(_have(labels, conditions.except_labels))
    if conditions.root is not None:
        uid = image_needs(facts).uid
        answers.append("who the image runs as is not known" if uid is None else (uid == 0) is not conditions.root)
    return tuple(answers)


def _have(labels: dict[str, str], wanted: dict[str, NameGlob]) -> bool:
    return all(name in labels and glob.matches(labels[name]) for name, glob in wanted.items())


def _of_weaknesses(conditions: ImageConditions, facts: Facts) -> tuple[bool | str, ...]:
    answers: list[bool | str] = []
    if conditions.exploited_without_fix:
        answers.append(_no_exploited(facts))
    if conditions.setuid_reachable:
        reached, doubt = reached_setuid(facts)
        answers.append(False if reached else doubt or True)
    return tuple(answers)


def _no_exploited(facts: Facts) -> bool | str:
    """True if no vulnerability without a fix is known to be exploited; a clause if this is not known."""
    matches = [match for match in facts.matches.matches if _counts(match)] if facts.matches is not None else []
    if any(match.advisory.kev is not None for match in matches):
        return False
    if any(may_be_exploited(match, facts) for match in matches):
        return f"what is known to be exploited cannot be told: {exploited_gap(facts)}"
    gap = next(iter(gaps(_EXPLOITED, Params(), facts)), None)
    return f"not everything could be seen: {gap.reason}" if gap is not None else True


def _counts(match: Match) -> bool:
    return match.suppressed is None and match.kind != "cpe" and match.fix.state != "fixed"


_EXPLOITED = Trigger(
    gate="isolation",
    name="exploited",
    params=Params,
    check=lambda params, facts: iter(()),
    needs=frozenset((Need.MATCHES,)),
)
"""Stands for the condition where it is asked what of that was not seen."""
