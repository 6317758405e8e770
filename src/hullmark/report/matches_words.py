"""What the reports of matches have in common: counts, words for what a match says, places, links."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import msgspec

from hullmark.model.advisory import SEVERITIES, Cvss, Severity
from hullmark.model.inventory import Distro, Inventory
from hullmark.model.match import Epss, Fix, Kev, Match, MatchedAdvisory, Matches, SnapshotInfo
from hullmark.model.package import Package
from hullmark.model.plural import plural
from hullmark.model.purl import make_purl, quote
from hullmark.model.reach import REACHES, MatchReach
from hullmark.report.documents import EPOCH, moment
from hullmark.report.format import RenderContext

T = TypeVar("T")

WORST_FIRST: tuple[Severity, ...] = SEVERITIES[::-1]  # type: ignore[assignment] # the tuple is the literal's words
"""The severities, the worst first."""

_BANDS: tuple[tuple[float, Severity], ...] = ((9.0, "critical"), (7.0, "high"), (4.0, "medium"), (0.1, "low"))
_SCORE = {"critical": 9.0, "high": 7.0, "medium": 4.0, "low": 0.1, "negligible": 0.1}
_STATES = {"not-fixed": "not fixed", "wont-fix": "won't fix", "fixed": "", "unknown": ""}
_URL = re.compile(r"https?://[A-Za-z0-9\-._~:/?#@!$&'()*+,;=%]{1,2000}").fullmatch
_PAGES = (
    ("CVE-", "https://nvd.nist.gov/vuln/detail/"),
    ("GHSA-", "https://github.com/advisories/"),
    ("DSA-", "https://security-tracker.debian.org/tracker/"),
    ("RHSA-", "https://access.redhat.com/errata/"),
    ("ALSA-", "https://osv.dev/vulnerability/"),
    ("GO-", "https://pkg.go.dev/vuln/"),
    ("PYSEC-", "https://osv.dev/vulnerability/"),
    ("RUSTSEC-", "https://rustsec.org/advisories/"),
)
_ID = re.compile(r"[A-Za-z0-9.:_-]{1,100}").fullmatch
_IDS = re.compile(r" \((?:[A-Z]+-[A-Za-z0-9:.-]{1,60}(?:, )?)+(?: and [0-9,]+ more)?\)\Z")
"""The advisories that a reason names at its end."""

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII).fullmatch


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How many matches count, by severity, and how many of them have a fix or are known to be exploited."""

    total: int
    by_severity: dict[str, int]
    fixable: int
    exploited: int
    suppressed: int
    unknown: int
    uncovered: int


def counting(matches: Iterable[Match]) -> list[Match]:
    """The matches that count: those that nothing suppresses."""
    return [match for match in matches if match.suppressed is None]


def count(matches: Matches) -> Counts:
    """The numbers of a report."""
    found = counting(matches.matches)
    by_severity = Counter(match.advisory.severity for match in found)
    return Counts(
        total=len(found),
        by_severity={severity: by_severity[severity] for severity in WORST_FIRST if by_severity[severity]},
        fixable=sum(bool(match.fix.version) for match in found),
        exploited=sum(match.advisory.kev is not None for match in found),
        suppressed=len(matches.matches) - len(found),
        unknown=len(matches.unknown),
        uncovered=len(matches.uncovered),
    )


def summary(matches: Matches) -> str:
    """One line: all numbers that are not zero. What was not checked is not called clean."""
    counts = count(matches)
    none = "no known vulnerabilities" if matches.snapshot else "nothing is known, because no advisories were used"
    total = f"{counts.total} vulnerability" if counts.total == 1 else f"{counts.total} vulnerabilities"
    words = ", ".join(f"{number} {severity}" for severity, number in counts.by_severity.items())
    parts = [
        f"{total} ({words})" if counts.total else none,
        f"{counts.fixable} fixable" if counts.total else "",
        f"{counts.exploited} known to be exploited" if counts.exploited else "",
        f"{counts.suppressed} suppressed" if counts.suppressed else "",
        f"{plural(counts.unknown, 'package')} unknown" if counts.unknown else "",
        f"{plural(counts.uncovered, 'gap')} in the advisories" if counts.uncovered else "",
    ]
    return "; ".join(part for part in parts if part)


def sentence(text: str) -> str:
    """The text with a capital letter."""
    return text[:1].upper() + text[1:]


def fixed_in(fix: Fix) -> str:
    """The version without the vulnerability, or what is known of one; "" for nothing."""
    return fix.version or _STATES[fix.state]


def advice(match: Match) -> str:
    """What can be done, as a sentence."""
    name = match.package.name
    if match.fix.version:
        return f"Update {name} to {match.fix.version} or later."
    if match.fix.state == "wont-fix":
        return f"No fix of {name} is planned; remove or replace it."
    if match.fix.state == "not-fixed":
        return f"No fixed version of {name} is available yet."
    return f"It is not known whether a fixed version of {name} is available."


def percent(share: float) -> str:
    """`0.04%`, `7.3%`, `94%`: a share of 1 in three digits at most."""
    value = share * 100
    digits = 0 if value >= 10 else 1 if value >= 1 else 2
    return f"{value:.{digits}f}%"


def reach_text(match: Match) -> str:
    """Whether the image's start reaches it; "" where nobody looked."""
    return match.reach.reach if match.reach is not None else ""


_MOST_STEPS = 6


