"""OpenVEX documents (https://github.com/openvex/spec, v0.2.0 and before), read statement by statement."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from hullmark.advisories.feeds.feed import Report
from hullmark.advisories.feeds.formats.reading import decode
from hullmark.advisories.feeds.formats.wording import line_of
from hullmark.model.advisory import Statement
from hullmark.model.limit import Limit

_MAX_PRODUCTS = Limit(10_000, "products of one OpenVEX statement (more excuse nothing)", "shortened")
_HASHES = {"sha-256": "sha256", "sha256": "sha256", "sha-512": "sha512", "sha512": "sha512"}


class _Vulnerability(msgspec.Struct):
    name: str = ""
    id: str = msgspec.field(default="", name="@id")
    aliases: list[str] = []


class _Component(msgspec.Struct):
    id: str = msgspec.field(default="", name="@id")
    identifiers: dict[str, str] = {}
    hashes: dict[str, str] = {}


class _Product(_Component):
    subcomponents: list[_Component | str] = []


class _Statement(msgspec.Struct):
    vulnerability: _Vulnerability | str
    status: Literal["not_affected", "affected", "fixed", "under_investigation"]
    products: list[_Product | str] = []
    subcomponents: list[_Component | str] = []
    justification: str = ""
    impact_statement: str = ""
    action_statement: str = ""
    timestamp: str = ""


class _Metadata(msgspec.Struct):
    timestamp: str = ""


class _Document(_Metadata):
    statements: list[msgspec.Raw] = []
    metadata: _Metadata | None = None


_DOCUMENT = msgspec.json.Decoder(_Document)
_STATEMENT = msgspec.json.Decoder(_Statement)


def statements_of(
    data: bytes, source: str, report: Report, place: str, subjects: Iterable[str] = ()
) -> Iterator[Statement]:
    """The statements of a document, in its order. One that speaks of several parts of several products becomes several; one
    that names no product is about the `subjects` of the attestation that the document came in (ATTESTING.md).

    Products and parts are given by every name they have: `@id`, the purl among the identifiers, the digest `sha256:…`. What
    cannot be read is reported at `place`.
    """
    document = decode(_DOCUMENT, data, place, report)
    if document is None:
        return
    at = document.timestamp or (document.metadata.timestamp if document.metadata else "")
    for number, raw in enumerate(document.statements):
        statement = decode(_STATEMENT, raw, f"{place} statement {number}", report)
        if statement is None:
            continue
        if not _name(statement.vulnerability):
            report(f"{place} statement {number}", "left out: it names no vulnerability")
            continue
        yield from _statements(statement, source, at, subjects)


def _statements(statement: _Statement, source: str, at: str, subjects: Iterable[str]) -> Iterator[Statement]:
    common = tuple(name for part in statement.subcomponents for name in _names(part))
    grouped: dict[tuple[str, ...], dict[str, None]] = {}
    if not statement.products:
        grouped[common] = dict.fromkeys(subjects)
    for product in statement.products[:_MAX_PRODUCTS]:
        parts = product.subcomponents if isinstance(product, _Product) else []
        names = tuple(dict.fromkeys((*(name for part in parts for name in _names(part)), *common)))
        grouped.setdefault(names, {}).update(dict.fromkeys(_names(product)))
    vulnerability = statement.vulnerability
    aliases = vulnerability.aliases if isinstance(vulnerability, _Vulnerability) else []
    name = _name(vulnerability)
    for subcomponents, products in grouped.items():
        yield Statement(
            vulnerability=name,
            source=source,
            status=statement.status,
            products=tuple(products),
            subcomponents=subcomponents,
            aliases=tuple(alias for alias in dict.fromkeys(aliases) if alias != name),
            justification=statement.justification,
            impact=line_of(statement.impact_statement),
            action=line_of(statement.action_statement),
            at=statement.timestamp or at,
        )


def _name(vulnerability: _Vulnerability | str) -> str:
    if isinstance(vulnerability, str):
        return vulnerability.strip()
    return vulnerability.name.strip() or vulnerability.id.rstrip("/").rpartition("/")[2]


def _names(component: _Component | str) -> Iterator[str]:
    if isinstance(component, str):
        yield component
        return
    if component.id:
        yield component.id
    if component.identifiers.get("purl"):
        yield component.identifiers["purl"]
    for algorithm, digest in component.hashes.items():
        prefix = _HASHES.get(algorithm.lower())
        if prefix:
            yield f"{prefix}:{digest.lower()}"
