"""Matches: which package of an image is affected by which advisory, and why; and what is unknown."""

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
    """The advisories that were matched with. `digest` is `sha256:…`; `data_at` the youngest date in them (ISO 8601).

    `exploited_gap`: why they do not tell of all vulnerabilities that are known to be exploited, a clause; "" if they do.
    """

    digest: str
    data_at: str = ""
    exploited_gap: str = ""


class Fix(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Whether there is a version without the vulnerability, which, and since what day (ISO 8601; "" is not known)."""

    state: FixState
    version: str = ""
    date: str = ""


class Epss(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Probability (0-1) of exploitation within 30 days, its percentile (0-1), and the day it is of."""

    score: float
    percentile: float
    day: str = ""


class Kev(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Known to be exploited: since when, by when to act, and whether ransomware uses it."""

    added: str
    due: str = ""
    ransomware: bool = False


class SeverityBy(msgspec.Struct, frozen=True, gc=False):
    """How bad one source (a feed or database by name, `nvd`) says a vulnerability is: by its word, or by a rating (`CVSS 3.1: 9.8`)."""

    source: str
    severity: Severity
    basis: str = ""


class MatchedAdvisory(msgspec.Struct, frozen=True, kw_only=True):
    """The advisory of a match, with what is known of its CVE from elsewhere.

    `cve` is the first CVE among id and aliases, "" if there is none. `namespace` is the one it was found in, `source` the feed,
    `licence` that of the feed's data. `cvss` are all ratings, the advisory's own first. `vendor_ids` announce the fix.
    `severities` is what everybody says whose word may count, the one that `severity` is by first; none: nobody rated it.
    `unlisted_by`: for people, the databases that maintain the package's ecosystem and do not list this; "" where they do.
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
        """For people, whose word the severity is, with the rating that it comes from: `nvd, CVSS 3.1: 9.8`."""
        basis = self.severities[0].basis if self.severity_source else ""
        return f"{self.severity_source}, {basis}" if basis else self.severity_source


class Suppression(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Why a match does not count: by whose word, the reason, and for ignore rules owner and last day (ISO 8601)."""

    by: SuppressedBy
    reason: str
    owner: str = ""
    expires: str = ""

    @property
    def is_silence(self) -> bool:
        """Whether only the distribution's silence suppresses the match, not a statement or a match of the owner."""
        return self.by == "distro" and not self.reason.endswith((STATED, REPORTED))

    @property
    def is_reported(self) -> bool:
        """Whether the match was set aside because it is told of the owner as well."""
        return self.by == "distro" and self.reason.endswith(REPORTED)


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """One package affected by one advisory.

    `kind`: found under its own name, under its source package's, or by CPE (then `confidence`, 0-1, is below 1 and it never
    fails a run by default). `confidence` is below 1 too where the advisory's words are about another platform. `name` and `version`
    are what was compared. `why` is a sentence with both versions. `risk` is 0-100. `reach` says whether the image's start reaches the
    package, `ssvc` how urgent it is there (None: nobody looked).
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

    `kind`: whether nobody records what is wrong with it (uncovered), what it is could not be told (unidentified), its version cannot be
    compared with those that advisories name (unseen), or less is recorded than of others (note).
    """

    package: Package
    reason: str
    kind: ProblemKind = "uncovered"


class CoverageGap(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """A namespace of advisories (`debian:13`, `npm`) behind which no whole and fresh feed stands.

    `types` are the purl types of the packages that are matched with it, sorted; `packages` is how many there are. `reason` is a clause.
    """

    namespace: str
    types: tuple[str, ...]
    packages: int
    reason: str


class Matches(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known to be wrong with the packages of one image. `matches` hold the suppressed ones too; all are sorted.

    `uncovered`: what the snapshot cannot speak of for the packages at hand, once for each namespace and cause. `lifecycles` say until
    when the distribution's release is maintained, as far as that is known. `roots` are the commands from which it was followed what the
    image's start reaches (None: nobody looked), `unfollowed` is why nothing can be called unreachable, a clause ("": it can). `places`
    are the containers that run the image (not set: no workload was handed over).
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
