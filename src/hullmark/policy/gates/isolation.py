"""Gate `isolation`: how the containers that the image is to run in are isolated from their host, and whether that fits the image.

The workload is given with `--workload FILE`; without it, no rule of this gate can be judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Literal

from msgspec import Meta

from hullmark.isolation.grades import is_below
from hullmark.isolation.settings import SETTINGS, Setting, granted_capabilities, setting_of
from hullmark.model.isolation import JudgedContainer, Mismatch, PlacedContainer
from hullmark.model.verdict import Evidence
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob
from hullmark.policy.image_conditions import ANY_IMAGE, ImageConditions, condition_needs, unmet
from hullmark.policy.image_needs import PASSWD_GLOB, judged_containers
from hullmark.policy.values import NameGlob

_UNTOLD = "no workload was handed over (--workload FILE), so where and how it runs is not known"
_WHERE = "Only images that meet these conditions; none: all."
Target = Literal["default", "hardened", "sandboxed", "vm"]


class IsolationGaps(Params, frozen=True, kw_only=True):
    """Fires for each setting that lets a container take over its host, or that disables a protection."""

    rules: Annotated[
        tuple[NameGlob, ...], Meta(description="Only these settings, such as privileged or host_paths; none: all.")
    ] = ()
    allow_rules: Annotated[tuple[NameGlob, ...], Meta(description="Settings that do not count.")] = ()
    where: Annotated[ImageConditions, Meta(description=_WHERE)] = ANY_IMAGE


class AtLeast(Params, frozen=True, kw_only=True):
    """Fires for each container whose grade of isolation is worse than `at_least`. If a better grade depends on something unknown, the rule
    cannot be judged.
    """

    at_least: Annotated[
        Target,
        Meta(
            description="The worst grade that is allowed: default, hardened, sandboxed (gVisor) or vm (Kata, Fargate)."
        ),
    ]
    where: Annotated[ImageConditions, Meta(description=_WHERE)] = ANY_IMAGE


class RequiredSettings(Params, frozen=True, kw_only=True):
    """Fires for each container and each setting that is not as required. If a setting is not known, the rule cannot be judged."""

    required: Annotated[
        tuple[Setting, ...],
        Meta(description=f"Settings that must be as they are called: {', '.join(SETTINGS)}."),
    ] = ()
    without_capabilities: Annotated[
        tuple[NameGlob, ...],
        Meta(
            description="Capabilities that it must not have, such as NET_RAW; engines grant some unless they are dropped."
        ),
    ] = ()
    where: Annotated[ImageConditions, Meta(description=_WHERE)] = ANY_IMAGE

    def __post_init__(self) -> None:
        if not self.required and not self.without_capabilities:
            raise ValueError("expected required or without_capabilities: without one of them it never fires")


class Surplus(Params, frozen=True, kw_only=True):
    """Fires for each thing that a container is granted but its image does not need, as far as the image shows."""

    settings: Annotated[
        tuple[NameGlob, ...], Meta(description="Only these, such as user, ports or no_new_privileges; none: all.")
    ] = ()
    follow_start: Annotated[
        bool,
        Meta(
            description="Whether to follow the image's start, which shows whether it needs setuid files and capabilities."
        ),
    ] = False


class Lack(Surplus, frozen=True, kw_only=True):
    """Fires for each thing that an image needs but its container is not granted, so that it would not start or not work. Where this depends
    on details of the place that are not known, the rule cannot be judged.
    """


def check_findings(params: IsolationGaps, facts: Facts) -> Iterator[Answer]:
    """Report the settings that expose the host."""

    def answers(judged: JudgedContainer) -> Iterator[Answer]:
        name = judged.placed.name
        for gap in judged.assessment.missing if judged.assessment.grade == "host" else ():
            is_meant = not params.rules or _matches_setting(params.rules, gap.setting)
            if not is_meant or _matches_setting(params.allow_rules, gap.setting):
                continue
            evidence, subject = _evidence(judged.placed, gap.setting), f"{name}+{gap.setting}"
            if gap.is_known:
                yield Violation(subject, f"{name} could take over its host: {gap.text}.", evidence)
            else:
                yield CannotTell(f"of {name}, {gap.text}", evidence, subject=subject)

    return _judge(params.where, facts, answers)


def at_least(params: AtLeast, facts: Facts) -> Iterator[Answer]:
    """Compare grades."""

    def answers(judged: JudgedContainer) -> Iterator[Answer]:
        assessment, name = judged.assessment, judged.placed.name
        if not is_below(assessment.grade, params.at_least):
            return
        reason = "; ".join(reason.text for reason in assessment.reasons)
        evidence = _evidence(judged.placed, assessment.reasons[0].setting)
        if is_below(assessment.at_most, params.at_least):
            message = (
                f"The isolation of {name} is {assessment.grade}, and must be at least {params.at_least}: {reason}."
            )
            yield Violation(name, message, evidence)
        else:
            untold = (
                "; ".join(reason.text for reason in assessment.missing if not reason.is_known)
                or "what starts it is not known"
            )
            text = f"whether the isolation of {name} is {params.at_least} cannot be told: {untold}"
            yield CannotTell(text, evidence, subject=name)

    return _judge(params.where, facts, answers)


def settings(params: RequiredSettings, facts: Facts) -> Iterator[Answer]:
    """Check each setting."""

    def answers(judged: JudgedContainer) -> Iterator[Answer]:
        placed = judged.placed
        for setting in params.required:
            state = setting_of(setting, placed.container.isolation, judged.needs.uid)
            evidence = _evidence(placed, state.setting)
            subject = f"{placed.name}+{setting}"
            if state.holds is None:
                yield CannotTell(f"of {placed.name}, {state.text}", evidence, subject=subject)
            elif not state.holds:
                yield Violation(subject, f"{placed.name} does not meet {setting}: {state.text}.", evidence)
        yield from _capabilities(params, placed)

    return _judge(params.where, facts, answers)


def _capabilities(params: RequiredSettings, placed: PlacedContainer) -> Iterator[Answer]:
    isolation = placed.container.isolation
    if params.without_capabilities and isolation.privileged is None:
        yield CannotTell(f"which capabilities {placed.name} has is not known", subject=f"{placed.name}+capabilities")
        return
    for name in sorted(granted_capabilities(isolation)):
        if any(glob.matches(name) for glob in params.without_capabilities):
            evidence = _evidence(placed, "capabilities_dropped")
            text = f"{placed.name} has the capability {name}, and must not have it."
            yield Violation(f"{placed.name}+{name}", text, evidence)


def check_needless_grants(params: Surplus, facts: Facts) -> Iterator[Answer]:
    """Report what is granted and not needed."""
    return _mismatches("granted", params, facts)


def check_missing_grants(params: Lack, facts: Facts) -> Iterator[Answer]:
    """Report what is needed and not granted."""
    return _mismatches("needed", params, facts)


def _mismatches(kind: Mismatch, params: Surplus, facts: Facts) -> Iterator[Answer]:
    def answers(judged: JudgedContainer) -> Iterator[Answer]:
        name = judged.placed.name
        for finding in judged.findings:
            if finding.kind != kind or (params.settings and not _matches_setting(params.settings, finding.setting)):
                continue
            evidence, subject = _evidence(judged.placed, finding.setting), f"{name}+{finding.setting}"
            words = "granted and not needed" if kind == "granted" else "needed and not granted"
            if finding.is_certain:
                yield Violation(subject, f"{name}, {words}: {finding.text}.", evidence)
            else:
                yield CannotTell(f"of {name}, it may be {words}: {finding.text}", evidence, subject=subject)

    return _judge(ANY_IMAGE, facts, answers)


def _matches_setting(globs: Iterable[NameGlob], setting: str) -> bool:
    return any(glob.matches(setting) for glob in globs)


def _judge(
    where: ImageConditions, facts: Facts, answers: Callable[[JudgedContainer], Iterator[Answer]]
) -> Iterator[Answer]:
    """The answers about each container, if the image meets the conditions. The conditions are checked only if there are answers."""
    judged = judged_containers(facts)
    if judged is None:
        yield CannotTell(_UNTOLD)
        return
    given = [answer for workload in judged for answer in answers(workload)]
    is_unmet = unmet(where, facts) if given else True
    if isinstance(is_unmet, str):
        yield CannotTell(is_unmet)
    elif not is_unmet:
        yield from given


def _line(placed: PlacedContainer, setting: str) -> int:
    return placed.container.lines.get(setting, 0) or placed.container.line


def _evidence(placed: PlacedContainer, setting: str) -> tuple[Evidence, ...]:
    """The line of the manifest with the setting, or else the line of its container."""
    line = _line(placed, setting)
    if not placed.path:
        return ()
    return (Evidence(path=placed.path, detail=f"line {line}" if line else ""),)


def _needs_of_where(params: IsolationGaps | AtLeast | RequiredSettings) -> frozenset[Need]:
    return condition_needs(params.where)


def _needs_of_start(params: Surplus) -> frozenset[Need]:
    return frozenset((Need.REACH,)) if params.follow_start else frozenset()


def _passwd(params: Params) -> tuple[PathGlob, ...]:
    return (PASSWD_GLOB,)


def _patch(params: Params, subject: str) -> str:
    return f"apply the patch that hullmark check --workload FILE --explain shows for {subject.partition('+')[0]}"


def _mend(params: Params, subject: str) -> str:
    return f"set {subject.partition('+')[2]} of {subject.partition('+')[0]} to what the image needs"


_NOTHING: frozenset[Literal["settings"]] = frozenset()
_CONFIG = frozenset((Need.CONFIG,))
_SETTINGS: frozenset[Literal["settings"]] = frozenset(("settings",))

TRIGGERS = (
    Trigger(
        gate="isolation",
        name="found",
        params=IsolationGaps,
        check=check_findings,
        looks_at=_NOTHING,
        also_needs=_needs_of_where,
        advice=_patch,
    ),
    Trigger(
        gate="isolation",
        name="grade",
        params=AtLeast,
        check=at_least,
        looks_at=_NOTHING,
        also_needs=_needs_of_where,
        contents=_passwd,
        advice=_patch,
    ),
    Trigger(
        gate="isolation",
        name="setting",
        params=RequiredSettings,
        check=settings,
        looks_at=_NOTHING,
        also_needs=_needs_of_where,
        contents=_passwd,
        advice=_patch,
    ),
    Trigger(
        gate="isolation",
        name="granted",
        params=Surplus,
        check=check_needless_grants,
        looks_at=_SETTINGS,
        needs=_CONFIG,
        also_needs=_needs_of_start,
        contents=_passwd,
        advice=_mend,
    ),
    Trigger(
        gate="isolation",
        name="needed",
        params=Lack,
        check=check_missing_grants,
        looks_at=_SETTINGS,
        needs=_CONFIG,
        also_needs=_needs_of_start,
        contents=_passwd,
        advice=_mend,
    ),
)
