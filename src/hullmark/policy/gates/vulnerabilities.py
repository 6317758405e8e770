"""Gate `vulnerabilities`: what advisories report about the packages, and what they do not cover.

Vulnerabilities that a distribution, a VEX statement or an ignore rule set aside do not count, unless the rule asks for them. Matches by CPE
are guesses and count only if the rule asks for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Literal

from msgspec import Meta

from hullmark.model.advisory import EXPLOITED, FixState, Severity
from hullmark.model.match import Match, Matches, SuppressedBy
from hullmark.model.package import Package
from hullmark.model.problem import Fact
from hullmark.model.reach import Reach
from hullmark.model.verdict import Evidence
from hullmark.policy.days import day_in, later, moment_in, starts, today
from hullmark.policy.exploitation import exploited_gap, has_risk, may_be_exploited
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.rated import severe, severity_by
from hullmark.policy.reached import Reaches, is_reached, reach_needs, reach_words, untold_reach
from hullmark.policy.scores import ScoreRequirement
from hullmark.policy.values import NameGlob, Score, Share
from hullmark.policy.weakness import fix_sentence, weakness_in

Unrated = Literal["cannot-tell", "count", "ignore"]

_BECOMES: dict[Unrated, bool | None] = {"cannot-tell": None, "count": True, "ignore": False}

SourceName = Annotated[str, Meta(min_length=1, max_length=100)]
Ids = Annotated[tuple[NameGlob, ...], Meta(description="Only these, by any of their names; none: all.")]
AllowIds = Annotated[
    tuple[NameGlob, ...], Meta(description="Vulnerabilities that do not count, by any of their names.")
]
Packages = Annotated[tuple[NameGlob, ...], Meta(description="Only in these packages; none: in all.")]
AllowPackages = Annotated[tuple[NameGlob, ...], Meta(description="Packages that do not count.")]
Types = Annotated[
    tuple[str, ...], Meta(description="Only in packages of these purl types (deb, pypi …); none: of all types.")
]
ExceptTypes = Annotated[tuple[str, ...], Meta(description="Packages of these purl types do not count.")]
SetAside = Annotated[
    tuple[SuppressedBy, ...],
    Meta(description="Vulnerabilities that were set aside by these means (such as vex) count, too."),
]
Cpe = Annotated[bool, Meta(description="Whether guesses by CPE name count too.")]
Days = Annotated[int, Meta(ge=0, le=100_000)]


class _About(Params, frozen=True, kw_only=True):
    """Which matches count."""

    packages: Packages = ()
    allow: AllowPackages = ()
    types: Types = ()
    except_types: ExceptTypes = ()
    set_aside: SetAside = ()
    cpe: Cpe = False
    reach: Reaches = ()


class VulnerabilityFindings(_About, frozen=True, kw_only=True):
    """Fires for each vulnerability of a package that meets all conditions given; without conditions, for every vulnerability."""

    severity: Annotated[Severity | None, Meta(description="The lowest severity that counts.")] = None
    severities: Annotated[
        tuple[Severity, ...], Meta(description="Only these severities; unknown can be one of them. None: all.")
    ] = ()
    severity_from: Annotated[
        tuple[SourceName, ...],
        Meta(
            description="Whose severity is taken, the first that has one: nvd, vendor (who maintains the package's advisories), "
            "any, or a source by name (ghsa, debian, redhat); none: any."
        ),
    ] = ()
    cvss: Annotated[Score | None, Meta(description="The lowest CVSS base score that counts, by any rating.")] = None
    scores: Annotated[
        tuple[ScoreRequirement, ...], Meta(description="Conditions on CVSS scores that must all be met.")
    ] = ()
    epss: Annotated[Share | None, Meta(description="The lowest probability of exploitation (EPSS) that counts.")] = None
    epss_percentile: Annotated[Share | None, Meta(description="The lowest EPSS percentile that counts.")] = None
    exploited: Annotated[bool | None, Meta(description="Known to be exploited (KEV), or not known to be.")] = None
    ransomware: Annotated[bool, Meta(description="Only those that ransomware is known to use.")] = False
    risk: Annotated[
        Annotated[int, Meta(ge=0, le=100)] | None, Meta(description="The lowest risk that counts, from 0 to 100.")
    ] = None
    fix: Annotated[tuple[FixState, ...], Meta(description="Only with these states of the fix; none: all.")] = ()
    fixed_for_days: Annotated[Days | None, Meta(description="A fix has been available for at least this long.")] = None
    known_for_days: Annotated[Days | None, Meta(description="It was published at least this long ago.")] = None
    ids: Ids = ()
    allow_ids: AllowIds = ()
    sources: Annotated[
        tuple[NameGlob, ...], Meta(description="Only advisories of these feeds or namespaces (debian:12); none: all.")
    ] = ()
    unrated: Annotated[
        Unrated,
        Meta(description="What to do with a vulnerability that lacks the rating or date for a condition."),
    ] = "cannot-tell"
    when_unrated: Annotated[
        Unrated | None,
        Meta(description="What to do with a vulnerability without a severity; none: as `unrated`."),
    ] = None
    undated: Annotated[
        Unrated | None, Meta(description="What to do with a vulnerability without a date; none: as `unrated`.")
    ] = None


class ListedVulnerabilities(_About, frozen=True, kw_only=True):
    """Fires for each vulnerability with one of these ids, whatever its severity."""

    ids: Annotated[tuple[NameGlob, ...], Meta(description="CVE, GHSA or other ids; wildcards may be used.")]

    def __post_init__(self) -> None:
        if not self.ids:
            raise ValueError("expected at least one id")


class NoData(Params, frozen=True, kw_only=True):
    """Fires for each package whose vulnerabilities are not known: no advisories can be matched with it, or they are no longer recorded."""

    packages: Packages = ()
    allow: AllowPackages = ()
    types: Types = ()


class StaleData(Params, frozen=True, kw_only=True):
    """Fires if the advisories are more than `max_days` days old. If their date is not known, the rule cannot be judged."""

    max_days: Annotated[int, Meta(ge=0, le=100_000, description="The largest age in days.")]
    exact: Annotated[
        bool,
        Meta(description="Whether the age is in seconds, from midnight (UTC) of a date; otherwise in whole days."),
    ] = False


def check_findings(params: VulnerabilityFindings, facts: Facts) -> Iterator[Answer]:
    """Check each match."""
    doubted: list[Match] = []
    for subject, matches in _by_subject(params, facts).items():
        answers = [_meets(params, match, facts) for match in matches]
        met = next((match for match, answer in zip(matches, answers, strict=True) if answer is True), None)
        open_ = next((match for match, answer in zip(matches, answers, strict=True) if answer is None), None)
        if met is not None:
            yield _violation(
                subject, met, facts, severity_by(met.advisory, params.severity_from).severity, params.reach
            )
        elif open_ is not None and is_reached(params.reach, open_.package, facts) is None:
            yield untold_reach(open_.package, facts, _name(open_))
        elif open_ is not None and not _lacking(params, open_, facts):
            doubted.append(open_)
        elif open_ is not None:
            reason = f"{_lacking(params, open_, facts)} of {_name(open_)} in {open_.package.name} is not known"
            yield CannotTell(reason, _evidence(open_, facts), kind="uncovered")
    if doubted:
        some = f"{_name(doubted[0])} and {len(doubted) - 1:,} more are" if doubted[1:] else f"{_name(doubted[0])} is"
        reason = f"whether {some} known to be exploited cannot be told: {exploited_gap(facts)}"
        yield CannotTell(reason, _evidence(doubted[0], facts), subject=EXPLOITED, kind="uncovered")


def check_listed_vulnerabilities(params: ListedVulnerabilities, facts: Facts) -> Iterator[Answer]:
    """Look for the ids."""
    for subject, matches in _by_subject(params, facts).items():
        match = next((match for match in matches if _fits(params.ids, _names(match))), None)
        if match is None:
            continue
        is_meant = is_reached(params.reach, match.package, facts)
        if is_meant:
            yield _violation(subject, match, facts, match.advisory.severity, params.reach)
        elif is_meant is None:
            yield untold_reach(match.package, facts, _name(match))


def no_data(params: NoData, facts: Facts) -> Iterator[Answer]:
    """Report packages about which nothing can be said."""
    reasons: dict[str, list[str]] = {}
    packages: dict[str, Package] = {}
    for untold in _matches(facts).unknown:
        if _is_about(params, untold.package):
            packages[untold.package.purl] = untold.package
            reasons.setdefault(untold.package.purl, []).append(untold.reason)
    for purl, package in packages.items():
        reason = "; ".join(reasons[purl])
        message = (
            f"Of vulnerabilities in {package.name} {package.version} ({package.type}) nothing can be said: {reason}."
        )
        yield Violation(purl, message, facts.at_package(package))


def stale_data(params: StaleData, facts: Facts) -> Iterator[Answer]:
    """Check the date of the advisories."""
    snapshot = _matches(facts).snapshot
    moment = moment_in(snapshot.data_at) if snapshot is not None else None
    if snapshot is None or moment is None:
        yield CannotTell("the age of the advisories is not known", kind="uncovered")
        return
    days = (today(facts.now) - moment.date()).days
    is_stale = facts.now - moment > timedelta(params.max_days) if params.exact else days > params.max_days
    if is_stale:
        message = f"The advisories are of {moment.date()}, {days} days ago, and may be {params.max_days} days old."
        yield Violation("advisories", message, (Evidence(detail=snapshot.digest),))


def _by_subject(params: VulnerabilityFindings | ListedVulnerabilities, facts: Facts) -> dict[str, list[Match]]:
    """The matches that count, by vulnerability and package, because several advisories may cover the same vulnerability."""
    grouped: dict[str, list[Match]] = {}
    for match in _matches(facts).matches:
        is_counted = match.suppressed is None or match.suppressed.by in params.set_aside
        if is_counted and (params.cpe or match.kind != "cpe") and _is_about(params, match.package):
            grouped.setdefault(f"{_name(match)}+{match.package.purl}", []).append(match)
    return grouped


def _is_about(params: VulnerabilityFindings | ListedVulnerabilities | NoData, package: Package) -> bool:
    names = (package.name, package.source.name) if package.source else (package.name,)
    if (params.types and package.type not in params.types) or package.type in params.left_out_types:
        return False
    return (not params.packages or _fits(params.packages, names)) and not _fits(params.allow, names)


def _meets(params: VulnerabilityFindings, match: Match, facts: Facts) -> bool | None:
    """Whether all conditions are met; None if that is not known."""
    advisory, names = match.advisory, _names(match)
    if (params.ids and not _fits(params.ids, names)) or _fits(params.allow_ids, names):
        return False
    if params.sources and not _fits(params.sources, (advisory.source, advisory.namespace)):
        return False
    answers = {
        *(answer for _, answer in _test_conditions(params, match, facts)),
        *_test_exploitation(params, match, facts),
    }
    answers.add(is_reached(params.reach, match.package, facts))
    return False if False in answers else None if None in answers else True


def _test_exploitation(params: VulnerabilityFindings, match: Match, facts: Facts) -> Iterator[bool | None]:
    """The results of the conditions that depend on what is known to be exploited."""
    kev, is_doubtful = match.advisory.kev, may_be_exploited(match, facts)
    if params.exploited is not None:
        yield None if is_doubtful else params.exploited == (kev is not None)
    if params.ransomware:
        yield None if is_doubtful else bool(kev and kev.ransomware)
    if params.risk is not None:
        yield has_risk(match, params.risk, facts)


def _lacking(params: VulnerabilityFindings, match: Match, facts: Facts) -> str:
    return " and ".join(name for name, answer in _test_conditions(params, match, facts) if answer is None)


def _test_conditions(params: VulnerabilityFindings, match: Match, facts: Facts) -> Iterator[tuple[str, bool | None]]:
    """The results of the conditions that need a rating or a date. Missing ratings and dates count as the rule wants them to."""
    for answer in severe(match.advisory, params.severity, params.severities, params.severity_from):
        yield "the severity", _BECOMES[params.when_unrated or params.unrated] if answer is None else answer
    for name, answer in _test_ratings(params, match):
        yield name, _BECOMES[params.unrated] if answer is None else answer
    for name, answer in _test_dates(params, match, facts):
        yield name, _BECOMES[params.undated or params.unrated] if answer is None else answer


def _test_ratings(params: VulnerabilityFindings, match: Match) -> Iterator[tuple[str, bool | None]]:
    """The results of the other conditions that need a rating."""
    advisory, epss = match.advisory, match.advisory.epss
    if params.cvss is not None:
        yield "the CVSS score", _at_least(max((rating.score for rating in advisory.cvss), default=None), params.cvss)
    for condition in params.scores:
        yield f"the CVSS {condition.score} score", condition.is_met(advisory.cvss)
    if params.epss is not None:
        yield "the EPSS score", _at_least(epss.score if epss else None, params.epss)
    if params.epss_percentile is not None:
        yield "the EPSS percentile", _at_least(epss.percentile if epss else None, params.epss_percentile)
    if params.fix:
        # If no source states whether there is a fix, there may be one.
        is_unknown = match.fix.state == "unknown" not in params.fix
        yield "the state of the fix", None if is_unknown else match.fix.state in params.fix


def _test_dates(params: VulnerabilityFindings, match: Match, facts: Facts) -> Iterator[tuple[str, bool | None]]:
    """The results of the conditions that need a date."""
    if params.fixed_for_days is not None:
        is_open = match.fix.state in ("not-fixed", "wont-fix")
        yield "the date of the fix", False if is_open else _since(match.fix.date, params.fixed_for_days, facts)
    if params.known_for_days is not None:
        yield "the date of publication", _since(match.advisory.published, params.known_for_days, facts)


def _at_least(number: float | None, least: Score | Share) -> bool | None:
    return None if number is None else number >= least.number


def _since(text: str, days: int, facts: Facts) -> bool | None:
    day = day_in(text)
    return None if day is None else (today(facts.now) - day).days >= days


def _violation(subject: str, match: Match, facts: Facts, severity: Severity, reach: tuple[Reach, ...]) -> Violation:
    advisory, package = match.advisory, match.package
    rating = f"{severity} severity"
    notes = [f"known to be exploited since {advisory.kev.added}"] if advisory.kev else []
    if advisory.epss is not None:
        notes.append(f"EPSS {advisory.epss.score:.1%}")
    if match.suppressed is not None:
        notes.append(f"set aside by {match.suppressed.by}: {match.suppressed.reason}")
    message = (
        f"{package.name} {package.version} ({package.type}) has {_name(match)} ({', '.join((rating, *notes))}): "
        f"{match.why}. {fix_sentence(match)}{reach_words(reach, package, facts)}"
    )
    return Violation(subject, message, _evidence(match, facts), weakness_in(match))


def _evidence(match: Match, facts: Facts) -> tuple[Evidence, ...]:
    return facts.at_package(match.package) or (Evidence(detail=match.version),)


def _name(match: Match) -> str:
    return match.advisory.cve or match.advisory.id


def _names(match: Match) -> tuple[str, ...]:
    advisory = match.advisory
    return tuple(filter(None, (advisory.id, advisory.cve, *advisory.aliases, *advisory.vendor_ids)))


def _fits(globs: Iterable[NameGlob], names: Iterable[str]) -> bool:
    return any(glob.matches(name) for glob in globs for name in names)


def _matches(facts: Facts) -> Matches:
    assert facts.matches is not None, "rules that need matches are not asked without them"  # noqa: S101
    return facts.matches


def _turns(params: VulnerabilityFindings, facts: Facts) -> Iterator[datetime]:
    """The times at which matches reach the ages that the rule gives, if they meet everything else."""
    for match in (match for matches in _by_subject(params, facts).values() for match in matches):
        given = ((match.fix.date, params.fixed_for_days), (match.advisory.published, params.known_for_days))
        days = [(day, count) for text, count in given if count is not None and (day := day_in(text)) is not None]
        last = max((moment for day, count in days for moment in starts(day, count)), default=facts.now)
        if last > facts.now and _meets(params, match, replace(facts, now=last)) is not False:
            yield last


def _grows_stale(params: StaleData, facts: Facts) -> Iterator[datetime]:
    snapshot = _matches(facts).snapshot
    moment = moment_in(snapshot.data_at) if snapshot is not None else None
    if moment is not None and params.exact:
        yield from later(moment, params.max_days, is_beyond=True)
    elif moment is not None:
        yield from starts(moment.date(), params.max_days + 1)


def _upgrade(params: VulnerabilityFindings | ListedVulnerabilities, subject: str) -> str:
    name, _, purl = subject.partition("+")
    package = purl.rpartition("/")[2].partition("?")[0]
    return f"upgrade {package} to a version without {name}, remove it, or state in a VEX document why it does not apply"


def _refresh(params: StaleData, subject: str) -> str:
    return "run hullmark db update, or import a newer snapshot"


_NEEDS = frozenset((Need.MATCHES,))
_NOTHING: frozenset[Fact] = frozenset()

TRIGGERS = (
    Trigger(
        gate="vulnerabilities",
        name="found",
        params=VulnerabilityFindings,
        check=check_findings,
        needs=_NEEDS,
        also_needs=reach_needs,
        advice=_upgrade,
        deadlines=_turns,
    ),
    Trigger(
        gate="vulnerabilities",
        name="listed",
        params=ListedVulnerabilities,
        check=check_listed_vulnerabilities,
        needs=_NEEDS,
        also_needs=reach_needs,
        advice=_upgrade,
    ),
    Trigger(gate="vulnerabilities", name="no_data", params=NoData, check=no_data, looks_at=_NOTHING, needs=_NEEDS),
    Trigger(
        gate="vulnerabilities",
        name="stale_data",
        params=StaleData,
        check=stale_data,
        looks_at=_NOTHING,
        needs=_NEEDS,
        advice=_refresh,
        deadlines=_grows_stale,
    ),
)
