"""The secdb format of apk distributions: package → fixing version → ids (https://secdb.alpinelinux.org), as JSON or YAML.

A fixing version `0` says that the package was never affected. Items may hold several ids parted by spaces: those that are no
CVE are other names of the CVE beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from hullmark.advisories.feeds.feed import DamagedDocument, Document, RecordFault, Report
from hullmark.advisories.feeds.formats import yamls
from hullmark.advisories.feeds.formats.names import names_at
from hullmark.advisories.feeds.formats.reading import UNREADABLE, content
from hullmark.advisories.feeds.formats.wording import is_cve
from hullmark.model.advisory import EVERY_VERSION, Advisory, AffectedPackage, Range

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_]*-[A-Za-z0-9_:.-]*[A-Za-z0-9]").fullmatch
_MISWRITTEN = re.compile(r"\bCVE[_ -]([0-9]{4}-[0-9]{4,19})(?:\.patch|-[0-9])?(?![\w-])")
_REMARK = re.compile(r"\([^()]*\)")
_NEVER_AFFECTED = "0"


class Fix(NamedTuple):
    """In `version` (`0`: in every one) the package is free of what has this id and these other ids."""

    package: str
    version: str
    id: str
    aliases: tuple[str, ...] = ()


class _Secdb(msgspec.Struct):
    packages: list[Any] | None = None


class _Package(msgspec.Struct):
    name: str
    secfixes: dict[str, list[str] | None] | None = None


class _Item(msgspec.Struct):
    pkg: _Package


def fixes_of(document: Document, report: Report) -> Iterator[Fix]:
    """What a document says, in its order. A package that cannot be read costs only itself. Raises DamagedDocument."""
    data = content(document)
    try:
        raw = yamls.load(data) if document.url.endswith((".yaml", ".yml")) else msgspec.json.decode(data)
        items = msgspec.convert(raw, _Secdb).packages or []
    except (*UNREADABLE, ValueError) as error:
        raise DamagedDocument(document.url, f"it cannot be read: {error}") from error
    for number, item in enumerate(items):
        try:
            package = msgspec.convert(item, _Item).pkg
        except msgspec.ValidationError as error:
            report(
                f"{document.url} package {number}",
                RecordFault(f"it cannot be read: {error}", names_at(item, "pkg.name")),
            )
            continue
        for version, entries in (package.secfixes or {}).items():
            for entry in entries or ():
                yield from _fixes(package.name, version.strip(), entry)


def _fixes(package: str, version: str, entry: str) -> Iterator[Fix]:
    text = _MISWRITTEN.sub(r"CVE-\1", _REMARK.sub(" ", entry)).replace(",", " ")
    ids = [word for word in dict.fromkeys(text.split()) if _ID(word)]
    cves = [word for word in ids if is_cve(word)]
    others = tuple(word for word in ids if not is_cve(word))
    if len(cves) == 1:
        yield Fix(package, version, cves[0], others)
    else:
        for word in ids:
            yield Fix(package, version, word)


def advisories(source: str, sections: Iterable[tuple[str, Iterable[Fix]]]) -> Iterator[Advisory]:
    """One advisory an id from (namespace, fixes) pairs, sorted by id."""
    by_id: dict[str, dict[tuple[str, str], dict[str, None]]] = {}
    aliases: dict[str, dict[str, None]] = {}
    for namespace, fixes in sections:
        for fix in fixes:
            packages = by_id.setdefault(fix.id, {})
            packages.setdefault((namespace, fix.package), {})[fix.version] = None
            if fix.aliases:
                aliases.setdefault(fix.id, {}).update(dict.fromkeys(fix.aliases))
    for identifier in sorted(by_id):
        yield Advisory(
            id=identifier,
            source=source,
            aliases=tuple(aliases.get(identifier, ())),
            affected=tuple(_list_affected_packages(by_id[identifier])),
        )


def _list_affected_packages(packages: Mapping[tuple[str, str], Iterable[str]]) -> Iterator[AffectedPackage]:
    for (namespace, name), versions in packages.items():
        fixed = tuple(version for version in versions if version != _NEVER_AFFECTED)
        if len(fixed) < len(tuple(versions)):
            yield AffectedPackage(
                namespace=namespace, name=name, scheme="apk", kind="unaffected", ranges=(EVERY_VERSION,)
            )
        if fixed:
            ranges = tuple(Range(high=version, fixed=version) for version in fixed)
            yield AffectedPackage(namespace=namespace, name=name, scheme="apk", ranges=ranges, fix_state="fixed")
