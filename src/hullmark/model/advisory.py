"""Advisories: what is known about vulnerabilities, each from one source, and what else is known about them by their CVE."""

from __future__ import annotations

from typing import Literal

import msgspec

SEVERITIES = ("unknown", "negligible", "low", "medium", "high", "critical")
"""From the least to the most; `unknown` says nothing and is below all."""
SEVERITY_RANK: dict[str, int] = {severity: rank for rank, severity in enumerate(SEVERITIES)}
"""Each severity's place in that order."""

Severity = Literal["unknown", "negligible", "low", "medium", "high", "critical"]
FixState = Literal["fixed", "not-fixed", "wont-fix", "unknown"]
Kind = Literal["affected", "unaffected", "unknown"]


class Cvss(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A CVSS rating: `version` 2.0, 3.0, 3.1 or 4.0, the vector, its base score (0.0-10.0) and who gave it."""

    version: str
    vector: str
    score: float
    source: str = ""


class Range(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Versions from `low` to `high`; an empty bound means no bound. `*_open`: the bound itself is not in the range.

    `fixed` is the version that mends what the range describes, "" if none is known. It is often `high`.
    """

    low: str = ""
    low_open: bool = False
    high: str = ""
    high_open: bool = True
    fixed: str = ""


EVERY_VERSION = Range()


class GoImport(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A Go package and the names in it that are vulnerable; no names mean all of it."""

    path: str
    symbols: tuple[str, ...] = ()


class AffectedPackage(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One package of one namespace, and which of its versions an advisory speaks of.

    `namespace` is a purl type (`pypi`, `npm`, `maven` …), a distribution release (`debian:12`, `rhel:9`, `ubuntu:22.04+esm`,
    `wolfi:rolling`), a publisher of container images (`oci:redhat`) or `cpe` (then `name` is `part:vendor:product`). `name` is as
    the namespace writes it: normalised for pypi, `group:artifact` for maven, `@scope/name` for npm, a repository without its registry
    for images, the source package where a distribution speaks of sources.
    `scheme` names the order of its versions. `kind` unaffected: these versions are known to be safe (of what is affected
    elsewhere); it vetoes. `kind` unknown: nobody can tell whether these versions are affected, and `note` says why.
    Of `ranges` and `versions` (exact ones) any may hold; with neither, no version is meant.
    `fix_state` speaks of ranges that have no `fixed`. `fix_date` is the day (ISO 8601) on which the fix could first be had.
    `severity` "" leaves the advisory's. `module` is an rpm module `name:stream`, "" for packages outside modules, None where
    modules do not matter; of a container image of Red Hat's the product that it is part of, `openshift:4.16`, "" where that is not known.
    `arch` "" is any, `src` the source package, `binary` any but the source; else the distribution's own name.
    `platforms` are CPEs on one of which the package must run. `vendor_ids` name the announcements of the fix (RHSA, DSA, USN …).
    """

    namespace: str
    name: str
    scheme: str
    kind: Kind = "affected"
    ranges: tuple[Range, ...] = ()
    versions: tuple[str, ...] = ()
    fix_state: FixState = "unknown"
    fix_date: str = ""
    severity: Severity | Literal[""] = ""
    module: str | None = None
    arch: str = ""
    symbols: tuple[GoImport, ...] = ()
    platforms: tuple[str, ...] = ()
    vendor_ids: tuple[str, ...] = ()
    note: str = ""


class Advisory(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="advisory"):
    """What one source says about one vulnerability.

    `source` is the feed's name. `aliases` are other ids of the same vulnerability, `related` those of others.
    Dates are ISO 8601; `withdrawn` is empty unless the source took the advisory back. With nothing `affected`, it only rates.
    """

    id: str
    source: str
    aliases: tuple[str, ...] = ()
    related: tuple[str, ...] = ()
    severity: Severity = "unknown"
    cvss: tuple[Cvss, ...] = ()
    cwes: tuple[str, ...] = ()
    summary: str = ""
    published: str = ""
    modified: str = ""
    withdrawn: str = ""
    references: tuple[str, ...] = ()
    affected: tuple[AffectedPackage, ...] = ()


EXPLOITED = "exploited"
"""The namespace of the list of vulnerabilities that are known to be exploited (KEV)."""


class KevEntry(msgspec.Struct, frozen=True, kw_only=True, tag="kev"):
    """An entry of a catalogue of known exploited vulnerabilities (CISA KEV). Dates are ISO 8601 days."""

    cve: str
    source: str
    added: str
    due: str = ""
    ransomware: bool = False
    action: str = ""
    name: str = ""


class Exploitability(msgspec.Struct, frozen=True, tag="epss", gc=False):
    """FIRST's EPSS: the probability (0-1) of exploitation in the next 30 days, its percentile (0-1), and the day it is of."""

    cve: str
    score: float
    percentile: float
    day: str = ""


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True, tag="eol"):
    """One release of a product or distribution, and until when it is maintained (ISO 8601 days; "" is not known).

    `product` is the distribution's os-release id or endoflife.date's name; `release` is what VERSION_ID says.
    `is_ended`: the source says that support has ended without telling when.
    """

    product: str
    release: str
    source: str
    codename: str = ""
    released: str = ""
    eol: str = ""
    extended: str = ""
    latest: str = ""
    is_ended: bool = False


class Support(msgspec.Struct, frozen=True, kw_only=True, tag="support"):
    """A package that a distribution maintains less than the rest (Debian's debian-security-support)."""

    namespace: str
    name: str
    source: str
    level: Literal["ended", "limited"]
    since: str = ""
    note: str = ""


class Statement(msgspec.Struct, frozen=True, kw_only=True, tag="vex"):
    """One VEX statement: what a supplier says about a vulnerability in its product.

    `status` is OpenVEX's: not_affected, affected, fixed, under_investigation. `products` and `subcomponents` are purls, image
    references or digests.
    """

    vulnerability: str
    source: str
    status: Literal["not_affected", "affected", "fixed", "under_investigation"]
    products: tuple[str, ...] = ()
    subcomponents: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    justification: str = ""
    impact: str = ""
    action: str = ""
    at: str = ""


Record = Advisory | KevEntry | Exploitability | Lifecycle | Support | Statement
"""Every kind of record that a feed can give."""
