"""A VEX repository: an archive whose `index.json` says which document speaks of which package.

The layout is that of the VEX Repository Specification v0.1 (https://github.com/aquasecurity/vex-repo-spec, part 3). A document
is believed on the package that the index names it for, and on nothing else: its author need not be anybody else's.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import DamagedDocument, Document, Feed, Get, Report, crawl_of
from hullmark.advisories.feeds.formats.archives import convert_damage_errors, members
from hullmark.advisories.feeds.formats.reading import UNREADABLE
from hullmark.advisories.feeds.formats.vex import statements_of
from hullmark.model.advisory import Record, Statement
from hullmark.model.purl import unquote

_ARCHIVE = "https://github.com/aquasecurity/vexhub/archive/refs/heads/main.tar.gz"
_INDEX_NAME = "index.json"


class _Package(msgspec.Struct):
    id: str
    location: str


class _Index(msgspec.Struct):
    packages: list[_Package] = []


_INDEX = msgspec.json.Decoder(_Index)


def parse(documents: Sequence[Document], report: Report) -> Iterator[Record]:
    """The statements that each archive's index leads to. Documents that it names and that are missing are reported."""
    for document in documents:
        wanted = _read_index(document, report)
        there: set[str] = set()
        for name, data in members(document, (".json",)) if wanted else ():
            if name in wanted:
                there.add(name)
                yield from _about(wanted[name], statements_of(data, FEED.name, report, name), report, name)
        for name in wanted:
            if name not in there:
                ids = ", ".join(wanted[name][:3])
                report(f"{document.url} {name}", f"it is not in the archive, but the index names it for {ids}")


def _read_index(document: Document, report: Report) -> dict[str, list[str]]:
    """What the packages are whom a member of the archive may speak of, by its name. The index at the top is the archive's."""
    found: tuple[str, bytes] | None = None
    for name, data in members(document, (_INDEX_NAME,)):
        is_index = name.rpartition("/")[2] == _INDEX_NAME
        if is_index and (found is None or name.count("/") < found[0].count("/")):
            found = name, data
    if found is None:
        raise DamagedDocument(document.url, f"it holds no {_INDEX_NAME}")
    with convert_damage_errors(document, f"{found[0]} cannot be read", UNREADABLE):
        index = _INDEX.decode(found[1])
    wanted: dict[str, list[str]] = {}
    for package in index.packages:
        wanted.setdefault(found[0].removesuffix(_INDEX_NAME) + package.location, []).append(package.id)
    return wanted


def _about(ids: Iterable[str], statements: Iterable[Statement], report: Report, place: str) -> Iterator[Statement]:
    """The statements, as far as they are about the packages of these ids."""
    names = [_parse_purl(id) for id in ids]
    others = 0
    for statement in statements:
        products = tuple(product for product in statement.products if any(_is(product, *name) for name in names))
        if products:
            yield msgspec.structs.replace(statement, products=products)
        else:
            others += 1
    if others:
        report(place, f"{others} statements are left out: they are about what the index does not name the document for")


def _is(product: str, bare: str, repository: str) -> bool:
    name, of = _parse_purl(product)
    return name == bare and repository in ("", of)


def _parse_purl(purl: str) -> tuple[str, str]:
    """A purl without version, and its repository_url ("" for none): images of one name are told apart by it."""
    head, _, query = purl.partition("#")[0].partition("?")
    bare, at, version = head.rpartition("@")
    pairs = (pair.partition("=") for pair in query.split("&"))
    repository = next((value for key, _, value in pairs if key.lower() == "repository_url"), "")
    return unquote(bare if at and "/" not in version else head).lower(), unquote(repository).lower()


FEED = Feed(
    name="vexhub",
    title="VEX Hub",
    homepage="https://github.com/aquasecurity/vexhub",
    licence="Apache-2.0",
    crawl=crawl_of(Get(url=_ARCHIVE)),
    parse=parse,
    fresh_days=30,
)
