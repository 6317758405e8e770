"""How bad a vulnerability is, and by whose word: of those that speak of the package in their order, then NVD's, then the CNA's or CISA's.

What another distribution thinks of its own packages (its priority, its urgency) is never taken: it knows how it built them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hullmark.advisories.match.merge import AffectingAdvisory
from hullmark.advisories.match.ranking import database_of, is_maintained_by, rank
from hullmark.advisories.match.risk import severity_of
from hullmark.model.advisory import Advisory, Cvss, Severity
from hullmark.model.match import SeverityBy

NVD = "nvd"
_NVD = (NVD, "nvd@nist.gov")
_CNA = "vulnrichment"
_V2_HIGH = 7.0


def severities(candidate: AffectingAdvisory, rated: Sequence[Advisory]) -> tuple[SeverityBy, ...]:
    """What everybody says who may be asked, the one that counts first. `rated`: records of the CVE itself, whatever they affect."""
    own = _of(candidate.advisory, candidate.affected.severity or candidate.advisory.severity)
    if not candidate.others and not rated and own is not None:
        return (own,)
    namespace = candidate.affected.namespace
    others = (
        sorted(candidate.others, key=lambda other: (rank(namespace, other), other.source, other.id))
        if candidate.others
        else []
    )
    kept = [other for other in others if is_maintained_by(namespace, other)]
    stated = [own]
    stated += [_of(other, other.severity) for other in kept]
    stated += _by_nvd((candidate.advisory, *candidate.others, *rated))
    stated += [_of(known, known.severity) for known in rated if known.source == _CNA]
    stated += [_of(other, other.severity) for other in others if other not in kept]
    by_source: dict[str, SeverityBy] = {}
    for one in stated:
        if one is not None:
            by_source.setdefault(one.source, one)
    return tuple(by_source.values())


def is_quoted(rating: Cvss) -> bool:
    """Whether a rating is NVD's, whoever quotes it."""
    return rating.source.lower() in _NVD


def _of(advisory: Advisory, severity: Severity) -> SeverityBy | None:
    """A source's own word; where it has only ratings, what the newest of them comes to."""
    if severity != "unknown":
        return SeverityBy(source=database_of(advisory), severity=severity)
    own = (rating for rating in advisory.cvss if not is_quoted(rating) or advisory.source == NVD)
    return _make_severity(database_of(advisory), own)


def _by_nvd(known: Iterable[Advisory]) -> Iterator[SeverityBy | None]:
    """NVD's own rating, by the newest CVSS that it used, whoever quotes it; else what its record says by others' ratings."""
    records = list(known)
    yield _make_severity(NVD, (rating for record in records for rating in record.cvss if is_quoted(rating)))
    yield from (_of(record, record.severity) for record in records if record.source == NVD)


def _make_severity(source: str, ratings: Iterable[Cvss]) -> SeverityBy | None:
    best = max(ratings, key=lambda rating: (rating.version, rating.score), default=None)
    severity = "unknown" if best is None else word_for(best)
    if best is None or severity == "unknown":
        return None
    return SeverityBy(source=source, severity=severity, basis=f"CVSS {best.version}: {best.score}")


def word_for(rating: Cvss) -> Severity:
    """The word for a rating; CVSS 2 knows nothing above high."""
    return "high" if rating.version == "2.0" and rating.score >= _V2_HIGH else severity_of(rating.score)
