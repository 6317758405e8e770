"""Hullmark's own JSON for matches, `hullmark-matches/1`: every key always present, sorted, equal bytes for equal inputs.

The structs below are the contract. Their fields are in alphabetical order, the order they are written in.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hullmark.model.correction import CORRECTED
from hullmark.model.jar import IDENTIFIED
from hullmark.model.match import Match, MatchedAdvisory, Matches, Suppression, UnknownPackage
from hullmark.model.package import Package, SourcePackage
from hullmark.model.reach import WitnessStep
from hullmark.model.ssvc import SsvcDecision
from hullmark.report import inventory_json
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.inventory_json import DistroJson, LocationJson, SourceJson
from hullmark.report.matches_words import as_inventory
from hullmark.report.parts import ProblemJson, ToolJson

SCHEMA = "hullmark-matches/1"


class CvssJson(msgspec.Struct, frozen=True, gc=False):
    """A rating; `source` gave it."""

    score: float
    source: str
    vector: str
    version: str


class EpssJson(msgspec.Struct, frozen=True, gc=False):
    """Shares of 1, and the day they are of."""

    day: str
    percentile: float
    score: float


class KevJson(msgspec.Struct, frozen=True, gc=False):
    """Since when it is known to be exploited, by when to act."""

    added: str
    due: str
    ransomware: bool


class SeverityByJson(msgspec.Struct, frozen=True, gc=False):
    """How bad a source says it is; `basis` is the rating that the word comes from, "" if it is the source's own."""

    basis: str
    severity: str
    source: str


class AdvisoryJson(msgspec.Struct, frozen=True, kw_only=True):
    """The advisory, and what is known of its CVE.

    `severities`: what everybody says whose word may count, that of `severity_source` first. `unlisted_by`: the databases that maintain
    the package's ecosystem and do not list it.
    """

    aliases: tuple[str, ...]
    cve: str
    cvss: list[CvssJson]
    cwes: tuple[str, ...]
    epss: EpssJson | None
    id: str
    kev: KevJson | None
    licence: str
    modified: str
    namespace: str
    published: str
    references: tuple[str, ...]
    severities: list[SeverityByJson] = []
    severity: str
    severity_source: str = ""
    source: str
    summary: str
    unlisted_by: str = ""
    vendor_ids: tuple[str, ...]


class FixJson(msgspec.Struct, frozen=True, gc=False):
    """Whether there is a fix, in which version, since when."""

    date: str
    state: str
    version: str


class InstalledJson(msgspec.Struct, frozen=True, kw_only=True):
    """The package as the inventory has it. `corrected_by` and `identified_by` are there only where a correction, or an index of archives,
    made it what it is."""

    arch: str
    corrected_by: str | msgspec.UnsetType = msgspec.UNSET
    identified_by: str | msgspec.UnsetType = msgspec.UNSET
    locations: list[LocationJson]
    name: str
    owned_by: str | None
    source: SourcePackage | None
    type: str
    version: str


class SuppressedJson(msgspec.Struct, frozen=True, gc=False):
    """Why a match does not count."""

    by: str
    expires: str
    owner: str
    reason: str


class StepJson(msgspec.Struct, frozen=True, gc=False):
    """A file on the way to a package, and why the one before leads to it."""

    path: str
    why: str


class SsvcJson(msgspec.Struct, frozen=True, gc=False):
    """The SSVC decision, its decision points, the ports that are exposed, and the decision points that nobody tells: they are as bad as can
    be, but exploitation, which is none then."""

    assumed: tuple[str, ...]
    automatable: str
    decision: str
    exploitation: str
    mission: str
    ports: tuple[str, ...]
    technical_impact: str


class ReachJson(msgspec.Struct, frozen=True, gc=False):
    """From which commands it was followed what the image's start reaches, and why nothing can be called unreachable ("": it can)."""

    roots: tuple[str, ...]
    unfollowed: str


class MatchJson(msgspec.Struct, frozen=True, kw_only=True):
    """One match; `name` and `version` are what was compared, `package` is the package URL.

    Where it was looked for what the image's start reaches, there are `reach` (reachable, unknown, unreachable), `reach_reason` ("" for what
    is reachable), `ssvc` and `witness`, the shortest way to the package.
    """

    advisory: AdvisoryJson
    confidence: float
    fix: FixJson
    installed: InstalledJson
    kind: str
    name: str
    package: str
    reach: str | msgspec.UnsetType = msgspec.UNSET
    reach_reason: str | msgspec.UnsetType = msgspec.UNSET
    risk: float
    ssvc: SsvcJson | msgspec.UnsetType = msgspec.UNSET
    suppressed: SuppressedJson | None
    version: str
    why: str
    witness: list[StepJson] | msgspec.UnsetType = msgspec.UNSET


class UntoldJson(msgspec.Struct, frozen=True):
    """A package that cannot be matched."""

    installed: InstalledJson
    package: str
    reason: str


class UncoveredJson(msgspec.Struct, frozen=True, gc=False):
    """A namespace whose advisories do not cover all of its packages: how many, which types, and why."""

    namespace: str
    packages: int
    reason: str
    types: tuple[str, ...]


