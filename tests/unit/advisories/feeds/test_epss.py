"""The epss feed: a score a line."""

from __future__ import annotations

import pytest
from hypothesis import given

from hullmark.advisories.feeds.epss import FEED
from hullmark.model.advisory import Exploitability
from tests.support.advisories import Bytes, document, sample
from tests.unit.advisories.feeds.reading import crawled, damaged, gzipped, in_memory, read

URL = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"
GOOD = b"#model_version:v2025.03.14,score_date:2026-08-16T00:00:00+0000\ncve,epss,percentile\nCVE-1999-0001,0.03351,0.8765\n"


def test_a_line_is_a_score_of_the_day_in_the_comment() -> None:
    records, problems = read(FEED, gzipped(Bytes(URL, GOOD)))
    assert records == [Exploitability("CVE-1999-0001", 0.03351, 0.8765, "2026-08-16")]
    assert not problems


@pytest.mark.parametrize(
    "line", ["CVE-1,x,0.5", "CVE-1,0.5", "CVE-1,nan,0.5", "CVE-1,2,0.5", "CVE-1,inf,0.1", "x,0.1,0.1", ""]
)
def test_a_line_that_is_no_score_costs_only_itself(line: str) -> None:
    records, problems = read(FEED, Bytes(URL, GOOD.replace(b"CVE-1999", line.encode() + b"\nCVE-1999")))
    assert len(records) == 1
    assert [place for place, _ in problems] == [f"{URL} line 3"]


def test_a_document_with_other_columns_is_not_read() -> None:
    records, problems = read(FEED, sample("vunnel-misc", "epss/invalid-header.csv"))
    assert not records
    assert len(problems) == 1


def test_without_a_day_scores_are_read_and_the_lack_is_reported() -> None:
    records, problems = read(FEED, sample("vunnel-misc", "epss/missing-date.csv"))
    assert len(records) == 5
    assert len(problems) == 1


@pytest.mark.parametrize("share", [10, 50, 93, 99])
def test_of_scores_that_break_off_none_is_believed(share: int) -> None:
    text = Bytes(URL, GOOD + b"".join(b"CVE-2024-%04d,0.1,0.2\n" % number for number in range(9000)))
    for whole in (gzipped(text), text):
        assert len(read(FEED, whole)[0]) > 9000
        records, problems = read(FEED, Bytes(URL, whole.data[: len(whole.data) * share // 100]))
        assert not records
        assert len(problems) == 1


def test_a_mirror_may_hold_dated_files() -> None:
    assert [get.or_latest for get in crawled(FEED, lambda get: Bytes(get.url, GOOD))] == ["epss_scores-*.csv.gz"]


def test_the_real_file_holds_360142_scores() -> None:
    records, problems = read(FEED, in_memory(document("epss.empiricalsecurity.com", "epss_scores-2026-08-16.csv.gz")))
    assert (len(records), problems) == (360_142, [])
    assert isinstance(records[0], Exploitability)
    assert records[0].day == "2026-08-16"


@given(damaged(GOOD))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    for record in read(FEED, Bytes(URL, data))[0]:
        assert isinstance(record, Exploitability)
        assert 0 <= record.score <= 1
