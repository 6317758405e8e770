"""SAP's project KB (https://github.com/SAP/project-kb): statements which versions of artifacts hold the vulnerable code."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from hullmark.advisories.feeds.feed import Document, Feed, Get, RecordFault, Report, crawl_of, reason_of
from hullmark.advisories.feeds.formats import yamls
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.ecosystems import Ecosystem, ecosystem_of
from hullmark.advisories.feeds.formats.names import names_at
from hullmark.advisories.feeds.formats.reading import UNREADABLE, newest_first
from hullmark.advisories.feeds.formats.wording import line_of
from hullmark.model.advisory import Advisory, AffectedPackage, Kind
from hullmark.model.purl import unquote

_FILE = "/statement.yaml"
_ECOSYSTEMS = {"maven": "Maven", "npm": "npm", "pypi": "PyPI"}


class _Artifact(msgspec.Struct):
    id: str
    affected: bool


class _Note(msgspec.Struct):
    text: str = ""


class _Statement(msgspec.Struct):
    vulnerability_id: str
    notes: list[_Note] | None = None
    artifacts: list[_Artifact] | None = None


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a statement, under its CVE. Versions found to be safe are `unaffected`; some statements name no artifacts."""
    for document, seen in newest_first(documents):
        for place, data in members(document, (_FILE,)):
            try:
                statement = msgspec.convert(yamls.load(data), _Statement)
            except (ValueError, *UNREADABLE) as error:
                report(place, reason_of(error, _names(data)))
                continue
            if not statement.vulnerability_id:
                report(place, RecordFault("it names no vulnerability", _names(data)))
            elif statement.vulnerability_id not in seen:
                seen.add(statement.vulnerability_id)
                yield _advisory(statement, report, place)


def _names(data: bytes) -> frozenset[str] | None:
    try:
        return names_at(yamls.load(data), "artifacts.*.id")
    except ValueError:
        return None


def _advisory(statement: _Statement, report: Report, place: str) -> Advisory:
    versions: dict[tuple[Ecosystem, str, Kind], dict[str, None]] = {}
    for artifact in statement.artifacts or ():
        parts = _artifact(artifact.id)
        if parts is None:
            report(place, f"{artifact.id[:100]!r} names no version of a package")
            continue
        ecosystem, name, version = parts
        kind: Kind = "affected" if artifact.affected else "unaffected"
        versions.setdefault((ecosystem, name, kind), {})[version] = None
    for (ecosystem, name, kind), found in versions.items():
        if kind == "unaffected":  # in doubt, affected
            for version in versions.get((ecosystem, name, "affected"), ()):
                found.pop(version, None)
    return Advisory(
        id=statement.vulnerability_id,
        source=FEED.name,
        summary=line_of(" ".join(note.text for note in statement.notes or ())),
        references=(
            f"https://github.com/SAP/project-kb/tree/vulnerability-data/statements/{statement.vulnerability_id}",
        ),
        affected=tuple(
            AffectedPackage(
                namespace=ecosystem.namespace,
                name=name,
                scheme=ecosystem.scheme,
                kind=kind,
                versions=tuple(sorted(found)),
            )
            for (ecosystem, name, kind), found in sorted(versions.items(), key=lambda item: item[0][1:])
            if found
        ),
    )


def _artifact(purl: str) -> tuple[Ecosystem, str, str] | None:
    """Ecosystem, name and version of a purl; None if it lacks one of them."""
    path, _, version = purl.partition("?")[0].partition("#")[0].rpartition("@")
    kind, _, rest = path.removeprefix("pkg:").partition("/")
    ecosystem = ecosystem_of(_ECOSYSTEMS[kind]) if kind in _ECOSYSTEMS else None
    if ecosystem is None or not version or not rest:
        return None
    parts = [unquote(part) for part in rest.split("/") if part]
    return ecosystem, ecosystem.spelling((":" if kind == "maven" else "/").join(parts)), unquote(version)


FEED = Feed(
    name="sap",
    title="SAP project KB",
    homepage="https://github.com/SAP/project-kb",
    licence="Apache-2.0",
    crawl=crawl_of(Get(url="https://github.com/SAP/project-kb/archive/refs/heads/vulnerability-data.tar.gz")),
    parse=parse,
    fresh_days=365,
)
