"""Matches: which package of an image is affected by which advisory, and why; and what is not known."""

from __future__ import annotations

from typing import Literal

import msgspec

from hullmark.model.advisory import Cvss, FixState, Lifecycle, Severity
from hullmark.model.inventory import Distro, InventorySource
from hullmark.model.isolation import PlacedContainer
from hullmark.model.package import Package
from hullmark.model.problem import Problem, ProblemKind
from hullmark.model.reach import MatchReach
from hullmark.model.ssvc import SsvcDecision

MatchKind = Literal["direct", "source", "cpe"]
SuppressedBy = Literal["distro", "ignore", "not-affected", "reach", "states", "vex"]

STATED = " records that it is sound"
REPORTED = ", for which it is reported"
"""The ends of reasons that say that a distribution's package answers for a file it owns; its silence has another one."""


class SnapshotInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The advisories that packages were matched with. `digest` is `sha256:…`; `data_at` is the most recent date in them (ISO 8601).

    `exploited_gap`: a clause for why they may not name all vulnerabilities known to be exploited; "" if they do.
    """

    digest: str
    data_at: str = ""
    exploited_gap: str = ""


class Fix(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whether a version without the vulnerability exists, which one, and since what day (ISO 8601; "": not known)."""

    state: FixState
    version: str = ""
    date: str = ""


class Epss(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Probability (0-1) of exploitation within 30 days, its percentile (0-1), and the day it was calculated for."""

    score: float
    percentile: float
    day: str = ""


class Kev(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Known to be exploited: since when, the date to act by, and whether ransomware uses it."""

    added: str
    due: str = ""
    ransomware: bool = False


class SeverityBy(msgspec.Struct, frozen=True, gc=False):
    """The severity according to one source (a feed or a database by name, such as `nvd`). `basis` is the rating it is derived from (`CVSS
    3.1: 9.8`), if any.
    """

    source: str
    severity: Severity
    basis: str = ""


class MatchedAdvisory(msgspec.Struct, frozen=True, kw_only=True):
    """The advisory of a match, with what other sources report about its CVE.

    `cve` is the first CVE among id and aliases, "" if there is none. `namespace` is the one it was found in, `source` the feed, `licence`
    that of the feed's data. `cvss` are all ratings, the advisory's own first. `vendor_ids` announce the fix. `severities` are those of all
    sources that may count; the first is the one that `severity` comes from; empty if no source rated it. `unlisted_by`: for people, the
    databases that maintain the package's ecosystem and do not list this vulnerability; "" if they do.
    """

    id: str
    source: str
    namespace: str
    licence: str = ""
    cve: str = ""
    aliases: tuple[str, ...] = ()
    severity: Severity = "unknown"
    cvss: tuple[Cvss, ...] = ()
    cwes: tuple[str, ...] = ()
    epss: Epss | None = None
    kev: Kev | None = None
    summary: str = ""
    published: str = ""
    modified: str = ""
    references: tuple[str, ...] = ()
    vendor_ids: tuple[str, ...] = ()
    severities: tuple[SeverityBy, ...] = ()
    unlisted_by: str = ""

    @property
    def severity_source(self) -> str:
        """The source of the severity, "" if there is none."""
        return self.severities[0].source if self.severities and self.severity != "unknown" else ""

    @property
    def severity_text(self) -> str:
        """For people: the source of the severity, with the rating that it is derived from: `nvd, CVSS 3.1: 9.8`."""
        basis = self.severities[0].basis if self.severity_source else ""
        return f"{self.severity_source}, {basis}" if basis else self.severity_source


class Suppression(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a match does not count: who set it aside, the reason, and for ignore rules the owner and last day (ISO 8601)."""

    by: SuppressedBy
    reason: str
    owner: str = ""
    expires: str = ""

    @property
    def is_silence(self) -> bool:
        """Whether the match is suppressed only because the distribution lists nothing, not by a statement or a match of the owning
        package.
        """
        return self.by == "distro" and not self.reason.endswith((STATED, REPORTED))

    @property
    def is_reported(self) -> bool:
        """Whether the match was set aside because it is also reported for the owning package."""
        return self.by == "distro" and self.reason.endswith(REPORTED)


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """One package affected by one advisory.

    `kind`: found under its own name, under its source package's, or by CPE (then `confidence`, 0-1, is below 1 and the match never fails a
    run by default). `confidence` is also below 1 if the advisory is worded for another platform. `name` and `version` are what was
    compared. `why` is a sentence with both versions. `risk` is 0-100. `reach` is whether the image's start reaches the package, `ssvc` how
    urgent the vulnerability is there (None: nobody looked).
    """

    package: Package
    advisory: MatchedAdvisory
    fix: Fix
    kind: MatchKind
    name: str
    version: str
    why: str
    risk: float = 0.0
    confidence: float = 1.0
    suppressed: Suppression | None = None
    reach: MatchReach | None = None
    ssvc: SsvcDecision | None = None


class UnknownPackage(msgspec.Struct, frozen=True, kw_only=True):
    """A package about which nothing is known, with the reason. It is unknown, not clean.

    `kind`: its vulnerabilities are not recorded anywhere (uncovered), it could not be identified (unidentified), its version cannot be
    compared with those in advisories (unseen), or less is recorded about it than about other packages (note).
    """

    package: Package
    reason: str
    kind: ProblemKind = "uncovered"


class CoverageGap(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """A namespace of advisories (`debian:13`, `npm`) for which there is no complete and recent feed.

    `types` are the purl types of the packages that are matched with it, sorted; `packages` is how many there are. `reason` is a clause.
    """

    namespace: str
    types: tuple[str, ...]
    packages: int
    reason: str


class Matches(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known to be wrong with the packages of one image. `matches` include suppressed ones; all tuples are sorted.

    `uncovered`: what the snapshot does not cover for these packages, once for each namespace and cause. `lifecycles` give the end of
    maintenance of the distribution's release, if that is known. `roots` are the commands from which the reach of the image's start was
    followed (None: nobody looked); `unfollowed` is a clause for why nothing can be called unreachable ("": it can). `places` are the
    containers that run the image (not set: no workload was given).
    """

    source: InventorySource
    distro: Distro | None
    snapshot: SnapshotInfo | None
    matches: tuple[Match, ...]
    unknown: tuple[UnknownPackage, ...]
    problems: tuple[Problem, ...] = ()
    lifecycles: tuple[Lifecycle, ...] = ()
    uncovered: tuple[CoverageGap, ...] = ()
    roots: tuple[str, ...] | None = None
    unfollowed: str = ""
    places: tuple[PlacedContainer, ...] | msgspec.UnsetType = msgspec.UNSET
