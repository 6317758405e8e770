"""Differences in what advisories cover that left rules undecided in one verdict and not in another: namespaces with a different coverage,
and releases whose support ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hullmark.advisories.match.coverage_words import ALL, Lack, lacks_in
from hullmark.model.verdict import Finding, Outcome, Verdict

_ROOMS = ("match", "policy")
_ADVISORIES, _END = "advisories for ", "end of support of "


class CoverageChange(NamedTuple):
    """What advisories cover, before and after (`all`, `none`, `a part`, `all until 2026-03-01`). If `is_end`, the last day of a release's
    support instead ("": it is still supported). `what` names the advisories or the release.
    """

    what: str
    before: str
    after: str
    is_end: bool


def coverage_change(before: Verdict, after: Verdict) -> CoverageChange | None:
    """The change between two verdicts, at least one of them `unknown`; None if advisories are not the cause."""
    old, new = (_lacks(verdict) for verdict in (before, after))
    if Outcome.UNKNOWN is not before.verdict:
        moved = set(new) - set(old)
    elif Outcome.UNKNOWN is not after.verdict:
        moved = set(old) - set(new)
    else:
        moved = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    if not moved:
        return None
    key = min(moved, key=lambda subject: (not subject[1], subject[0]))  # an end of support is more serious
    about, is_end = key
    return _change(about, old.get(key, ""), new.get(key, ""), is_end=is_end)


def change_of(finding: Finding, *, is_gained: bool) -> CoverageChange | None:
    """The gap in the advisories that a finding reports; None if it is about something else. The other side of the change is taken to be
    complete coverage, or a release that is still supported.
    """
    for lack in lacks_in(finding.message):
        covers = lack.covers
        before, after = ("", covers) if is_gained else (covers, "")
        return _change(lack.about, before, after, is_end=lack.is_end)
    return None


def subject_of(what: str) -> str:
    """What a change is about, in words that need no context: `advisories for pypi`, `Debian 10`; "" for anything else."""
    if what.startswith(_END):
        return what.removeprefix(_END)
    return what if what.startswith(_ADVISORIES) else ""


def _lacks(verdict: Verdict) -> dict[tuple[str, bool], str]:
    lacks: Iterable[Lack] = (
        lack for problem in verdict.problems if problem.room in _ROOMS for lack in lacks_in(problem.reason)
    )
    return {(lack.about, lack.is_end): lack.covers for lack in lacks}


def _change(about: str, before: str, after: str, *, is_end: bool) -> CoverageChange:
    if is_end:
        return CoverageChange(f"{_END}{about}", before, after, is_end)
    return CoverageChange(f"{_ADVISORIES}{about}", before or ALL, after or ALL, is_end)
