"""How sources word things."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hullmark.advisories.feeds.formats.wording import (
    cves_in,
    day_of,
    is_cve,
    line_of,
    links_of,
    severity_of,
    severity_of_score,
)


@pytest.mark.parametrize(
    ("word", "severity"),
    [
        ("Important", "high"),
        (" moderate ", "medium"),
        ("URGENT", "critical"),
        ("None", "negligible"),
        ("odd", "unknown"),
        ("", "unknown"),
    ],
)
def test_words_are_severities(word: str, severity: str) -> None:
    assert severity_of(word) == severity


@pytest.mark.parametrize(
    ("score", "severity"),
    [
        (10, "critical"),
        (9, "critical"),
        (8.9, "high"),
        (7, "high"),
        (6.9, "medium"),
        (4, "medium"),
        (0.1, "low"),
        (0, "unknown"),
    ],
)
def test_scores_are_severities(score: float, severity: str) -> None:
    assert severity_of_score(score) == severity


def test_cves_are_found_once_in_their_order() -> None:
    assert cves_in("CVE-2024-0002, CVE-2024-0001 (CVE-2024-0002) XCVE-2024-0003 CVE-24-1") == (
        "CVE-2024-0002",
        "CVE-2024-0001",
    )
    assert is_cve("CVE-2024-0001")
    assert not is_cve("CVE-2024-0001x")


@pytest.mark.parametrize(
    ("text", "day"),
    [("2024-01-02T03:04:05Z", "2024-01-02"), ("2024-01-02", "2024-01-02"), ("2024", ""), ("2024-01-022", ""), ("", "")],
)
def test_a_moment_begins_with_its_day(text: str, day: str) -> None:
    assert day_of(text) == day


@given(st.text())
def test_a_line_has_at_most_300_characters_and_no_line_breaks(text: str) -> None:
    line = line_of(text)
    assert len(line) <= 300
    assert len(line.splitlines()) <= 1


def test_at_most_ten_links_of_the_web_are_kept_each_once() -> None:
    urls = ["ftp://x", "https://a", "https://a", "http://b", *(f"https://c/{number}" for number in range(20))]
    links = links_of(urls)
    assert links[:2] == ("https://a", "http://b")
    assert len(links) == 10
