"""The smallest set of changes: as small as trying every set finds it, and never one that cannot be made."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from hullmark.maintenance.remedy.search import Blockers, ChangeSet, smallest_set
from hullmark.model.remedy import CHANGE_KINDS, Change


def changes(count: int) -> list[Change]:
    return [
        Change(kind=CHANGE_KINDS[place % len(CHANGE_KINDS)], subject=str(place), summary="") for place in range(count)
    ]


def covering(mends: list[frozenset[str]], wanted: frozenset[str]) -> Callable[[ChangeSet], Blockers]:
    """A judge in whose eyes each change mends what it mends, whatever else is changed."""
    return lambda chosen: wanted.difference(*(mends[place] for place in chosen))


@given(st.lists(st.frozensets(st.sampled_from("abcdef")), max_size=8))
def test_no_smaller_set_leaves_as_little(mends: list[frozenset[str]]) -> None:
    wanted = frozenset("abcdef")
    judge = covering(mends, wanted)
    found = smallest_set(changes(len(mends)), judge)
    left = wanted.difference(*mends)
    assert judge(found.chosen) == left
    smaller = (
        combination for size in range(len(found.chosen)) for combination in combinations(range(len(mends)), size)
    )
    assert not any(judge(frozenset(each)) <= left for each in smaller)
    assert found.proof in ("judged", "cover")


def test_two_changes_that_only_mend_together_are_found() -> None:
    def judge(chosen: ChangeSet) -> Blockers:
        return frozenset() if {1, 3} <= chosen else frozenset("a")

    assert smallest_set(changes(5), judge)[:2] == (frozenset((1, 3)), "judged")


def test_of_many_changes_few_are_needed_and_that_is_all_that_is_said() -> None:
    def judge(chosen: ChangeSet) -> Blockers:
        return frozenset() if {7, 90} <= chosen else frozenset("a")

    found = smallest_set(changes(100), judge)
    assert found[:2] == (frozenset((7, 90)), "greedy")
    assert found.judged <= 160


def test_of_changes_that_exclude_each_other_each_has_its_turn() -> None:
    """Changes 0 and 1 are the update and the removal of a package: one mends more of it, the other something else."""
    mends = [frozenset("a"), frozenset("ab"), frozenset("c")]
    judge = covering(mends, frozenset("abc"))
    assert smallest_set(changes(3), judge, lambda chosen: not {0, 1} <= chosen).chosen == {1, 2}
    assert smallest_set(changes(2), judge, lambda chosen: not {0, 1} <= chosen).chosen == {1}


def test_a_change_that_brings_something_new_is_left_out() -> None:
    def judge(chosen: ChangeSet) -> Blockers:
        return frozenset("b") | ({"a"} if 0 not in chosen else set()) | ({"new"} if 1 in chosen else set())

    assert smallest_set(changes(2), judge).chosen == {0}


def test_where_nothing_helps_nothing_is_changed() -> None:
    found = smallest_set(changes(3), lambda chosen: frozenset("a"))
    assert (found.chosen, found.judged) == (frozenset(), 2)


def test_where_changes_exclude_each_other_neither_the_mildest_nor_the_harshest_need_be_the_one() -> None:
    """Each is tried in the place of what it excludes."""
    mends = [frozenset("a"), frozenset("ab"), frozenset("a")]
    found = smallest_set(changes(3), covering(mends, frozenset("ab")), lambda chosen: len(chosen) <= 1)
    assert found.chosen == {1}


def test_a_smaller_set_is_found_where_giving_up_one_after_the_other_ends_at_a_larger_one() -> None:
    """Three of them mend together, or two others: the harshest are given up first, which leaves the three."""

    def judge(chosen: ChangeSet) -> Blockers:
        return frozenset() if {0, 1, 2} <= chosen or {3, 4} <= chosen else frozenset("a")

    same = [Change(kind="update", subject=str(place), summary="") for place in range(5)]
    assert smallest_set(same, judge)[:2] == (frozenset((3, 4)), "judged")


def test_of_more_changes_than_can_be_judged_all_are_made() -> None:
    """Each is needed; that fewer would do is not said."""
    mends = [frozenset((str(place),)) for place in range(300)]
    found = smallest_set(changes(300), covering(mends, frozenset(map(str, range(300)))))
    assert (found.chosen, found.proof) == (frozenset(range(300)), "greedy")
    assert found.judged <= 160