class SnapshotJson(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The advisories. `exploited_gap`: why they do not tell of all vulnerabilities that are known to be exploited; not there if they do."""

    data_at: str
    digest: str
    exploited_gap: str = ""


class MatchesJson(msgspec.Struct, frozen=True, kw_only=True):
    """The whole document. `reach` is there where it was looked for what the image's start reaches."""

    distro: DistroJson | None
    matches: list[MatchJson]
    problems: list[ProblemJson]
    reach: ReachJson | msgspec.UnsetType = msgspec.UNSET
    schema: str
    snapshot: SnapshotJson | None
    source: SourceJson
    tool: ToolJson
    uncovered: list[UncoveredJson]
    unknown: list[UntoldJson]


def render(matches: Matches, context: RenderContext) -> bytes:
    """The document as one line."""
    return encode(document(matches, context))


def document(matches: Matches, context: RenderContext) -> MatchesJson:
    """The document, not yet written."""
    frame = inventory_json.document(as_inventory(matches), context)
    snapshot = matches.snapshot
    return MatchesJson(
        distro=frame.distro,
        matches=[match_json(match) for match in matches.matches],
        problems=frame.problems,
        reach=ReachJson(matches.roots, matches.unfollowed) if matches.roots is not None else msgspec.UNSET,
        schema=SCHEMA,
        snapshot=SnapshotJson(snapshot.data_at, snapshot.digest, snapshot.exploited_gap) if snapshot else None,
        source=frame.source,
        tool=frame.tool,
        uncovered=[UncoveredJson(gap.namespace, gap.packages, gap.reason, gap.types) for gap in matches.uncovered],
        unknown=[_untold(untold) for untold in matches.unknown],
    )


def match_json(match: Match) -> MatchJson:
    """A match, as all of our documents say it."""
    return MatchJson(
        advisory=_advisory(match.advisory),
        confidence=match.confidence,
        fix=FixJson(match.fix.date, match.fix.state, match.fix.version),
        installed=_build_package(match.package),
        kind=match.kind,
        name=match.name,
        package=match.package.purl,
        reach=match.reach.reach if match.reach is not None else msgspec.UNSET,
        reach_reason=match.reach.reason if match.reach is not None else msgspec.UNSET,
        risk=match.risk,
        ssvc=_ssvc(match.ssvc) if match.ssvc is not None else msgspec.UNSET,
        suppressed=_build_suppression(match.suppressed),
        version=match.version,
        why=match.why,
        witness=steps_json(match.reach.witness) if match.reach is not None else msgspec.UNSET,
    )


def _ssvc(ssvc: SsvcDecision) -> SsvcJson:
    return SsvcJson(
        ssvc.assumed,
        ssvc.automatable,
        ssvc.level,
        ssvc.exploitation,
        ssvc.mission,
        ssvc.ports,
        ssvc.technical_impact,
    )


def steps_json(witness: Iterable[WitnessStep]) -> list[StepJson]:
    """A way, as all of our documents say it."""
    return [StepJson(step.path, step.why) for step in witness]


def _advisory(advisory: MatchedAdvisory) -> AdvisoryJson:
    epss, kev = advisory.epss, advisory.kev
    return AdvisoryJson(
        aliases=advisory.aliases,
        cve=advisory.cve,
        cvss=[CvssJson(rating.score, rating.source, rating.vector, rating.version) for rating in advisory.cvss],
        cwes=advisory.cwes,
        epss=EpssJson(epss.day, epss.percentile, epss.score) if epss else None,
        id=advisory.id,
        kev=KevJson(kev.added, kev.due, kev.ransomware) if kev else None,
        licence=advisory.licence,
        modified=advisory.modified,
        namespace=advisory.namespace,
        published=advisory.published,
        references=advisory.references,
        severities=[
            SeverityByJson(severity.basis, severity.severity, severity.source) for severity in advisory.severities
        ],
        severity=advisory.severity,
        severity_source=advisory.severity_source,
        source=advisory.source,
        summary=advisory.summary,
        unlisted_by=advisory.unlisted_by,
        vendor_ids=advisory.vendor_ids,
    )


def _build_package(package: Package) -> InstalledJson:
    return InstalledJson(
        arch=package.arch,
        corrected_by=package.notes.get(CORRECTED, msgspec.UNSET),
        identified_by=package.notes.get(IDENTIFIED, msgspec.UNSET),
        locations=[LocationJson(location.layer, location.path) for location in package.locations],
        name=package.name,
        owned_by=package.owned_by,
        source=package.source,
        type=package.type,
        version=package.version,
    )


def _build_suppression(suppressed: Suppression | None) -> SuppressedJson | None:
    if suppressed is None:
        return None
    return SuppressedJson(suppressed.by, suppressed.expires, suppressed.owner, suppressed.reason)


def _untold(untold: UnknownPackage) -> UntoldJson:
    return UntoldJson(_build_package(untold.package), untold.package.purl, untold.reason)


FORMAT = Format(
    kind="matches",
    name="json",
    media_type="application/vnd.hullmark.matches.v1+json",
    file_name="vulnerabilities.json",
    render=render,
)
