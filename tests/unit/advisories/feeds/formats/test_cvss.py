"""Scores of CVSS vectors: FIRST's own examples, and what is not a vector."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.formats.cvss import rating_of, severity_of_ratings
from hullmark.model.advisory import Cvss


@pytest.mark.parametrize(
    ("vector", "version", "score"),
    [
        ("AV:N/AC:L/Au:N/C:N/I:N/A:C", "2.0", 7.8),
        ("(AV:N/AC:L/Au:N/C:P/I:P/A:P)", "2.0", 7.5),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", "3.0", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", "3.1", 6.4),
        ("CVSS:3.1/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N", "3.1", 3.1),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:N/I:N/A:N", "3.1", 0.0),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "4.0", 9.3),
        ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", "4.0", 7.3),
    ],
)
def test_a_vector_has_the_score_that_first_gives_it(vector: str, version: str, score: float) -> None:
    rating = rating_of(vector)
    assert rating is not None
    assert (rating.version, rating.score) == (version, score)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "CVSS:3.1/AV:N",
        "CVSS:9.9/AV:N/AC:L",
        "7.5",
        "CVSS:3.1/" + "AV:N/" * 200,
        "CVSS:3.1/AV:Ñ/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H",
    ],
)
def test_what_is_no_whole_vector_has_no_score(text: str) -> None:
    assert rating_of(text) is None


@given(
    st.text(max_size=60) | st.text(alphabet="CVSS:3.104/AVNLHPRUI", max_size=60).map(lambda rest: f"CVSS:4.0/{rest}")
)
def test_any_text_has_a_score_or_none(text: str) -> None:
    rating = rating_of(text)
    assert rating is None or 0 <= rating.score <= 10


def test_the_newest_version_decides_and_version_2_knows_no_critical() -> None:
    old, new = Cvss("2.0", "", 10.0), Cvss("3.1", "", 5.0)
    assert severity_of_ratings([old]) == "high"
    assert severity_of_ratings([old, new]) == "medium"
    assert severity_of_ratings([new, Cvss("4.0", "", 9.1)]) == "critical"
    assert severity_of_ratings([]) == "unknown"
