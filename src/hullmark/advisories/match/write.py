"""What affects packages → matches: with severity, ratings and risk, and whether the distribution's word overrules them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TypeVar

from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.advisories.match.clearing import Clearing
from hullmark.advisories.match.distros import Plan
from hullmark.advisories.match.lookups import is_system
from hullmark.advisories.match.merge import AffectingAdvisory
from hullmark.advisories.match.named import cve_of, shown_id
from hullmark.advisories.match.platforms import spoken_of
from hullmark.advisories.match.risk import risk
from hullmark.advisories.match.severity import is_quoted, severities
from hullmark.advisories.match.why import why
from hullmark.model.advisory import Advisory, Cvss
from hullmark.model.match import Epss, Kev, Match, MatchedAdvisory, Suppression
from hullmark.model.package import Package

_GUESSED = 0.6

_T = TypeVar("_T")

Found = tuple[Package, AffectingAdvisory]


class Writer:
    """Writes the matches of one image: looks up in one go what is known of all their CVEs, and weighs each advisory once."""

    def __init__(
        self,
        advisories: AdvisorySource,
        plan: Plan,
        packages: Iterable[Package],
        found: Sequence[Found],
        sound: Mapping[str, Collection[str]],
    ) -> None:
        """`sound`: the ids that the distribution says do not affect a package, by the purl of that package."""
        self._plan, self._found, self._sound = plan, found, sound
        self._licences = advisories.licences
        owners = {package.purl: package for package in packages if is_system(package)}
        self._clearing = Clearing(plan, advisories.namespaces, owners)
        self._reported: dict[str, set[str]] = {}
        cves = set()
        for package, candidate in found:
            cves.add(cve_of(candidate.advisory))
            if is_system(package) and not candidate.vetoed:
                self._reported.setdefault(package.purl, set()).update(
                    (candidate.advisory.id, *candidate.advisory.aliases)
                )
        self._kev = advisories.exploited(cves - {""})
        self._epss = advisories.exploitability(cves - {""})
        self._rated = advisories.rated(cves - {""})
        self._weighed: dict[tuple[object, ...], tuple[MatchedAdvisory, float]] = {}

    def matches(self) -> Iterator[Match]:
        """The matches, in the order of what was found."""
        return (self._match(package, candidate) for package, candidate in self._found)

    def _match(self, package: Package, candidate: AffectingAdvisory) -> Match:
        named, weight = self._weigh(candidate)
        ask, kind, reason = candidate.lookup.ask, candidate.lookup.kind, why(package, candidate, self._plan)
        # A distribution knows what it ships; others speak of a program wherever it runs.
        platform = "" if ":" in ask.namespace else spoken_of(named.summary, package.arch)
        return Match(
            package=package,
            advisory=named,
            fix=candidate.fix,
            kind=kind,
            name=ask.name,
            version=ask.version,
            why=f"{reason}; it speaks of {platform} only" if platform else reason,
            risk=weight,
            confidence=_GUESSED if kind == "cpe" or platform else 1.0,
            suppressed=self._find_suppression(package, candidate) if candidate.vetoed or package.owned_by else None,
        )

    def _find_suppression(self, package: Package, candidate: AffectingAdvisory) -> Suppression | None:
        """Who overrules a match, and why. Of what a package owns, whoever built that package may speak."""
        if candidate.vetoed:
            return Suppression(by="not-affected", reason=candidate.vetoed)
        names = {candidate.advisory.id, *candidate.advisory.aliases}
        return self._clearing.suppressed(package, names, self._reported, self._sound)

    def _weigh(self, candidate: AffectingAdvisory) -> tuple[MatchedAdvisory, float]:
        """The advisory with what is known besides, and the risk. Packages of one source share it: they show the same objects."""
        affected = candidate.affected
        parts = (id(candidate.advisory), *map(id, candidate.others))
        key = (parts, affected.namespace, affected.severity, candidate.vendor_ids, candidate.unlisted_by)
        known = self._weighed.get(key)
        if known is None:
            named = self._describe_advisory(candidate)
            known = self._weighed[key] = (named, risk(named.severity, named.cvss, named.epss, named.kev))
        return known

    def _describe_advisory(self, candidate: AffectingAdvisory) -> MatchedAdvisory:
        advisory = candidate.advisory
        cve = cve_of(advisory)
        rated = self._rated.get(cve, [])
        records = (advisory, *candidate.others)
        is_unrated = _is_unrated(candidate)
        known = (*records, *rated) if is_unrated else records
        stated = severities(candidate, rated)
        scored, entry = self._epss.get(cve), self._kev.get(cve)
        shown = shown_id(advisory)
        return MatchedAdvisory(
            id=shown,
            source=advisory.source,
            namespace=candidate.affected.namespace,
            licence=self._licences.get(advisory.source, ""),
            cve=cve,
            aliases=tuple(name for name in _together((one.id, *one.aliases) for one in records) if name != shown),
            severity=stated[0].severity if stated else "unknown",
            severities=stated,
            unlisted_by=candidate.unlisted_by,
            cvss=_together((*(record.cvss for record in known), *(() if is_unrated else map(_by_nvd, rated)))),
            cwes=_together(record.cwes for record in known),
            epss=Epss(score=scored.score, percentile=scored.percentile, day=scored.day) if scored else None,
            kev=Kev(added=entry.added, due=entry.due, ransomware=entry.ransomware) if entry else None,
            summary=next((record.summary for record in known if record.summary), ""),
            published=advisory.published,
            modified=advisory.modified,
            references=advisory.references,
            vendor_ids=candidate.vendor_ids,
        )


def _together(values: Iterable[tuple[_T, ...]]) -> tuple[_T, ...]:
    """All of them once, in the order in which they come."""
    return tuple(dict.fromkeys(chain.from_iterable(values)))


def _is_unrated(candidate: AffectingAdvisory) -> bool:
    """Whether all ratings of the CVE are told, not NVD's alone. What else is in the image must not decide that."""
    return not candidate.advisory.cvss or (candidate.affected.severity or candidate.advisory.severity) == "unknown"


def _by_nvd(advisory: Advisory) -> tuple[Cvss, ...]:
    return tuple(rating for rating in advisory.cvss if is_quoted(rating))
