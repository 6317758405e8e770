"""Packages that Debian supports less than the rest: debian-security-support's lists, one a release (security-support.debNN).

Columns are parted by blanks: source package, `limited` or `non-supported`; for the latter the last supported version and the day
support ended; then words. A name may be a pattern (`golang.*`); `supported` takes one name out of a pattern and says no more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Crawl, CrawlState, Document, Feed, Get, Report
from hullmark.advisories.feeds.formats.reading import lines
from hullmark.advisories.feeds.formats.wording import day_of, line_of
from hullmark.model.advisory import Record, Support

_FOLDER = "https://salsa.debian.org/debian/debian-security-support/-/raw/master"
# Mirrors may have the files as the Debian package brings them.
_PACKAGE = "debian-packages/debian-security-support"
_RELEASE = re.compile(r"security-support\.deb([0-9]{1,3})$")
_OLDEST, _NEWEST_KNOWN = 8, 14


def crawl(known: CrawlState) -> Crawl:
    """The lists of the releases known here, and of later ones for as long as there are any."""
    number = _OLDEST
    is_there = True
    while number <= _NEWEST_KNOWN or (is_there and number < 1000):
        name = f"security-support.deb{number}"
        found = yield Get(url=f"{_FOLDER}/{name}", also_at=f"{_PACKAGE}/{name}", is_optional=True)
        is_there = found is not None
        number += 1


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """A record a package and release."""
    for document in documents:
        release = _RELEASE.search(document.url)
        if release is None:
            report(document.url, "left out: its address names no release")
            continue
        for number, line in enumerate(lines(document, is_ended=True), 1):
            columns = line.split(None, 2)
            if not columns or columns[0].startswith("#"):
                continue
            record = _support(f"debian:{release[1]}", columns)
            if record is not None:
                yield record
            elif columns[1:2] != ["supported"]:
                report(
                    f"{document.url} line {number}", "left out: its second column is neither limited nor non-supported"
                )


def _support(namespace: str, columns: list[str]) -> Support | None:
    name, level, rest = (*columns, "", "")[:3]
    if level == "limited":
        return Support(namespace=namespace, name=name, source=FEED.name, level="limited", note=line_of(rest))
    if level != "non-supported":
        return None
    _, since, note = (*rest.split(None, 2), "", "", "")[:3]
    return Support(
        namespace=namespace, name=name, source=FEED.name, level="ended", since=day_of(since), note=line_of(note)
    )


FEED = Feed(
    name="debian-support",
    title="Debian packages with limited security support",
    homepage="https://wiki.debian.org/DebianSecuritySupport",
    licence="GPL-2.0-or-later",
    crawl=crawl,
    parse=parse,
    fresh_days=60,
)
