"""FIRST's EPSS scores of a day (https://www.first.org/epss/data_stats): a comment with the day, a heading, a line a CVE."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import DamagedDocument, Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.reading import lines
from hullmark.advisories.feeds.formats.wording import day_of
from hullmark.model.advisory import Exploitability, Record

_HEADING = "cve,epss,percentile"
_DAY = re.compile(r"\bscore_date:([0-9T:+-]+)")


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """A score a line. Raises DamagedDocument, also for one without the heading: its columns could mean anything."""
    for document in documents:
        yield from _scores(document, report)


def _scores(document: Document, report: Report) -> Iterator[Exploitability]:
    rows = lines(document, is_ended=True)
    first = next(rows, "")
    day = ""
    if first.startswith("#"):
        found = _DAY.search(first)
        day = day_of(found[1]) if found else ""
        first = next(rows, "")
    if first != _HEADING:
        raise DamagedDocument(document.url, f"its heading is not {_HEADING!r}")
    if not day:
        report(document.url, "it does not say of which day it is")
    for number, row in enumerate(rows, 3):
        cve, _, rest = row.partition(",")
        score, _, percentile = rest.partition(",")
        try:
            values = float(score), float(percentile)
        except ValueError:
            report(f"{document.url} line {number}", "left out: it has no two numbers")
            continue
        if cve[:4] == "CVE-" and 0.0 <= values[0] <= 1.0 and 0.0 <= values[1] <= 1.0:
            yield Exploitability(cve, *values, day)
        else:
            report(f"{document.url} line {number}", "left out: it is not a score of a CVE")


FEED = Feed(
    name="epss",
    title="Exploit Prediction Scoring System",
    homepage="https://www.first.org/epss",
    licence="free to use, FIRST asks to be named",
    crawl=crawl_of(
        Get(url="https://epss.empiricalsecurity.com/epss_scores-current.csv.gz", or_latest="epss_scores-*.csv.gz")
    ),
    parse=parse,
    fresh_days=3,
    least_records=150_000,
)