def reach_clause(found: MatchReach) -> str:
    """Whether the image's start reaches a package, and how: the files on the shortest way, the middle of a long one left out."""
    if found.reach == "unreachable":
        return "unreachable: nothing that the image starts can come to use it"
    if found.reach == "unknown":
        return "unknown whether the image's start reaches it" + (f" ({found.reason})" if found.reason else "")
    paths = [step.path for step in found.witness]
    half = _MOST_STEPS // 2
    steps = [*paths[:half], "…", *paths[-half:]] if len(paths) > _MOST_STEPS else paths
    return f"reachable: {' → '.join(steps)}" if steps else "reachable"


def ssvc_text(match: Match) -> str:
    """The SSVC decision, with a question mark where a part of it is not known; "" where there is none."""
    return f"{match.ssvc.level}{'?' if match.ssvc.assumed else ''}" if match.ssvc is not None else ""


def reach_counts(matches: Matches) -> str:
    """How many of the matches that count are in packages that are reached, unknown and unreachable."""
    found = Counter(map(reach_text, counting(matches.matches)))
    return ", ".join(f"{found[reach]} {reach}" for reach in REACHES)


def epss_text(epss: Epss | None) -> str:
    """The probability of exploitation, "" if it is not known."""
    return percent(epss.score) if epss else ""


def kev_text(kev: Kev | None) -> str:
    """The mark of what is known to be exploited."""
    return "" if kev is None else "ransom" if kev.ransomware else "KEV"


def severity_of(score: float) -> Severity:
    """The word for a CVSS base score, `unknown` for 0."""
    return next((severity for floor, severity in _BANDS if score >= floor), "unknown")


def main_rating(advisory: MatchedAdvisory) -> Cvss | None:
    """The first rating that agrees with the severity, else the first of all."""
    rated = [rating for rating in advisory.cvss if rating.score > 0]
    agreeing = (rating for rating in rated if severity_of(rating.score) == advisory.severity)
    return next(agreeing, rated[0] if rated else None)


def score_of(advisory: MatchedAdvisory) -> float | None:
    """A score from 0.1 to 10 for the severity: a rating's, where one agrees with the severity's word.

    Many consumers sort by numbers only; the word is the better judgement, because it is the distribution's own.
    """
    rating = main_rating(advisory)
    if rating and advisory.severity in (severity_of(rating.score), "unknown"):
        return rating.score
    return _SCORE.get(advisory.severity)


def is_url(text: str) -> bool:
    """Whether the text is a plain web address that may become a link."""
    return _URL(text) is not None


def page_of(advisory: MatchedAdvisory) -> str:
    """Where people read about the advisory; "" if unknown."""
    for id in (advisory.id, advisory.cve):
        if _ID(id):
            for start, site in _PAGES:
                if id.startswith(start):
                    return site + id
    return next(filter(is_url, advisory.references), "")


def place_of(package: Package) -> str:
    """The path of the package's record, "" if there is none."""
    return package.locations[0].path if package.locations else ""


def relative_uri(path: str) -> str:
    """A path of the image as a relative URI reference (RFC 3986), "" for none."""
    segments = [segment for segment in path.split("/") if segment not in ("", ".", "..")]
    return "/".join(quote(segment).replace(":", "%3A") for segment in segments)


def purl_of(package: Package) -> str:
    """The package URL; a generic one for a package that has none."""
    return package.purl or make_purl("generic", package.name or "unknown", package.version)


def system_of(distro: Distro | None) -> str:
    """The distribution in words."""
    if distro is None:
        return "not recognised"
    return distro.pretty_name or f"{distro.id} {distro.version_id}".strip()


def snapshot_text(snapshot: SnapshotInfo | None) -> str:
    """What was matched with, in words."""
    if snapshot is None:
        return "no advisories were used"
    return f"{snapshot.digest} of {snapshot.data_at}" if snapshot.data_at else snapshot.digest


def when(matches: Matches, context: RenderContext) -> str:
    """The time for documents that must have one: the requested one, else that of the advisories, else the epoch."""
    data_at = matches.snapshot.data_at if matches.snapshot else ""
    return moment(context.timestamp) or day_or_moment(data_at) or EPOCH


def day_or_moment(text: str) -> str:
    """The text as an RFC 3339 time; a day begins at midnight. "" for what is neither."""
    return moment(f"{text}T00:00:00Z" if _DAY(text) else text) or ""


def reasons(matches: Matches) -> Iterator[tuple[str, list[Package]]]:
    """Each reason for a gap, without its full stop, with the packages it applies to.

    What is said of several packages with their names, or the ids of their advisories, in it is one reason, without these.
    """
    told = ((untold.reason, untold.package) for untold in matches.unknown)
    yield from by_reason((reason, (package.name, *_sources(package)), package) for reason, package in told)


def _sources(package: Package) -> tuple[str, ...]:
    return (package.source.name,) if package.source else ()


def by_reason(told: Iterable[tuple[str, Sequence[str], T]]) -> Iterator[tuple[str, list[T]]]:
    """(reason, names that may stand in it, what it is about) → each reason, as `reasons` has it, with all that it is about."""
    alike: dict[str, list[tuple[str, T]]] = {}
    for whole, names, about in told:
        reason = whole.removesuffix(".")
        without = _IDS.sub("", reason)
        for name in sorted(names, key=len, reverse=True):
            without = without.replace(f" of {name} ", " of these ")
        alike.setdefault(without, []).append((reason, about))
    for reason, found in alike.items():
        same = {name for name, _ in found}
        yield same.pop() if len(same) == 1 else reason, [about for _, about in found]


def some(names: Sequence[str], most: int) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def as_inventory(matches: Matches, packages: Iterable[Package] = ()) -> Inventory:
    """What was inspected as an inventory of these packages."""
    return Inventory(source=matches.source, distro=matches.distro, packages=tuple(packages), problems=matches.problems)
