"""Victims' database (https://github.com/victims/victims-cve-db), which ended in 2020: YAML files for Java and Python.

Versions are written `<=2.0.11.2,2.0`: up to 2.0.11.2, within the series 2.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import msgspec
from msgspec.structs import replace

from hullmark.feeds.feed import Document, Feed, Get, Report, crawl_of
from hullmark.feeds.formats import yamls
from hullmark.feeds.formats.archives import members
from hullmark.feeds.formats.cvss import severity_of_ratings
from hullmark.feeds.formats.ecosystems import pypi_name
from hullmark.feeds.formats.osv_affected import fix_state_of
from hullmark.feeds.formats.reading import UNREADABLE, newest_first
from hullmark.feeds.formats.spans import without
from hullmark.feeds.formats.wording import line_of, links_of
from hullmark.model.advisory import Advisory, AffectedPackage, Cvss, Range
from hullmark.versions import Scheme, maven, pep440

_FOLDER = "/database/"
_VERSION = re.compile(r"(<=|<|>=|>|==?)\s*([^,\s]+)\s*(?:,\s*([^,\s]+))?").fullmatch
_LAST_NUMBER = re.compile(r"[0-9]{1,9}$").search


class _Affected(msgspec.Struct, rename={"group": "groupId", "artifact": "artifactId"}):
    group: str = ""
    artifact: str = ""
    name: str = ""
    version: list[str] = []
    fixedin: list[str] = []


class _Entry(msgspec.Struct):
    cve: str
    affected: list[_Affected]
    title: str = ""
    references: list[str] | None = None
    cvss_v2: float | None = None
    cvss_v3: float | None = None


def parse(documents: Sequence[Document], report: Report) -> Iterator[Advisory]:
    """One advisory a CVE: a file for Java and one for Python of the same are joined."""
    for document, seen in newest_first(documents):
        advisories: dict[str, Advisory] = {}
        for place, data in members(document, report, (".yaml",)):
            if _FOLDER not in place:
                continue
            try:
                advisory = _advisory(msgspec.convert(yamls.load(data), _Entry))
            except (ValueError, *UNREADABLE) as error:
                report(place, str(error))
                continue
            known = advisories.get(advisory.id)
            advisories[advisory.id] = (
                replace(known, affected=(*known.affected, *advisory.affected)) if known else advisory
            )
        yield from (advisory for name, advisory in advisories.items() if name not in seen)
        seen.update(advisories)


def _advisory(entry: _Entry) -> Advisory:
    scores = (("2.0", entry.cvss_v2), ("3.0", entry.cvss_v3))
    ratings = tuple(Cvss(version=version, vector="", score=score) for version, score in scores if score is not None)
    return Advisory(
        id=f"CVE-{entry.cve.removeprefix('CVE-')}",
        source=FEED.name,
        severity=severity_of_ratings(ratings),
        cvss=ratings,
        summary=line_of(entry.title),
        references=links_of(entry.references or ()),
        affected=tuple(map(_affected, entry.affected)),
    )


def _affected(told: _Affected) -> AffectedPackage:
    is_java = bool(told.group and told.artifact)
    if not is_java and not told.name:
        raise ValueError("it names no package")
    scheme = maven.SCHEME if is_java else pep440.SCHEME
    ranges = _ranges(told.version, told.fixedin, scheme)
    return AffectedPackage(
        namespace="maven" if is_java else "pypi",
        name=f"{told.group}:{told.artifact}" if is_java else pypi_name(told.name),
        scheme=scheme.name,
        ranges=ranges,
        fix_state=fix_state_of(ranges),
    )


def _ranges(versions: Iterable[str], fixedin: Iterable[str], scheme: Scheme) -> tuple[Range, ...]:
    fixed = [*map(_range, fixedin)]
    fixes = [span for span in fixed if span.low and not span.low_open]
    return without(map(_range, versions), fixed, fixes, scheme)


def _range(text: str) -> Range:
    found = _VERSION(text.strip())
    if found is None:
        raise ValueError(f"cannot read the versions {text[:60]!r}")
    operator, version, series = found.groups()
    if operator in ("=", "=="):
        return Range(low=version, high=version, high_open=False)
    if operator in ("<", "<="):
        return Range(low=series or "", high=version, high_open=operator == "<")
    return Range(low=version, low_open=operator == ">", high=_after(series) if series else "")


def _after(series: str) -> str:
    """Where a series of versions ends: `2.0` before 2.1."""
    last = _LAST_NUMBER(series)
    return f"{series[: last.start()]}{int(last[0]) + 1}" if last else ""


FEED = Feed(
    name="victims",
    title="Victims CVE database",
    homepage="https://github.com/victims/victims-cve-db",
    licence="CC-BY-SA-4.0",
    crawl=crawl_of(Get(url="https://github.com/victims/victims-cve-db/archive/refs/heads/master.tar.gz")),
    parse=parse,
    fresh_days=3650,
)
