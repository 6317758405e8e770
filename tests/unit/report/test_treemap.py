"""Treemaps: areas are as the sizes, nothing overlaps, nothing leaves the frame."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from hullmark.report.treemap import Rectangle, treemap

SIDES = st.floats(1, 5_000)


@given(st.lists(st.integers(1, 10**11), max_size=40), SIDES, SIDES, st.booleans())
@example([10**11] + [1] * 30, 5_000, 1, True)
def test_areas_are_as_the_sizes_and_fill_the_frame_without_overlap(
    sizes: list[int], width: float, height: float, is_sorted: bool
) -> None:
    frame = Rectangle(3, 5, width, height)
    sizes = sorted(sizes, reverse=True) if is_sorted else sizes
    places = treemap(sizes, frame)
    area, nearly = width * height, 1e-6 * max(width, height)
    assert [place.width * place.height for place in places] == pytest.approx(
        [area * size / sum(sizes) for size in sizes], rel=1e-3, abs=area * 1e-9
    )
    for each in places:
        assert each.x >= 3 - nearly
        assert each.y >= 5 - nearly
        assert each.x + each.width <= 3 + width + nearly
        assert each.y + each.height <= 5 + height + nearly
    for one, other in combinations(places, 2):
        apart = (
            one.x + one.width <= other.x + nearly
            or other.x + other.width <= one.x + nearly
            or one.y + one.height <= other.y + nearly
            or other.y + other.height <= one.y + nearly
        )
        assert apart, (one, other)


def test_rectangles_are_as_square_as_they_can_be() -> None:
    """The example of the paper: 6, 6, 4, 3, 2, 2, 1 in a frame of 6 by 4."""
    places = treemap((6, 6, 4, 3, 2, 2, 1), Rectangle(0, 0, 6, 4))
    assert places[0] == pytest.approx((0, 0, 3, 2))
    assert places[1] == pytest.approx((0, 2, 3, 2))
    assert max(max(place.width / place.height, place.height / place.width) for place in places) < 3


def test_nothing_has_no_place() -> None:
    assert treemap((), Rectangle(0, 0, 1, 1)) == []


def test_what_is_too_small_to_be_drawn_shares_what_is_left() -> None:
    places = treemap((1e300, 1.0, 1.0), Rectangle(0, 0, 4, 2))
    assert places == [Rectangle(0, 0, 4, 2), Rectangle(4, 0, 0, 2), Rectangle(4, 0, 0, 2)]
