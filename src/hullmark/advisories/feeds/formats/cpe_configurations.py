"""CPE names (NISTIR 7695) and NVD's configurations of them (https://nvd.nist.gov/developers/vulnerabilities) as affected products.

A product becomes namespace `cpe`, name `part:vendor:product`. What a configuration wants to be there beside it becomes `platforms`,
and so does the software that a CPE says it is for: `cpe:2.3:*:*:*:*:*:*:*:*:*:wordpress:*:*`. Hardware is left out.
Versions of Java runtimes are in the order of `jvm`, all others in that of `generic`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

import msgspec

from hullmark.advisories.feeds.feed import Cut, Report
from hullmark.model.advisory import EVERY_VERSION, AffectedPackage, Range
from hullmark.model.limit import Limit

_COMPONENTS = 13
_COLON = re.compile(r"(?<!\\):")
_ESCAPED = re.compile(r"\\(.)")
_ANY = ("*", "-", "")
_JAVA = ("jdk", "jre", "openjdk", "java_se", "graalvm", "graalvm_for_jdk")
# Elsewhere a product of such a name may count otherwise: to `jvm`, 1.5 is 5.
_RUNTIMES = frozenset(
    f"a:{vendor}:{product}"
    for vendor in ("azul", "ibm", "openjdk", "oracle", "sun")
    for product in ("java", "java_sdk", "java_se", "jdk", "jre", "openjdk", "zulu")
)
_UPDATE = re.compile(r"(?:update_?|u)([0-9]+)").fullmatch
_PATCH = re.compile(r"p[0-9]+").fullmatch
_MAX_MATCHES = Limit(20_000, "products of one advisory in CPE configurations")


class Cpe(NamedTuple):
    """What of a CPE name matters here; `version` is "" for any and `-` for none."""

    name: str
    version: str
    target: str


class Match(msgspec.Struct, rename="camel"):
    """A CPE and bounds of its version, as NVD writes it."""

    criteria: str
    vulnerable: bool = True
    version_start_including: str = ""
    version_start_excluding: str = ""
    version_end_including: str = ""
    version_end_excluding: str = ""


class Node(msgspec.Struct, rename="camel"):
    """Matches of which one (`OR`) or all (`AND`) must be there."""

    cpe_match: list[Match]
    operator: str = "OR"
    negate: bool = False


class Configuration(msgspec.Struct):
    """Nodes of which one (`OR`) or all (`AND`) must be there."""

    nodes: list[Node]
    operator: str = "OR"


def cpe_of(text: str) -> Cpe | None:
    """The parts of a CPE 2.3 name; None for any other text, and for hardware."""
    parts = _COLON.split(text) if "\\" in text else text.split(":")
    if len(parts) != _COMPONENTS or parts[:2] != ["cpe", "2.3"] or parts[2].lower() not in ("a", "o"):
        return None
    if any(part in _ANY for part in parts[3:5]):
        return None
    part, vendor, product, version, update = map(_plain, parts[2:7])
    target = parts[10].lower()
    return Cpe(
        f"{part}:{vendor}:{product}".lower(),
        _version(product.lower(), version, update),
        "" if target in _ANY else target,
    )


class Products:
    """Affected products as they are found, put together by name and platforms."""

    def __init__(self) -> None:
        """None yet."""
        self._found: dict[tuple[str, tuple[str, ...]], tuple[dict[Range, None], dict[str, None]]] = {}

    def add(self, cpe: Cpe, bounds: Range | None, platforms: tuple[str, ...] = ()) -> None:
        """Say that a product is affected: within bounds, or at the CPE's own version, or at every one."""
        if not platforms and cpe.target:
            platforms = (f"cpe:2.3:*:*:*:*:*:*:*:*:*:{cpe.target}:*:*",)
        ranges, versions = self._found.setdefault((cpe.name, platforms), ({}, {}))
        if bounds is not None:
            ranges[bounds] = None
        elif cpe.version in _ANY:
            ranges[EVERY_VERSION] = None
        else:
            versions[cpe.version] = None

    def affected(self) -> tuple[AffectedPackage, ...]:
        """All that was said, in that order."""
        return tuple(
            AffectedPackage(
                namespace="cpe",
                name=name,
                scheme="jvm" if name in _RUNTIMES else "generic",
                ranges=tuple(ranges),
                versions=tuple(versions),
                fix_state="fixed" if ranges and all(interval.fixed for interval in ranges) else "unknown",
                platforms=platforms,
            )
            for (name, platforms), (ranges, versions) in self._found.items()
        )


def affected_of(configurations: Iterable[Configuration], report: Report, place: str) -> tuple[AffectedPackage, ...]:
    """The products that NVD's configurations name as vulnerable. Negated nodes say nothing; more than 20,000 products are cut."""
    products = Products()
    named = (match for configuration in configurations for match in _vulnerable(configuration))
    for match, platforms in islice(named, _MAX_MATCHES):
        cpe = cpe_of(match.criteria)
        if cpe is not None:
            products.add(cpe, _bounds(match), platforms)
    if next(named, None) is not None:
        report(place, Cut(f"it names more than {_MAX_MATCHES:,} products: the rest is left out"))
    return products.affected()


def _vulnerable(configuration: Configuration) -> Iterator[tuple[Match, tuple[str, ...]]]:
    nodes = [node for node in configuration.nodes if not node.negate]
    criteria = [tuple(match.criteria for match in node.cpe_match) for node in nodes]
    for index, node in enumerate(nodes):
        beside = _others(criteria, index) if configuration.operator.upper() == "AND" else ()
        if node.operator.upper() == "AND":
            beside += tuple(match.criteria for match in node.cpe_match if not match.vulnerable)
        for match in node.cpe_match:
            if match.vulnerable:
                yield match, beside


def _others(criteria: Sequence[tuple[str, ...]], index: int) -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(criterion for other, group in enumerate(criteria) if other != index for criterion in group)
    )


def _bounds(match: Match) -> Range | None:
    low = match.version_start_including or match.version_start_excluding
    high = match.version_end_including or match.version_end_excluding
    if not low and not high:
        return None
    return Range(
        low=low,
        low_open=bool(match.version_start_excluding),
        high=high,
        high_open=not match.version_end_including,
        fixed=match.version_end_excluding,
    )


def _plain(component: str) -> str:
    return _ESCAPED.sub(r"\1", component) if "\\" in component else component


def _version(product: str, version: str, update: str) -> str:
    if version in _ANY or update in _ANY:
        return "" if version == "*" else version
    numbered = _UPDATE(update.lower()) if product in _JAVA else None
    if numbered:
        return f"{version}_{numbered[1]}"
    return version + update if _PATCH(update) else f"{version}-{update}"
