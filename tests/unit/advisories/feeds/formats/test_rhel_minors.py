"""Which fix governs which minor release."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.formats.rhel_minors import Fix, rows
from hullmark.model.advisory import Range


def governed(*fixes: tuple[str, int | None]) -> dict[int | None, list[str]]:
    return {row.minor: [span.fixed for span in row.ranges] for row in rows([Fix(evr, minor) for evr, minor in fixes])}


PINNED, GENERAL = "0:2.34-60.el9_2.7", "0:2.34-100.el9"


@pytest.mark.parametrize(
    ("fixes", "expected"),
    [
        ([], {}),
        ([(GENERAL, None)], {None: [GENERAL]}),
        ([(GENERAL, None), (PINNED, 2)], {None: [GENERAL], 0: [PINNED], 1: [PINNED], 2: [PINNED]}),
        ([("0:1-2.el9", 1), ("0:1-1.el9", None)], {None: ["0:1-2.el9"]}),
        ([("0:1-2.el9_1", 1), ("0:1-1.el9_1", 1)], {None: ["0:1-2.el9_1"]}),
        ([("0:1-9.el9_3", 3), ("0:1-5.el9_1", 1)], {None: ["0:1-9.el9_3"], 0: ["0:1-5.el9_1"], 1: ["0:1-5.el9_1"]}),
        ([("0:1-9.module+el8.5.0", None), ("0:1-5.el8_1", 1)], {None: ["0:1-5.el8_1"]}),
    ],
)
def test_a_minor_has_a_row_where_its_fix_is_another(
    fixes: list[tuple[str, int | None]], expected: dict[int | None, list[str]]
) -> None:
    assert governed(*fixes) == expected


def test_fixes_in_several_upstream_versions_are_ranges_and_not_minors() -> None:
    (row,) = rows(
        [Fix("0:3.9.19-8.el9", 5, "RHSA-2", "2024-11-12"), Fix("0:3.9.18-3.el9_4.5", 4, "RHSA-1", "2024-09-03")]
    )
    assert row.ranges == (
        Range(high="0:3.9.18-3.el9_4.5", fixed="0:3.9.18-3.el9_4.5"),
        Range(low="0:3.9.19", high="0:3.9.19-8.el9", fixed="0:3.9.19-8.el9"),
    )
    assert (row.announcements, row.day) == (("RHSA-2", "RHSA-1"), "2024-09-03")


@given(st.dictionaries(st.integers(0, 11), st.integers(1, 99), min_size=1), st.integers(0, 14))
def test_a_host_is_judged_by_the_fix_of_the_lowest_minor_that_is_not_before_its_own(
    fixes: dict[int, int], host: int
) -> None:
    found = governed(*((f"0:1-{release}.el9_{minor}", minor) for minor, release in fixes.items()))
    later = [minor for minor in fixes if minor >= host]
    governing = min(later) if later else max(fixes)
    assert found.get(host, found[None]) == [f"0:1-{fixes[governing]}.el9_{governing}"]
