"""Risk, severities and orders of matches; matches by CVE; matches that are set aside by the state of their fix.

The score is grype's: `100 * min(threat * severity * kev, 1)`, so that numbers can be compared. Its threat is 1 for what is known to be
exploited, else the EPSS score. Where nobody scored it, we take a tenth of how bad it is for the threat: 8.1 for critical, 5.6 for high, 2.5
for medium, 0.9 for low without a CVSS score. That is above most of what is scored, and below what is likely to be attacked.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable
from typing import Any, cast

import msgspec

from hullmark.model.advisory import SEVERITIES, SEVERITY_RANK, Cvss, FixState, Severity
from hullmark.model.match import Epss, Kev, Match, MatchedAdvisory, Suppression

FIX_STATES: tuple[FixState, ...] = ("fixed", "not-fixed", "wont-fix", "unknown")
NOT_FIXED: tuple[FixState, ...] = ("not-fixed", "wont-fix", "unknown")
"""What `only fixed` sets aside."""

_WEIGHT = {"negligible": 0.5, "low": 3.0, "medium": 5.0, "high": 7.5, "critical": 9.0}
_WEIGHT_OF_OTHERS = 5.0
_BANDS: tuple[tuple[float, Severity], ...] = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
_UNSCORED = 0.1
_DIGITS = 6


def risk(severity: Severity, cvss: Iterable[Cvss], epss: Epss | None, kev: Kev | None) -> float:
    """How urgent a match is, 0 to 100: how likely it is attacked, times how bad that would be."""
    badness = _badness(severity, cvss)
    threat = 1.0 if kev else epss.score if epss else badness * _UNSCORED
    known = 1.0 if kev is None else 1.1 if kev.ransomware else 1.05
    return round(min(threat * badness * known, 1.0) * 100, _DIGITS)


def _badness(severity: Severity, cvss: Iterable[Cvss]) -> float:
    weight = _WEIGHT.get(severity, _WEIGHT_OF_OTHERS) / 10
    scores = [rating.score for rating in cvss if rating.score > 0]
    if not scores:
        return weight
    return (weight + sum(scores) / len(scores) / 10) / 2


def severity_named(word: str) -> Severity:
    """The severity that a word names, in any case. Raises ValueError that names the nearest one."""
    lower = word.strip().lower()
    if lower in SEVERITY_RANK:
        return cast("Severity", lower)
    raise ValueError(f"there is no severity {word[:40]!r}{_nearest(lower, SEVERITIES)}")


def severity_of(score: float) -> Severity:
    """The word for a CVSS base score (the bands of CVSS 3.1 and 4.0); `unknown` for 0."""
    return next((severity for floor, severity in _BANDS if score >= floor), "unknown")


def is_at_least(severity: Severity, floor: Severity) -> bool:
    """Whether a severity is as bad as `floor` or worse."""
    return SEVERITY_RANK[severity] >= SEVERITY_RANK[floor]


def _by_risk(match: Match) -> tuple[Any, ...]:
    epss = match.advisory.epss
    return (
        -match.risk,
        -SEVERITY_RANK[match.advisory.severity],
        -(epss.percentile if epss else -1.0),
        *_by_package(match),
    )


def _by_package(match: Match) -> tuple[Any, ...]:
    package, advisory = match.package, match.advisory
    # What follows the id only makes the order total.
    rest = (package.arch, package.purl, advisory.namespace, advisory.source, match.kind, package.locations)
    return (package.name, package.version, package.type, advisory.id, *rest)


def _by_severity(match: Match) -> tuple[Any, ...]:
    return (-SEVERITY_RANK[match.advisory.severity], *_by_risk(match))


def _by_epss(match: Match) -> tuple[Any, ...]:
    epss = match.advisory.epss
    return (-(epss.score if epss else -1.0), *_by_risk(match))


def _by_kev(match: Match) -> tuple[Any, ...]:
    return (match.advisory.kev is None, *_by_risk(match))


def _by_vulnerability(match: Match) -> tuple[Any, ...]:
    return (match.advisory.id, *_by_package(match))


_ORDERS: dict[str, Callable[[Match], tuple[Any, ...]]] = {
    "epss": _by_epss,
    "kev": _by_kev,
    "package": _by_package,
    "risk": _by_risk,
    "severity": _by_severity,
    "vulnerability": _by_vulnerability,
}
ORDERS = tuple(_ORDERS)
"""The names of the orders."""


def sort_matches(matches: Iterable[Match], by: str = "risk") -> tuple[Match, ...]:
    """The matches in one of ORDERS; the most urgent first where the order is one of urgency. Raises ValueError for others."""
    key = _ORDERS.get(by)
    if key is None:
        raise ValueError(f"there is no order {by[:40]!r}{_nearest(by, ORDERS)}")
    return tuple(sorted(matches, key=key))


def by_cve(matches: Iterable[Match]) -> tuple[Match, ...]:
    """The matches under the id of their CVE, where they have one; those of one package and one CVE become one.

    The one that stays is the one that tells most; it keeps what the others know of names, ratings and references.
    """
    groups: dict[tuple[Any, ...], list[Match]] = {}
    for match in matches:
        package = match.package
        key = (package.type, package.name, package.version, package.arch, package.purl, package.locations)
        groups.setdefault((*key, match.advisory.cve or match.advisory.id), []).append(match)
    return tuple(_merge_group(group) for group in groups.values())


def _merge_group(group: list[Match]) -> Match:
    best = min(group, key=_worth)
    others = [match.advisory for match in group if match is not best]
    advisory = best.advisory
    id = advisory.cve or advisory.id
    named = (name for known in (advisory, *others) for name in (known.id, *known.aliases))
    found: dict[str, Any] = {
        field: _union(advisory, others, field) for field in ("cvss", "cwes", "references", "vendor_ids")
    }
    aliases = tuple(dict.fromkeys(name for name in named if name != id))
    return msgspec.structs.replace(best, advisory=msgspec.structs.replace(advisory, id=id, aliases=aliases, **found))


def _union(first: MatchedAdvisory, others: Iterable[MatchedAdvisory], field: str) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(value for known in (first, *others) for value in getattr(known, field)))


def _worth(match: Match) -> tuple[Any, ...]:
    """Least for the match that tells most: it counts, it was found by name, its fix is known, it is rated."""
    return (
        match.suppressed is not None,
        match.kind == "cpe",
        not match.fix.version,
        -SEVERITY_RANK[match.advisory.severity],
        -match.risk,
        match.advisory.id,
        match.advisory.source,
    )


def ignore_states(matches: Iterable[Match], states: Iterable[str]) -> tuple[Match, ...]:
    """All matches; those whose fix is in one of the states are set aside. Raises ValueError for what is not a state."""
    unwanted = set(states)
    for state in sorted(unwanted.difference(FIX_STATES)):
        raise ValueError(f"there is no fix state {state[:40]!r}{_nearest(state, FIX_STATES)}")
    return tuple(_set_aside(match) if match.fix.state in unwanted else match for match in matches)


def _set_aside(match: Match) -> Match:
    if match.suppressed is not None:
        return match
    return msgspec.structs.replace(
        match, suppressed=Suppression(by="states", reason=f"its fix is in the state {match.fix.state}")
    )


def _nearest(word: str, names: Iterable[str]) -> str:
    known = list(names)
    close = difflib.get_close_matches(word[:100], known, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}"
