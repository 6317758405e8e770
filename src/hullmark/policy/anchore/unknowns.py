"""Gaps in what is known of an image, which the original's rules ignore: what was not seen, and what no advisories cover."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hullmark.model.limit import Limit
from hullmark.model.match import Matches, UnknownPackage
from hullmark.model.problem import OPEN, Problem
from hullmark.policy.facts import Facts

_ROOM = "match"
_MAX_LISTED = Limit(100, "reasons that are listed of what a verdict in compat did not know", "shortened")


def with_unknowns(facts: Facts) -> set[Problem]:
    """The problems of the inventory, and the gaps in the matches."""
    found = set(facts.inventory.problems)
    if facts.matches is not None:
        found.update(_of_matches(facts.matches))
    return found


def _of_matches(matches: Matches) -> Iterator[Problem]:
    """A problem for each reason that a namespace has no complete and recent advisories; then for packages outside those namespaces."""
    reasons = {gap.reason for gap in matches.uncovered}
    if matches.snapshot is not None and matches.snapshot.exploited_gap:
        reasons.add(matches.snapshot.exploited_gap)
    yield from (Problem("", -1, _ROOM, reason, "uncovered") for reason in reasons)
    yield from (problem for problem in matches.problems if problem.kind in OPEN and problem.reason not in reasons)
    types = {kind for gap in matches.uncovered for kind in gap.types}
    left = (
        unmatched
        for unmatched in matches.unknown
        if unmatched.kind == "unseen" or (unmatched.kind == "uncovered" and unmatched.package.type not in types)
    )
    yield from _of_packages(left)


def _of_packages(unknown: Iterable[UnknownPackage]) -> Iterator[Problem]:
    """One problem for each reason, however many packages have it."""
    by_reason: dict[str, list[UnknownPackage]] = {}
    for unmatched in unknown:
        by_reason.setdefault(unmatched.reason, []).append(unmatched)
    reasons = sorted(by_reason)
    for reason in reasons[:_MAX_LISTED]:
        first, *others = sorted(by_reason[reason], key=lambda unmatched: unmatched.package.purl)
        more = f" and {len(others):,} more" if others else ""
        yield Problem("", -1, _ROOM, f"{first.package.purl}{more}: {reason}", first.kind)
    if len(reasons) > _MAX_LISTED:
        count = sum(len(by_reason[reason]) for reason in reasons[_MAX_LISTED:])
        yield Problem("", -1, _ROOM, f"{count:,} further packages cannot be told of", "unseen")
