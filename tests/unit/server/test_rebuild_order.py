"""The order of rebuilds: what others stand on before these."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hullmark.server.tables.images.rebuilds import Rebuild, in_order


def rebuild(number: int, images: int, vanishing: int) -> Rebuild:
    """A set of packages of so many images, in each of which so many findings vanish."""
    return Rebuild(
        id=number, images=images, places=0, stopped=0, reference="", digest="", distro="", findings=[vanishing], fixable=[vanishing],
        packages=[], vanishing=[vanishing],
    )  # fmt: skip


def test_a_base_comes_before_what_stands_on_it_however_little_it_heals() -> None:
    base, runtime, shop, other = rebuild(1, 10, 1), rebuild(2, 6, 0), rebuild(3, 2, 50), rebuild(4, 5, 4)
    stands = [(2, 1), (3, 1), (3, 2)]
    found = in_order([shop, other, runtime, base], stands)
    assert [(each.id, each.after) for each in found] == [(1, None), (2, 1), (3, 2), (4, None)]


def test_what_heals_most_with_all_that_stands_on_it_comes_first() -> None:
    found = in_order([rebuild(1, 3, 1), rebuild(2, 3, 2), rebuild(3, 2, 3)], [(3, 1)])
    assert [each.id for each in found] == [1, 3, 2]


def test_of_two_that_the_same_images_hold_one_stands_on_the_other() -> None:
    found = in_order([rebuild(1, 3, 1), rebuild(2, 3, 2)], [(1, 2), (2, 1)])
    assert [(each.id, each.after) for each in found] == [(2, None), (1, 2)]


_SOME = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4)), max_size=7)


@given(_SOME, st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12))
def test_each_is_there_once_behind_what_it_stands_on(
    counts: list[tuple[int, int]], stands: list[tuple[int, int]]
) -> None:
    some = [rebuild(number, *pair) for number, pair in enumerate(counts)]
    found = in_order(some, stands)
    assert sorted(each.id for each in found) == [each.id for each in some]
    met: set[int] = set()
    for each in found:
        assert each.after is None or (each.after in met and (each.id, each.after) in stands)
        met.add(each.id)
