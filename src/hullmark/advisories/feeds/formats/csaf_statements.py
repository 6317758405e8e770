"""Statements of VEX in CSAF documents (https://docs.oasis-open.org/csaf/csaf/v2.0/csaf-v2.0.html, profile 5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from hullmark.advisories.feeds.feed import DamagedDocument, Report, reason_of
from hullmark.advisories.feeds.formats import csaf
from hullmark.advisories.feeds.formats.rpms import instant
from hullmark.advisories.feeds.formats.wording import line_of
from hullmark.model.advisory import Statement

_STATUSES: tuple[tuple[str, str], ...] = (
    ("known_not_affected", "not_affected"),
    ("known_affected", "affected"),
    ("first_affected", "affected"),
    ("last_affected", "affected"),
    ("fixed", "fixed"),
    ("first_fixed", "fixed"),
    ("recommended", "fixed"),
    ("under_investigation", "under_investigation"),
)
_ACTIONS = frozenset({"vendor_fix", "no_fix_planned", "none_available", "workaround", "mitigation"})


def statements_of(data: bytes, source: str, report: Report, place: str) -> Iterator[Statement]:
    """The statements of a CSAF document: one for each vulnerability, status, reason and part of a product.

    `products` are purls; where only the component of a relationship has one, that is the product. What is not a CSAF, or
    too large, is reported.
    """
    try:
        document = csaf.read(data)
        products, groups = csaf.products_of(document), document.groups
        for product in products.values():
            csaf.parts(product, products)
    except (ValueError, DamagedDocument) as error:
        return report(place, reason_of(error))
    at = instant(document.document.tracking.current_release_date)
    for number, vulnerability in enumerate(document.vulnerabilities):
        if not vulnerability.id:
            report(f"{place}: vulnerability {number + 1}", "it has no id")
            continue
        yield from _statements(
            vulnerability,
            products,
            groups,
            Statement(
                vulnerability=vulnerability.id,
                source=source,
                status="affected",
                aliases=tuple(
                    dict.fromkeys(entry.text for entry in vulnerability.ids if entry.text.startswith(("CVE-", "GHSA-")))
                ),
                at=at,
            ),
        )


_Key = tuple[str, str, str, str, tuple[str, ...]]


def _statements(
    vulnerability: csaf.Vulnerability,
    products: Mapping[str, csaf.Product],
    groups: Mapping[str, list[str]],
    model: Statement,
) -> Iterator[Statement]:
    labels = {target: flag.label for flag in vulnerability.flags for target in csaf.targets(flag, groups)}
    impacts = {
        target: threat.details
        for threat in vulnerability.threats
        if threat.category == "impact"
        for target in csaf.targets(threat, groups)
    }
    actions = {
        target: remedy.details
        for remedy in reversed(vulnerability.remediations)
        if remedy.category in _ACTIONS
        for target in csaf.targets(remedy, groups)
    }
    found: dict[_Key, dict[str, None]] = {}
    for status, meaning in _STATUSES:
        for identity in vulnerability.product_status.get(status, ()):
            name, inner = _identity(products.get(identity) or csaf.Product(identity, identity), products)
            is_safe = meaning == "not_affected"
            key = (
                meaning,
                labels.get(identity, "") if is_safe else "",
                line_of(impacts.get(identity, "")) if is_safe else "",
                line_of(actions.get(identity, "")) if meaning == "affected" else "",
                inner,
            )
            found.setdefault(key, {})[name] = None
    for (meaning, label, impact, action, inner), names in found.items():
        yield msgspec.structs.replace(
            model,
            status=meaning,
            products=tuple(names),
            subcomponents=inner,
            justification=label,
            impact=impact,
            action=action,
        )


def _identity(product: csaf.Product, products: Mapping[str, csaf.Product]) -> tuple[str, tuple[str, ...]]:
    """The name of a product for a statement, and of the part of it that is meant."""
    component, platform, _ = csaf.parts(product, products)
    if platform is None:
        return component.purl or component.cpe or component.product_id, ()
    if platform.purl:
        return platform.purl, (component.purl or component.product_id,)
    return component.purl or product.product_id, ()
