"""What was not seen of an image, or is not covered by advisories, and which rules are left undecided by that.

A trigger declares which facts it looks at. If one of these is incomplete in the part a rule asks about, the rule cannot decide, whatever it
found, because the part that was not seen may hold what it looks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from hullmark.model.match import CoverageGap, Matches
from hullmark.model.problem import OPEN, Fact, Problem, ProblemKind
from hullmark.model.verdict import Evidence
from hullmark.policy.facts import Facts
from hullmark.policy.gate import CannotTell, Need, Params, Trigger
from hullmark.policy.globs import PathGlobs
from hullmark.policy.rules import Rule

_NEEDED: Mapping[Need, tuple[Fact, ...]] = {
    Need.FILES: ("files",),
    Need.GHOSTS: ("files",),
    Need.DIGESTS: ("files", "owners"),
    Need.CONTENTS: ("contents", "files"),
    Need.CONFIG: ("settings",),
    Need.MATCHES: ("distro", "packages"),
    Need.CONFIGURATION: ("configuration", "files"),
    Need.SECRETS: ("secrets",),
    Need.MALWARE: ("malware",),
    Need.CERTIFICATES: ("certificates",),
    Need.REACH: ("reach",),
    Need.SIGNATURES: (),  # signatures are stored beside the image, so nothing in the image can hide them
}
_OF_WHOLE_FILES: frozenset[Fact] = frozenset(
    ("certificates", "configuration", "contents", "files", "owners", "secrets")
)
_SHOWN = 3


class Gap(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """One thing that was not seen. `cause` groups gaps that are reported in one sentence: a room, or the reason that a namespace is not
    covered.

    `subject` is what an exception names: a path, a namespace, or the room. `kind`: whether the image hides it or no advisories cover it.
    """

    cause: str
    subject: str
    reason: str
    evidence: tuple[Evidence, ...] = ()
    kind: ProblemKind = "unseen"


def facts_of(trigger: Trigger[Any], params: Params) -> frozenset[Fact]:
    """The facts that a rule looks at."""
    if callable(trigger.looks_at):
        return frozenset(trigger.looks_at(params))
    if trigger.looks_at is not None:
        return trigger.looks_at
    found = {fact for need in trigger.needs_of(params) for fact in _NEEDED[need]}
    if trigger.contents is not None or trigger.facets:
        found.update(_NEEDED[Need.CONTENTS])
    return frozenset(found)


def asks_for_advisories(rule: Rule) -> bool:
    """Whether the rule looks at advisories for packages, and cannot decide if they are incomplete."""
    return Need.MATCHES in rule.trigger.needs_of(rule.params) and "packages" in facts_of(rule.trigger, rule.params)


def gaps(trigger: Trigger[Any], params: Params, facts: Facts) -> list[Gap]:
    """The gaps in what a rule looks at, sorted."""
    wanted = facts_of(trigger, params)
    if not wanted:
        return []
    included, left_out = PathGlobs(params.asked_paths).match, PathGlobs(params.left_out_paths).match

    def is_meant(path: str) -> bool:
        return (not params.asked_paths or included(path)) and not left_out(path)

    found = {
        _gap(problem, facts)
        for problem in facts.open_problems
        if _concerns(problem, wanted, params) and _may_be_at(problem, is_meant)
    }
    if "packages" in wanted and Need.MATCHES in trigger.needs_of(params) and facts.matches is not None:
        found.update(_make_coverage_gap(gap) for gap in facts.matches.uncovered if _asks_for(gap.types, params))
        found.update(_find_unmatched_packages(facts.matches, params, facts))
    return sorted(found)


def _concerns(problem: Problem, wanted: frozenset[Fact], params: Params) -> bool:
    """Whether the problem leaves one of these facts incomplete, for the package types and programs the rule asks about."""
    if not problem.facts:
        return True
    shared = wanted.intersection(problem.facts)
    if "configuration" in shared and not _asks_for_program(problem.programs, params):
        shared -= {"configuration"}
    return bool(shared - {"packages"}) or ("packages" in shared and _asks_for(problem.types, params))


def _asks_for(types: Iterable[str], params: Params) -> bool:
    left = [package_type for package_type in types if package_type not in params.left_out_types]
    if params.asked_types:
        return not types or any(package_type in params.asked_types for package_type in left)
    return not types or bool(left)


def _asks_for_program(programs: Iterable[str], params: Params) -> bool:
    wanted = params.asked_programs
    return not programs or not wanted or any(glob.matches(program) for glob in wanted for program in programs)


def _may_be_at(problem: Problem, is_meant: Callable[[str], bool]) -> bool:
    """Whether the unseen content may be at a path that the rule asks about. If the problem is not about one file, it may be anywhere."""
    is_one_file = bool(problem.path) and bool(problem.facts) and _OF_WHOLE_FILES.issuperset(problem.facts)
    return not is_one_file or is_meant(problem.path)


def _gap(problem: Problem, facts: Facts) -> Gap:
    place = problem.path or "the image"
    return Gap(
        cause=problem.room,
        subject=problem.path or problem.room,
        reason=f"{place}: {problem.reason}",
        evidence=(facts.at(problem.path, problem.layer, problem.reason),) if problem.path or problem.layer >= 0 else (),
        kind=problem.kind,
    )


def _make_coverage_gap(gap: CoverageGap) -> Gap:
    return Gap(cause=gap.reason, subject=gap.namespace, reason=gap.reason, kind="uncovered")


def _find_unmatched_packages(matches: Matches, params: Params, facts: Facts) -> Iterator[Gap]:
    """Gaps for packages whose version cannot be compared with those in advisories, and for packages that no advisory source covers, unless
    a namespace's gap already reports the latter.
    """
    uncovered = {type for gap in matches.uncovered for type in gap.types}
    for untold in matches.unknown:
        package = untold.package
        is_told = untold.kind == "uncovered" and package.type in uncovered
        if untold.kind in OPEN and not is_told and _asks_for((package.type,), params):
            cause = "versions" if untold.kind == "unseen" else untold.reason
            reason = f"{package.name} {package.version} ({package.type}): {untold.reason}"
            evidence = facts.at_package(package)
            yield Gap(cause=cause, subject=package.purl, reason=reason, evidence=evidence, kind=untold.kind)


def answers(found: Iterable[Gap]) -> Iterator[CannotTell]:
    """What a rule cannot decide: one answer for each cause and kind, however many files or packages it is about."""
    by_cause: dict[tuple[str, ProblemKind], list[Gap]] = {}
    for gap in found:
        by_cause.setdefault((gap.cause, gap.kind), []).append(gap)
    for (_, kind), about in by_cause.items():
        named = "; ".join(gap.reason for gap in about[:_SHOWN])
        more = f"; and {len(about) - _SHOWN:,} more" if len(about) > _SHOWN else ""
        evidence = tuple(place for gap in about[:_SHOWN] for place in gap.evidence)
        reason = f"not everything could be seen: {named}{more}"
        yield CannotTell(reason, evidence, subject=about[0].subject, kind=kind)
