"""Advisories: what is known about vulnerabilities, each from one source, and further data about them by their CVE."""

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
    """A CVSS rating: `version` 2.0, 3.0, 3.1 or 4.0, the vector, its base score (0.0-10.0) and the source of the rating."""

    version: str
    vector: str
    score: float
    source: str = ""


class Range(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Versions from `low` to `high`; an empty bound means no bound. `*_open`: the bound itself is not in the range.

    `fixed` is the version that fixes what the range describes, "" if none is known. It is often `high`.
    """

    low: str = ""
    low_open: bool = False
    high: str = ""
    high_open: bool = True
    fixed: str = ""


EVERY_VERSION = Range()


class GoImport(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A Go package and its vulnerable symbols; without symbols, all of the package is vulnerable."""

    path: str
    symbols: tuple[str, ...] = ()


class AffectedPackage(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One package of one namespace, and which of its versions an advisory covers.

    `namespace` is a purl type (`pypi`, `npm`, `maven` …), a distribution release (`debian:12`, `rhel:9`, `ubuntu:22.04+esm`,
    `wolfi:rolling`), a publisher of container images (`oci:redhat`) or `cpe` (then `name` is `part:vendor:product`). `name` is as the
    namespace writes it: normalised for pypi, `group:artifact` for maven, `@scope/name` for npm, a repository without its registry for
    images, the source package where a distribution's advisories name sources. `scheme` names the order of its versions. `kind` unaffected:
    these versions are known to be safe from what affects others; this overrides other entries. `kind` unknown: it is not known whether
    these versions are affected, and `note` gives the reason. A version is covered if any of `ranges` or `versions` (exact ones) contains
    it; with neither, no version is. `fix_state` applies to ranges that have no `fixed`. `fix_date` is the day (ISO 8601) on which the fix
    first became available. `severity` "" means that the advisory's applies. `module` is an rpm module `name:stream`, "" for packages
    outside modules, None where modules do not matter; for Red Hat's container images it is the product that the image belongs to,
    `openshift:4.16`, "" if that is not known. `arch` "" is any, `src` the source package, `binary` any but the source, and otherwise the
    distribution's own name. `platforms` are CPEs; the package must run on one of them. `vendor_ids` name the announcements of the fix
    (RHSA, DSA, USN …).
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
    """One source's record of one vulnerability.

    `source` is the feed's name. `aliases` are other ids of the same vulnerability, `related` those of other vulnerabilities. Dates are ISO
    8601; `withdrawn` is empty unless the source withdrew the advisory. Without `affected`, the advisory only rates the vulnerability.
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
    """FIRST's EPSS: the probability (0-1) of exploitation in the next 30 days, its percentile (0-1), and the day it was calculated for."""

    cve: str
    score: float
    percentile: float
    day: str = ""


class Lifecycle(msgspec.Struct, frozen=True, kw_only=True, tag="eol"):
    """One release of a product or distribution, and until when it is maintained (ISO 8601 days; "": not known).

    `product` is the distribution's os-release id or endoflife.date's name; `release` is the VERSION_ID. `is_ended`: according to the source
    support has ended, but it gives no date.
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
    """One VEX statement: a supplier's statement about a vulnerability in its product.

    `status` is OpenVEX's: not_affected, affected, fixed, under_investigation. `products` and `subcomponents` are purls, image references or
    digests.
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
