"""Which fix governs which minor release of Red Hat Enterprise Linux.

A package of one upstream version is fixed in one build for each minor release that is still maintained: `…-60.el9_2.7` for 9.2,
`…-100.el9` from 9.4 on. A host is to be judged by the build that reaches it, not by the newest. So a row for the major
release carries the newest build, and rows for minor releases carry theirs, wherever it is another:

- minor m is governed by the fix of the lowest minor that is m or later; past the last one, by the last.
- A build for no minor in particular (`….el9`) counts as made for the minor after the last one if it is newer than all, else
  it is superseded.
- Fixes in several upstream versions have nothing to do with minors: one set of ranges, each from its upstream version to its fix.

Rows are written for minors only where they differ from the major release's: whoever matches takes, for one advisory, package and
module, the rows of the most specific namespace that has any (`rhel:9.2+eus`, `rhel:9.2`, `rhel:9`) and no others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from hullmark.advisories.feeds.formats.rpms import EVR_ORDER, base_of, below, below_each
from hullmark.model.advisory import Range

_GENERAL = re.compile(r"\.el\d+(?![\d_])")
_MAX_MINOR = 20


class Fix(msgspec.Struct, frozen=True, gc=False):
    """One build that fixes: for which minor release (None if for none in particular), by which announcement, on which day."""

    evr: str
    minor: int | None = None
    announcement: str = ""
    day: str = ""


class Row(msgspec.Struct, frozen=True):
    """What holds for one minor release, or for the major one where `minor` is None."""

    minor: int | None
    ranges: tuple[Range, ...]
    fixes: tuple[Fix, ...]

    @property
    def announcements(self) -> tuple[str, ...]:
        """The ids of the announcements of its fixes."""
        return tuple(dict.fromkeys(fix.announcement for fix in self.fixes if fix.announcement))

    @property
    def day(self) -> str:
        """The day of the first of its fixes, "" if none is known."""
        return min((fix.day for fix in self.fixes if fix.day), default="")


def rows(fixes: Sequence[Fix]) -> tuple[Row, ...]:
    """The row of the major release, then one for each minor release whose fix is another. No fixes, no rows."""
    if not fixes:
        return ()
    if len({base_of(fix.evr) for fix in fixes}) > 1:
        return (Row(None, below_each(fix.evr for fix in fixes), tuple(fixes)),)
    return compute_minor_rows(fixes) or (_row(None, max(fixes, key=_evr)),)


def compute_minor_rows(fixes: Iterable[Fix]) -> tuple[Row, ...]:
    """The same by minor releases alone, whatever upstream versions the fixes are of; nothing if none is for a minor release."""
    placed = _place_fixes(fixes)
    if not placed:
        return ()
    last = placed[-1][1]
    found = [_row(None, last)]
    upcoming = iter(placed)
    minor, fix = next(upcoming)
    for number in range(placed[-1][0]):
        while minor < number:
            minor, fix = next(upcoming)
        if fix.evr != last.evr:
            found.append(_row(number, fix))
    return tuple(found)


def _row(minor: int | None, fix: Fix) -> Row:
    return Row(minor, (below(fix.evr),), (fix,))


def _evr(fix: Fix) -> Any:
    return EVR_ORDER(fix.evr)


def _place_fixes(fixes: Iterable[Fix]) -> list[tuple[int, Fix]]:
    """The fix of each minor release that has one, in their order; of several for one minor, the newest."""
    by_minor: dict[int, Fix] = {}
    general: list[Fix] = []
    for fix in fixes:
        if fix.minor is None:
            if _GENERAL.search(fix.evr):
                general.append(fix)
        elif fix.minor <= _MAX_MINOR and (fix.minor not in by_minor or _evr(fix) > _evr(by_minor[fix.minor])):
            by_minor[fix.minor] = fix
    placed = sorted(by_minor.items())
    for fix in sorted(general, key=lambda fix: EVR_ORDER(fix.evr)):
        if placed and _evr(fix) > _evr(placed[-1][1]):
            placed.append((placed[-1][0] + 1, fix))
    return placed
