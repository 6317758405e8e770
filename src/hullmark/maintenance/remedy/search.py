"""The smallest set of changes that leaves as little as any that was found does.

That more changes never leave more findings is taken for granted only where it saves work; what is said of the set that is found was judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from math import comb
from typing import NamedTuple

from hullmark.model.limit import Limit
from hullmark.model.remedy import CHANGE_KINDS, Change, Proof

_FEW = 16

ChangeSet = frozenset[int]
"""A set of changes, by their places."""

_MOST_JUDGED = Limit(150, "sets of changes that are judged while the smallest is looked for", "shortened")
_MOST_STEPS = Limit(200_000, "steps in which the fewest changes that mend all findings are looked for", "shortened")


Blockers = frozenset[str]
"""What keeps an image from passing: a name for each finding, and each fact that cannot be told."""


class SmallestSet(NamedTuple):
    """The set, how it is known that none is smaller, and how many sets were judged."""

    chosen: ChangeSet
    proof: Proof
    judged: int


class _Bench:
    """Judges each set once. `possible` tells which changes can be made together."""

    def __init__(
        self,
        changes: Sequence[Change],
        judge: Callable[[ChangeSet], Blockers],
        possible: Callable[[ChangeSet], bool],
    ) -> None:
        self.changes = changes
        self.possible = possible
        self._judge = judge
        self._known: dict[ChangeSet, Blockers] = {}

    def of(self, chosen: ChangeSet) -> Blockers:
        if chosen not in self._known:
            self._known[chosen] = self._judge(chosen)
        return self._known[chosen]

    @property
    def judged(self) -> int:
        return len(self._known)

    @property
    def is_tired(self) -> bool:
        return self.judged >= _MOST_JUDGED


def _all_is_possible(chosen: ChangeSet) -> bool:
    return True


def smallest_set(
    changes: Sequence[Change],
    judge: Callable[[ChangeSet], Blockers],
    possible: Callable[[ChangeSet], bool] = _all_is_possible,
) -> SmallestSet:
    """Of all sets that leave no more than the least that was found to be left: one with the fewest changes, the mildest of these.

    `possible` is asked which changes can be made together; what is true of a set is true of its parts.
    """
    bench = _Bench(changes, judge, possible)
    before = bench.of(frozenset())
    everything = _most(bench)
    left = bench.of(everything) & before
    if before <= left:
        return SmallestSet(frozenset(), "judged", bench.judged)

    def will_do(chosen: ChangeSet) -> bool:
        return bench.possible(chosen) and bench.of(chosen) <= left

    cover, is_least = _cover(bench, before - left)
    chosen = cover if cover is not None and will_do(cover) else everything
    if not will_do(chosen):
        # Together they bring something new: as many as only mend, the mildest first.
        chosen = _mending(bench)
        left = bench.of(chosen)
    chosen, was_all_needed = _drop_needless_changes(chosen, will_do, bench)
    if (smaller := _smaller(chosen, will_do, bench)) is not None:
        return SmallestSet(smaller, "judged", bench.judged)
    proof: Proof = "cover" if is_least and was_all_needed and chosen == cover else "greedy"
    return SmallestSet(chosen, proof, bench.judged)


def _most(bench: _Bench) -> ChangeSet:
    """As many changes as can be made together, those of them that leave the least: where one excludes another, either is tried."""
    places = sorted(range(len(bench.changes)), key=lambda place: _mildness(bench.changes, (place,)))
    mild, harsh = _choose_most_changes(places, bench), _choose_most_changes(places[::-1], bench)
    chosen = mild if mild == harsh or len(bench.of(mild)) <= len(bench.of(harsh)) else harsh
    for place in places:
        if place in chosen or bench.judged >= _MOST_JUDGED // 3:
            continue
        stays = frozenset(other for other in chosen if bench.possible(frozenset((place, other))))
        swapped = stays | {place}
        if bench.possible(swapped) and len(bench.of(swapped)) < len(bench.of(chosen)):
            chosen = swapped
    return chosen


def _choose_most_changes(places: Sequence[int], bench: _Bench) -> ChangeSet:
    """As many of the changes as can be made together, the first ones first."""
    everything = frozenset(places)
    if bench.possible(everything):
        return everything
    chosen: ChangeSet = frozenset()
    for place in places:
        if bench.possible(chosen | {place}):
            chosen |= {place}
    return chosen


def _mildness(changes: Sequence[Change], chosen: Sequence[int]) -> tuple[object, ...]:
    kinds = sorted(CHANGE_KINDS.index(changes[place].kind) for place in chosen)
    return kinds[::-1], sorted(chosen)


def _cover(bench: _Bench, wanted: Blockers) -> tuple[ChangeSet | None, bool]:
    """The fewest changes that mend all that is wanted, as far as each alone tells, and whether fewer were ruled out; None where that does
    not mend all."""
    alone: dict[int, Blockers] = {}
    for place in range(len(bench.changes)):
        if bench.judged >= 2 * _MOST_JUDGED // 3:
            break
        alone[place] = wanted - bench.of(frozenset((place,)))
    if not wanted or frozenset().union(*alone.values()) < wanted:
        return None, False
    steps = iter(range(_MOST_STEPS))
    for size in range(1, len(alone) + 1):
        found = [chosen for chosen in _covers(alone, wanted, size, steps) if bench.possible(chosen)]
        if found:
            best = min(found, key=lambda chosen: _mildness(bench.changes, sorted(chosen)))
            return best, len(alone) == len(bench.changes)
        if next(steps, None) is None:
            return None, False
    return None, False


def _covers(alone: dict[int, Blockers], wanted: Blockers, size: int, steps: Iterator[int]) -> Iterator[ChangeSet]:
    """All sets of so many changes that mend what is wanted, until there are no more steps."""
    if not wanted:
        yield frozenset()
        return
    if not size or next(steps, None) is None:
        return
    # What the fewest changes mend is decided first: often there is but one.
    makers = {name: [place for place, mended in alone.items() if name in mended] for name in wanted}
    hardest = min(sorted(wanted), key=lambda name: len(makers[name]))
    seen: set[ChangeSet] = set()
    for place in makers[hardest]:
        for rest in _covers(alone, wanted - alone[place], size - 1, steps):
            if (found := rest | {place}) not in seen:
                seen.add(found)
                yield found


def _mending(bench: _Bench) -> ChangeSet:
    """Changes added one by one: each mends something and brings nothing new."""
    chosen: ChangeSet = frozenset()
    for place in sorted(range(len(bench.changes)), key=lambda place: _mildness(bench.changes, (place,))):
        more = chosen | {place}
        if not bench.is_tired and bench.possible(more) and bench.of(more) < bench.of(chosen):
            chosen = more
    return chosen


def _drop_needless_changes(
    chosen: ChangeSet, will_do: Callable[[ChangeSet], bool], bench: _Bench
) -> tuple[ChangeSet, bool]:
    """The set without what is not needed, the harshest given up first, and whether every change that is left was tried."""
    order = sorted(chosen, key=lambda place: _mildness(bench.changes, (place,)), reverse=True)
    size = len(order) // 2 if len(order) > _FEW else 1
    while size:
        # Many at once are given up first: where few of many changes are needed, that takes few judgements.
        for at in range(0, len(order), size):
            part = chosen.intersection(order[at : at + size])
            if bench.is_tired:
                return chosen, False
            if part and will_do(chosen - part):
                chosen -= part
        size //= 2
    return chosen, True


def _smaller(chosen: ChangeSet, will_do: Callable[[ChangeSet], bool], bench: _Bench) -> ChangeSet | None:
    """The first smaller set that will do, else the set itself: every smaller one was judged then. None where they are too many."""
    count, sizes = len(bench.changes), range(1, len(chosen))
    if bench.judged + sum(comb(count, size) for size in sizes) > _MOST_JUDGED:
        return None
    for size in sizes:
        for places in sorted(combinations(range(count), size), key=lambda places: _mildness(bench.changes, places)):
            if will_do(frozenset(places)):
                return frozenset(places)
    return chosen
