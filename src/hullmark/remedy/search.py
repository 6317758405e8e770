"""The smallest set of changes that leaves as little as all of them together do.

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

Chosen = frozenset[int]
"""A set of changes, by their places."""

_MOST_JUDGED = Limit(150, "sets of changes that are judged while the smallest is looked for", "shortened")
_MOST_STEPS = Limit(200_000, "steps in which the fewest changes that mend all findings are looked for", "shortened")


class Trial(NamedTuple):
    """What an image with some of the changes comes to: a name for each finding, and each fact that cannot be told, in the way of passing.

    `is_valid` is False where the changes cannot be made together.
    """

    blocking: frozenset[str]
    is_valid: bool = True


class SmallestSet(NamedTuple):
    """The set, how it is known that none is smaller, and how many sets were judged."""

    chosen: Chosen
    proof: Proof
    judged: int


class _Bench:
    """Judges each set once."""

    def __init__(self, judge: Callable[[Chosen], Trial]) -> None:
        self._judge = judge
        self._known: dict[Chosen, Trial] = {}

    def of(self, chosen: Chosen) -> Trial:
        if chosen not in self._known:
            self._known[chosen] = self._judge(chosen)
        return self._known[chosen]

    @property
    def judged(self) -> int:
        return len(self._known)


def smallest_set(changes: Sequence[Change], judge: Callable[[Chosen], Trial]) -> SmallestSet:
    """Of all sets that leave no more than the least that can be left: one with the fewest changes, the mildest of these."""
    bench = _Bench(judge)
    before = bench.of(frozenset())
    everything = _compatible(changes, bench)
    left = bench.of(everything).blocking & before.blocking if everything else before.blocking
    if before.blocking <= left:
        return SmallestSet(frozenset(), "judged", bench.judged)

    def will_do(chosen: Chosen) -> bool:
        trial = bench.of(chosen)
        return trial.is_valid and trial.blocking <= left

    cover, is_least = _cover(changes, bench, everything, before.blocking - left)
    chosen = cover if cover is not None and will_do(cover) else everything
    if not will_do(chosen):
        # Together they bring something new: as many as only mend, the mildest first.
        chosen = _mending(changes, everything, bench)
        left = bench.of(chosen).blocking
    chosen, was_all_needed = _needed(changes, chosen, will_do, bench)
    if (smaller := _smaller(changes, everything, chosen, will_do, bench)) is not None:
        return SmallestSet(smaller, "judged", bench.judged)
    proof: Proof = "cover" if is_least and was_all_needed and chosen == cover else "greedy"
    return SmallestSet(chosen, proof, bench.judged)


def _compatible(changes: Sequence[Change], bench: _Bench) -> Chosen:
    """As many changes as can be made together: all, else what is added one by one, the mildest first."""
    everything = frozenset(range(len(changes)))
    if bench.of(everything).is_valid:
        return everything
    chosen: Chosen = frozenset()
    for place in sorted(everything, key=lambda place: _mildness(changes, (place,))):
        if bench.judged < _MOST_JUDGED and bench.of(chosen | {place}).is_valid:
            chosen |= {place}
    return chosen


def _mildness(changes: Sequence[Change], chosen: Sequence[int]) -> tuple[object, ...]:
    kinds = sorted(CHANGE_KINDS.index(changes[place].kind) for place in chosen)
    return kinds[::-1], sorted(chosen)


def _cover(
    changes: Sequence[Change], bench: _Bench, everything: Chosen, wanted: frozenset[str]
) -> tuple[Chosen | None, bool]:
    """The fewest changes that mend all that is wanted, as far as each alone tells, and whether fewer were ruled out; None where that does
    not mend all."""
    alone: dict[int, frozenset[str]] = {}
    for place in sorted(everything):
        if bench.judged >= _MOST_JUDGED // 2:
            break
        trial = bench.of(frozenset((place,)))
        alone[place] = wanted - trial.blocking if trial.is_valid else frozenset()
    if not wanted or frozenset().union(*alone.values()) < wanted:
        return None, False
    steps = iter(range(_MOST_STEPS))
    for size in range(1, len(alone) + 1):
        found = sorted(_covers(alone, wanted, size, steps), key=lambda chosen: _mildness(changes, sorted(chosen)))
        if found:
            return found[0], len(alone) == len(everything)
        if next(steps, None) is None:
            return None, False
    return None, False


def _covers(
    alone: dict[int, frozenset[str]], wanted: frozenset[str], size: int, steps: Iterator[int]
) -> Iterator[Chosen]:
    """All sets of so many changes that mend what is wanted, until there are no more steps."""
    if not wanted:
        yield frozenset()
        return
    if not size or next(steps, None) is None:
        return
    # What the fewest changes mend is decided first: often there is but one.
    makers = {name: [place for place, mended in alone.items() if name in mended] for name in wanted}
    hardest = min(sorted(wanted), key=lambda name: len(makers[name]))
    seen: set[Chosen] = set()
    for place in makers[hardest]:
        for rest in _covers(alone, wanted - alone[place], size - 1, steps):
            if (found := rest | {place}) not in seen:
                seen.add(found)
                yield found


def _mending(changes: Sequence[Change], everything: Chosen, bench: _Bench) -> Chosen:
    """Changes added one by one, of which each mends something and brings nothing new."""
    chosen: Chosen = frozenset()
    for place in sorted(everything, key=lambda place: _mildness(changes, (place,))):
        if bench.judged >= _MOST_JUDGED:
            break
        more = bench.of(chosen | {place})
        if more.is_valid and more.blocking < bench.of(chosen).blocking:
            chosen |= {place}
    return chosen


def _needed(
    changes: Sequence[Change], chosen: Chosen, will_do: Callable[[Chosen], bool], bench: _Bench
) -> tuple[Chosen, bool]:
    """The set without what is not needed, the harshest given up first, and whether every change that is left was tried."""
    order = sorted(chosen, key=lambda place: _mildness(changes, (place,)), reverse=True)
    size = len(order) // 2 if len(order) > _FEW else 1
    while size:
        # Many at once are given up first: where few of many changes are needed, that takes few judgements.
        for at in range(0, len(order), size):
            part = chosen.intersection(order[at : at + size])
            if bench.judged >= _MOST_JUDGED:
                return chosen, False
            if part and will_do(chosen - part):
                chosen -= part
        size //= 2
    return chosen, True


def _smaller(
    changes: Sequence[Change], everything: Chosen, chosen: Chosen, will_do: Callable[[Chosen], bool], bench: _Bench
) -> Chosen | None:
    """The first smaller set that will do, else the set itself: every smaller one was judged then. None where they are too many."""
    sizes = range(1, len(chosen))
    if bench.judged + sum(comb(len(everything), size) for size in sizes) > _MOST_JUDGED:
        return None
    for size in sizes:
        sets = sorted(combinations(sorted(everything), size), key=lambda places: _mildness(changes, places))
        for places in sets:
            if will_do(frozenset(places)):
                return frozenset(places)
    return chosen
