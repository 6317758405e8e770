"""Releases of products and until when they are maintained (https://endoflife.date): its API v1, v0, or its sources.

v1 is one JSON document of all products, v0 one JSON file per product, the sources are Markdown with YAML before the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from hullmark.advisories.feeds.feed import Crawl, CrawlState, Document, Feed, Get, Report, reason_of
from hullmark.advisories.feeds.formats import yamls
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.reading import decode, document_of
from hullmark.advisories.feeds.formats.wording import day_of
from hullmark.model.advisory import Lifecycle, Record

_V1 = "https://endoflife.date/api/v1/products/full"
_V0 = "https://endoflife.date/api.zip"
_SOURCES = "https://github.com/endoflife-date/endoflife.date/archive/refs/heads/master.tar.gz"
_FRONT_MATTER = re.compile(rb"---\r?\n(.*?)\r?\n---", re.DOTALL)

_IDS = {
    "alpine-linux": "alpine",
    "amazon-linux": "amzn",
    "antix-linux": "antix",
    "centos-stream": "centos",
    "clearlinux": "clear-linux-os",
    "mxlinux": "mx",
    "opensuse": "opensuse-leap",
    "oracle-linux": "ol",
    "pop-os": "pop",
    "rocky-linux": "rocky",
    "suse-linux-micro": "sl-micro",
    "vmware-photon": "photon",
    "azure-linux": "azurelinux",
    "cbl-mariner": "mariner",
}
"""endoflife.date's name → what os-release calls the distribution, where the two differ."""

_STREAM_ONLY_FROM = 9
"""CentOS Linux and Stream share the os-release id; release 8 was both, and Linux ended earlier."""


class _V0Release(msgspec.Struct, rename="camel"):
    cycle: str | int | float
    codename: str | None = None
    release_date: str | bool | None = None
    eol: str | bool | None = None
    extended_support: str | bool | None = None
    latest: str | int | float | None = None


class _Latest(msgspec.Struct):
    name: str | None = None


class _V1Release(msgspec.Struct, rename="camel"):
    name: str
    codename: str | None = None
    release_date: str | None = None
    is_eol: bool = False
    eol_from: str | None = None
    eoes_from: str | None = None
    latest: _Latest | None = None


class _V1Product(msgspec.Struct):
    name: str
    releases: list[msgspec.Raw] = []


class _V1Products(msgspec.Struct):
    result: list[msgspec.Raw]


class _SourceRelease(msgspec.Struct, rename="camel"):
    release_cycle: str | int | float
    codename: str | None = None
    release_date: str | bool | None = None
    eol: str | bool | None = None
    eoes: str | bool | None = None
    latest: str | int | float | None = None


_V0_RELEASES = msgspec.json.Decoder(list[msgspec.Raw])
_V0_RELEASE = msgspec.json.Decoder(_V0Release)
_V1_PRODUCTS = msgspec.json.Decoder(_V1Products)
_V1_PRODUCT = msgspec.json.Decoder(_V1Product)
_V1_RELEASE = msgspec.json.Decoder(_V1Release)


def crawl(known: CrawlState) -> Crawl:
    """The first of the three forms that is there."""
    for url in (_V1, _V0):
        if (yield Get(url=url, is_optional=True)) is not None:
            return
    yield Get(url=_SOURCES)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """One record per release. `product` is the os-release id of distributions, else endoflife.date's name."""
    for document in documents:
        if document.url.endswith((".zip", ".tar.gz")):
            for name, data in members(document, (".json", ".md")):
                yield from _file(name, data, report)
        else:
            yield from _v1(document, report)


def _file(name: str, data: bytes, report: Report) -> Iterator[Lifecycle]:
    folder, _, base = name.rpartition("/")
    product, _, suffix = base.rpartition(".")
    if suffix == "json":
        cycles = decode(_V0_RELEASES, data, name, report) or []
        for number, raw in enumerate(cycles):
            cycle = decode(_V0_RELEASE, raw, f"{name} release {number}", report)
            if cycle is not None:
                ends = (cycle.release_date, cycle.eol, cycle.extended_support)
                yield _lifecycle(product, str(cycle.cycle), cycle.codename, ends, cycle.latest)
    elif folder.endswith("products"):
        for release in _source(name, data, report):
            ends = (release.release_date, release.eol, release.eoes)
            yield _lifecycle(product, str(release.release_cycle), release.codename, ends, release.latest)


def _v1(document: Document, report: Report) -> Iterator[Lifecycle]:
    everything = document_of(_V1_PRODUCTS, document)
    for number, raw in enumerate(everything.result):
        product = decode(_V1_PRODUCT, raw, f"{document.url} product {number}", report)
        for item in product.releases if product else ():
            release = decode(_V1_RELEASE, item, f"{document.url} {product.name if product else ''}", report)
            if product and release:
                ends = (release.release_date, release.eol_from or release.is_eol, release.eoes_from)
                latest = release.latest.name if release.latest else None
                yield _lifecycle(product.name, release.name, release.codename, ends, latest)


def _source(name: str, data: bytes, report: Report) -> Iterator[_SourceRelease]:
    front = _FRONT_MATTER.match(data)
    if front is None:
        return
    try:
        loaded: Any = yamls.load(front[1])
        releases = loaded.get("releases") if isinstance(loaded, dict) else None
    except ValueError as error:
        report(name, reason_of(error))
        return
    for number, release in enumerate(releases if isinstance(releases, list) else ()):
        try:
            yield msgspec.convert(release, _SourceRelease)
        except msgspec.ValidationError as error:
            report(f"{name} release {number}", f"left out: {error}")


def _lifecycle(
    product: str,
    release: str,
    codename: str | None,
    ends: tuple[str | bool | None, str | bool | None, str | bool | None],
    latest: str | float | None,
) -> Lifecycle:
    released, eol, extended = (day_of(end) if isinstance(end, str) else "" for end in ends)
    return Lifecycle(
        product=_product(product, release),
        release=release,
        source=FEED.name,
        codename=codename or "",
        released=released,
        eol=eol,
        extended=extended,
        latest="" if latest is None else str(latest),
        is_ended=ends[1] is True,
    )


def _product(name: str, release: str) -> str:
    if name == "centos-stream" and release.isascii() and release.isdigit() and int(release[:6]) < _STREAM_ONLY_FROM:
        return name
    return _IDS.get(name, name)


FEED = Feed(
    name="endoflife",
    title="endoflife.date",
    homepage="https://endoflife.date",
    licence="MIT",
    crawl=crawl,
    parse=parse,
    fresh_days=30,
)
