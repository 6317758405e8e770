"""Releases of Debian and Ubuntu and until when they are supported: the tables of distro-info-data (salsa.debian.org, CSV)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence

from hullmark.advisories.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.archives import convert_damage_errors
from hullmark.advisories.feeds.formats.reading import lines
from hullmark.advisories.feeds.formats.wording import day_of
from hullmark.model.advisory import Lifecycle, Record

_FOLDER = "https://salsa.debian.org/debian/distro-info-data/-/raw/main"
# Mirrors may have the files as the Debian package brings them.
_PACKAGE = "debian-packages/distro-info-data"
_PRODUCTS = ("debian", "ubuntu")
_ENDS = ("eol", "eol-server")
_EXTENDED = ("eol-lts", "eol-esm")
"""The longer support that anybody can have: Debian's LTS, Ubuntu's ESM."""


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """A record a release; those without a version (sid) go by their codename."""
    for document in documents:
        product = document.url.rpartition("/")[2].removesuffix(".csv")
        if product not in _PRODUCTS:
            report(document.url, "left out: its address names no distribution")
            continue
        with convert_damage_errors(document, "it cannot be read to its end", (csv.Error,)):
            for row in csv.DictReader(lines(document, is_ended=True)):
                if row.get("series"):
                    yield _lifecycle(product, {str(key): value for key, value in row.items() if isinstance(value, str)})
                else:
                    report(document.url, "left out: a row without a codename")


def _lifecycle(product: str, row: dict[str, str]) -> Lifecycle:
    version = (row.get("version", "").split() or [row["series"]])[0]
    return Lifecycle(
        product=product,
        release=version,
        source=FEED.name,
        codename=row["series"],
        released=day_of(row.get("release", "")),
        eol=max(day_of(row.get(column, "")) for column in _ENDS),
        extended=max(day_of(row.get(column, "")) for column in _EXTENDED),
    )


FEED = Feed(
    name="distro-info",
    title="Debian and Ubuntu releases",
    homepage="https://salsa.debian.org/debian/distro-info-data",
    licence="ISC",
    crawl=crawl_of(
        *(Get(url=f"{_FOLDER}/{product}.csv", also_at=f"{_PACKAGE}/{product}.csv") for product in _PRODUCTS)
    ),
    parse=parse,
    fresh_days=60,
)
