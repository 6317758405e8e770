"""What is said of advisories that do not cover packages can be read again from whatever sentence it stands in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.match.advisory_source import Extent
from hullmark.advisories.match.coverage import lasting_gap
from hullmark.advisories.match.coverage_words import Lack, lacks_in, none_for, part_for, past_its_end, until

NAMES = ("npm", "debian:13", "rhel:9.4", "Alpine 3.15", "programs that no package manager installed (NVD)")
OLD = f"{until('npm', '2026-03-01')}, 61 days ago: what came since is not known"
SAID = [
    *((none_for(name), Lack(name, "none")) for name in NAMES),
    *((part_for(name, is_given=given), Lack(name, "a part")) for name in NAMES for given in (True, False)),
    *((until(name, "2026-03-01"), Lack(name, "all until 2026-03-01")) for name in NAMES),
    (OLD, Lack("npm", "all until 2026-03-01")),
    (past_its_end("Debian 8", "2025-06-30"), Lack("Debian 8", "2025-06-30", is_end=True)),
    (past_its_end("Debian 8", ""), Lack("Debian 8", "ended", is_end=True)),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "lack"), SAID)
@pytest.mark.parametrize(
    "around",
    [
        "{}",
        "the rule no-high cannot be judged: not everything could be seen: {}",
        "It cannot be told whether the rule fires: not everything could be seen: {}. Update it.",
        "Of vulnerabilities in x 1 (deb) nothing can be said: {}.",
        "{}; issues that are not fixed yet are unknown",
        "{}; and 2 more",
        "nothing can be said of the system's packages: {}",
    ],
)
def test_it_is_read_again_as_it_was_said(reason: str, lack: Lack, around: str) -> None:
    assert list(lacks_in(around.format(reason))) == [lack]


def test_several_are_read_in_their_order() -> None:
    assert [lack.about for lack in lacks_in("; ".join(reason for reason, _ in SAID[:4]))] == list(NAMES[:4])


@given(st.text() | st.sampled_from([reason for reason, _ in SAID]).map(lambda reason: reason[:-3] * 3))
def test_any_text_is_read(text: str) -> None:
    assert all(lack.about and lack.covers for lack in lacks_in(text))


@pytest.mark.parametrize(
    ("extent", "at", "reason"),
    [
        (None, "2026-05-01", "the snapshot has no advisories for npm"),
        (Extent(1, "", "2026-03-01", 30), "2026-03-31", ""),
        (Extent(1, "", "2026-03-01", 30), "2026-05-01", "the advisories for npm end on 2026-03-01"),
        (Extent(1, "", "2026-03-01", 30), "2026-05-02", "the advisories for npm end on 2026-03-01"),
        (Extent(1, "", "2026-03-01"), "", ""),
    ],
)
def test_why_a_namespace_does_not_tell_all_is_said_without_words_of_the_day(
    extent: Extent | None, at: str, reason: str
) -> None:
    assert lasting_gap("npm", extent, at) == reason


@pytest.mark.parametrize("other", [Extent(2, "2026-03-02", "soon", 30), Extent(2, "2026-03-02", "2026-03-05", 10**9)])
def test_of_two_feeds_one_whose_end_is_not_a_day_does_not_count_as_whole(other: Extent) -> None:
    whole = Extent(1, "2026-03-01", "2026-03-01", 30)
    expected = Extent(3, "2026-03-02", "2026-03-01", 30)
    assert whole.beside(other) == other.beside(whole) == expected
