"""Vulnerabilities that are recorded for a package and known not to be in it: a table of named rules.

The facts are those of grype's built-in ignore rules (https://github.com/anchore/grype, `grype/match/explicit_ignores.go`). A rule
hides nothing: what it is about is found and set aside, with its reason.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from hullmark.model.package import Package


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: packages of a `type` by their `names` (of Maven, the artifact), what they do not have, why, and who says so."""

    name: str
    type: str
    names: tuple[str, ...]
    vulnerabilities: frozenset[str]
    reason: str
    source: str


_LOG4J = (
    "log4j-api", "log4j-slf4j-impl", "log4j-to-slf4j", "log4j-1.2-api", "log4j-detector", "log4j-over-slf4j", "slf4j-log4j12",
)  # fmt: skip
_DELEGATE = (
    "CVE-1999-1338", "CVE-2001-1202", "CVE-2002-1781", "CVE-2004-0789", "CVE-2004-2003", "CVE-2005-0036", "CVE-2005-0861",
    "CVE-2006-2072", "CVE-2015-7556",
)  # fmt: skip

RULES = (
    Rule(
        name="log4shell-is-in-log4j-core",
        type="maven",
        names=_LOG4J,
        vulnerabilities=frozenset(("CVE-2021-44228", "CVE-2021-45046", "GHSA-jfh8-c2jp-5v3q", "GHSA-7rjr-3q55-vv33")),
        reason="the code is in log4j-core, which is a package of its own",
        source="https://github.com/anchore/grype/issues/552",
    ),
    Rule(
        name="chainsaw-is-in-log4j-1",
        type="maven",
        names=_LOG4J,
        vulnerabilities=frozenset(("CVE-2020-9493", "CVE-2022-23307", "CVE-2023-26464")),
        reason="the code is in log4j 1.x itself, which is a package of its own",
        source="https://github.com/anchore/grype/issues/552",
    ),
    Rule(
        name="protobuf-for-go-is-another-program",
        type="golang",
        names=("google.golang.org/protobuf",),
        vulnerabilities=frozenset(("CVE-2015-5237", "CVE-2021-22570")),
        reason="the code is in protobuf for C++, of which the Go module has none",
        source="https://github.com/anchore/grype/issues/558",
    ),
    Rule(
        name="matrix-the-gem-is-not-squiz-matrix",
        type="gem",
        names=("matrix",),
        vulnerabilities=frozenset(
            ("CVE-2017-14196", "CVE-2017-14197", "CVE-2017-14198", "CVE-2019-19373", "CVE-2019-19374")
        ),
        reason="it is about Squiz Matrix, which only shares the name",
        source="https://github.com/anchore/grype/blob/main/grype/match/explicit_ignores.go",
    ),
    Rule(
        name="delegate-the-gem-is-not-the-proxy",
        type="gem",
        names=("delegate",),
        vulnerabilities=frozenset(_DELEGATE),
        reason="it is about the proxy server DeleGate, which only shares the name",
        source="https://github.com/anchore/grype/blob/main/grype/match/explicit_ignores.go",
    ),
    Rule(
        name="observer-the-gem-is-not-the-network-manager",
        type="gem",
        names=("observer",),
        vulnerabilities=frozenset(("CVE-2008-4318",)),
        reason="it is about the network management system Observer, which only shares the name",
        source="https://github.com/anchore/grype/blob/main/grype/match/explicit_ignores.go",
    ),
    Rule(
        name="logger-the-gem-is-not-weechats",
        type="gem",
        names=("logger",),
        vulnerabilities=frozenset(("CVE-2017-14727",)),
        reason="it is about WeeChat's logger plugin, which only shares the name",
        source="https://github.com/anchore/grype/blob/main/grype/match/explicit_ignores.go",
    ),
    Rule(
        name="minizip-is-not-in-zlib1g",
        type="deb",
        names=("zlib1g", "zlib"),
        vulnerabilities=frozenset(("CVE-2023-45853",)),
        reason="the code is in MiniZip, of which Debian's zlib1g has none",
        source="https://security-tracker.debian.org/tracker/CVE-2023-45853",
    ),
)
"""Every rule. Their order decides nothing: no two speak of one vulnerability of one package."""

_BY_NAME: dict[tuple[str, str], tuple[Rule, ...]] = {
    (type, name): tuple(rule for rule in RULES if rule.type == type and name in rule.names)
    for type, name in {(rule.type, name) for rule in RULES for name in rule.names}
}


def rules_about(package: Package) -> tuple[Rule, ...]:
    """The rules that are about a package, whatever its version is."""
    name = package.name.rpartition(":")[2] if package.type == "maven" else package.name
    return _BY_NAME.get((package.type, name.lower()), ())


def reason_for(rules: Collection[Rule], vulnerabilities: Collection[str]) -> str:
    """Why an advisory about these does not count, with the rule's name and source; "" if it does, or if a part of it does."""
    for rule in rules:
        if rule.vulnerabilities.issuperset(vulnerabilities):
            return f"{rule.reason} ({rule.name}, {rule.source})"
    return ""
