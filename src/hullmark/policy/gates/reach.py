"""Gate `reach`: what of the image its start can use, and what it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from msgspec import Meta

from hullmark.model.package import Package
from hullmark.model.reach import ImageReach, ProgramReach
from hullmark.model.verdict import Evidence
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.reached import untold_reach, way_of
from hullmark.policy.values import NameGlob

Kind = Literal["setuid", "setgid", "shell", "package-manager", "network", "living-off-the-land"]

_CALLED: dict[str, str] = {
    "setuid": "setuid program",
    "setgid": "setgid program",
    "shell": "shell",
    "package-manager": "package manager",
    "network": "network tool",
    "living-off-the-land": "program of use to intruders",
}


class Unreachable(Params, frozen=True, kw_only=True):
    """Fires for each package that nothing the image starts can use."""

    packages: Annotated[tuple[NameGlob, ...], Meta(description="Only these packages; none: all.")] = ()
    allow: Annotated[tuple[NameGlob, ...], Meta(description="Packages that may stay.")] = ()
    more_than: Annotated[
        int, Meta(ge=0, le=1_000_000, description="The largest number of them: it fires only if there are more.")
    ] = 0


class Vulnerable(Params, frozen=True, kw_only=True):
    """Fires for each vulnerable package that something the image starts can use."""

    allow: Annotated[tuple[NameGlob, ...], Meta(description="Packages that are left out.")] = ()


class Programs(Params, frozen=True, kw_only=True):
    """Fires for each executable of these kinds that something the image starts can use."""

    kinds: Annotated[
        tuple[Kind, ...],
        Meta(
            description="setuid, setgid (by their mode); shell, package-manager, network, living-off-the-land (by their names)."
        ),
    ]
    allow: Annotated[tuple[PathGlob, ...], Meta(description="Files that are left out.")] = ()

    def __post_init__(self) -> None:
        if not self.kinds:
            raise ValueError("expected at least one kind")


def unreachable(params: Unreachable, facts: Facts) -> Iterator[Answer]:
    """Check each package."""
    states: dict[str, list[Package]] = {"reachable": [], "unknown": [], "unreachable": []}
    for package in facts.packages_by_purl.values():
        is_meant = not params.packages or any(glob.matches(package.name) for glob in params.packages)
        if is_meant and not any(glob.matches(package.name) for glob in params.allow):
            states[facts.reach_of(package.purl)].append(package)
    idle, unknown = states["unreachable"], states["unknown"]
    if len(idle) > params.more_than:
        limit = f" There are {len(idle)} such packages, and may be {params.more_than}." if params.more_than else ""
        for package in idle:
            named = f"{package.name} {package.version} ({package.type})"
            message = f"Nothing that the image starts can come to use package {named}.{limit}"
            yield Violation(package.purl, message, facts.at_package(package))
    if len(idle) + len(unknown) > params.more_than:
        for package in unknown:
            yield untold_reach(package, facts)


def vulnerable(params: Vulnerable, facts: Facts) -> Iterator[Answer]:
    """Check each package with an advisory."""
    matches = facts.matches.matches if facts.matches is not None else ()
    affected = {match.package.purl: match for match in matches if match.suppressed is None and match.kind != "cpe"}
    for purl, match in affected.items():
        package = match.package
        if any(glob.matches(package.name) for glob in params.allow):
            continue
        found = facts.reach_by_purl.get(purl)
        if found is not None and found.reach == "reachable":
            way = f" ({way_of(found.witness)})" if found.witness else ""
            message = f"What the image starts can come to use package {package.name} {package.version}{way}, which is vulnerable."
            yield Violation(purl, message, facts.at_package(package))
        elif found is None or found.reach == "unknown":
            yield untold_reach(package, facts)


def programs(params: Programs, facts: Facts) -> Iterator[Answer]:
    """Check each executable."""
    left_out = PathGlobs(params.allow)
    for program in _reach(facts).programs:
        kinds = [kind for kind in params.kinds if kind in program.kinds]
        if not kinds or left_out.match(program.path):
            continue
        called = " and ".join(_CALLED[kind] for kind in kinds)
        if program.reach == "reachable":
            message = f"What the image starts can come to use {program.path}, a {called}: {way_of(program.witness)}."
            yield Violation(program.path, message, _at(program, facts))
        elif program.reach == "unknown":
            reason = f"whether the image's start reaches {program.path}, a {called}, is not known ({program.reason})"
            yield CannotTell(reason, _at(program, facts), subject=program.path)


def _reach(facts: Facts) -> ImageReach:
    assert facts.reach is not None, "rules that need reach are not asked without it"  # noqa: S101
    return facts.reach


def _at(program: ProgramReach, facts: Facts) -> tuple[Evidence, ...]:
    """The program's place, and the last step of the path that reaches it."""
    detail = program.witness[-1].why if program.witness else ""
    return (facts.at(program.path, program.layer, detail),)


def _remove(params: Unreachable, subject: str) -> str:
    return f"remove package {subject.rpartition('/')[2].partition('@')[0]}"


def _leave_out(params: Programs, subject: str) -> str:
    return f"build without {subject}, or without what leads to it (hullmark minimize --why {subject})"


_REACH = frozenset((Need.REACH,))

TRIGGERS = (
    Trigger(
        gate="reach",
        name="unreachable",
        params=Unreachable,
        check=unreachable,
        looks_at=frozenset(("packages", "reach")),
        needs=_REACH,
        advice=_remove,
    ),
    Trigger(gate="reach", name="vulnerable", params=Vulnerable, check=vulnerable, needs=_REACH | {Need.MATCHES}),
    Trigger(gate="reach", name="programs", params=Programs, check=programs, needs=_REACH, advice=_leave_out),
)
