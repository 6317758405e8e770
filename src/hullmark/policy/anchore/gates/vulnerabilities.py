"""Gate `vulnerabilities`: what advisories report about the packages, and how old the advisories are."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hullmark.model.advisory import Cvss
from hullmark.policy.anchore.distros import namespaces_of
from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.params import Kind, Parameter, Values
from hullmark.policy.anchore.regexes import compile_expression
from hullmark.policy.anchore.rows import SYSTEM_TYPES, MatchRow
from hullmark.policy.anchore.trigger import PACKAGES, Answer, Scope, Trigger, TriggerMatch
from hullmark.policy.context import in_utc
from hullmark.policy.cvss3 import (
    MISSING,
    base_score,
    exploitability_score,
    highest,
    impact_score,
    nvd_ratings,
    vendor_ratings,
)
from hullmark.policy.days import later
from hullmark.policy.exploitation import exploited_gap, may_be_exploited
from hullmark.policy.gate import CannotTell, Need
from hullmark.policy.weakness import weakness_in

_SEVERITIES = ("unknown", "negligible", "low", "medium", "high", "critical")
_COMPARISONS = ("=", "!=", "<", ">", "<=", ">=")
_MAX_DAYS = 100_000
_SCORES: dict[str, Callable[[Cvss], float]] = {
    "cvss_v3_base_score": base_score,
    "cvss_v3_exploitability_score": exploitability_score,
    "cvss_v3_impact_score": impact_score,
}


@dataclass(frozen=True, slots=True)
class _MetConditions:
    """The message's wording for the conditions that were met: scores, times, the vendor's scores."""

    scores: str
    times: str
    vendor_scores: str


def _compare(left: float, comparison: str, right: float) -> bool:
    return {
        "=": left == right,
        "!=": left != right,
        "<": left < right,
        ">": left > right,
        "<=": left <= right,
        ">=": left >= right,
    }[comparison]


def package(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Check each match; all conditions that are given must hold."""
    excluded = values.text("package_path_exclude")
    is_excluding = bool(excluded) or (values.has("package_path_exclude") and facts.keeps("QS3"))
    exclude = compile_expression(excluded) if is_excluding else None
    for found in facts.matches:
        row = found.row
        if not _is_wanted(found, values, facts):
            continue
        if exclude is not None and row.is_language and exclude.matches(row.location, facts.work):
            continue
        met = _conditions(found, values, facts)
        if isinstance(met, CannotTell):
            yield met
        elif met is not None:
            yield _make_trigger_match(found, met, facts)


def _is_wanted(found: MatchRow, values: Values, facts: AnchoreFacts) -> bool:
    kind = values.text("package_type")
    if kind != "all" and found.row.is_language is not (kind == "non-os"):
        return False
    comparison = values.text("severity_comparison", ">")
    wanted = _SEVERITIES.index(values.text("severity", "unknown"))
    if not _compare(_SEVERITIES.index(found.match.advisory.severity), comparison, wanted):
        return False
    if values.flag("vendor_only", default=True) and found.match.fix.state == "wont-fix":
        return False
    if not values.has("fix_available") or (facts.keeps("Q20") and "fix_available" in values.bare_false):
        return True
    return values.flag("fix_available") is bool(found.match.fix.version)


def _conditions(found: MatchRow, values: Values, facts: AnchoreFacts) -> _MetConditions | CannotTell | None:
    """The conditions that a match meets; None if one of them does not hold."""
    ratings = found.match.advisory.cvss
    scores = _scores("", nvd_ratings(ratings), values, facts)
    vendor_scores = _scores("vendor_", vendor_ratings(ratings), values, facts)
    if scores is None or vendor_scores is None:
        return None
    times = _times(found, values, facts)
    if times is None or isinstance(times, CannotTell):
        return times
    return _MetConditions(scores, times, vendor_scores)


def _scores(prefix: str, ratings: list[Cvss], values: Values, facts: AnchoreFacts) -> str | None:
    shown = []
    for name, score_of in _SCORES.items():
        limit = values.number(prefix + name)
        if limit is None:
            continue
        score = highest(ratings, score_of)
        if score == MISSING and not facts.keeps("Q36"):
            if values.text("if_missing", "skip") == "skip":
                return None
        elif not _compare(score, values.text(f"{prefix}{name}_comparison", ">="), limit):
            return None
        if score:
            shown.append(f"{prefix}{name}={score}")
    return f"({' '.join(shown)})" if shown else ""


def _times(found: MatchRow, values: Values, facts: AnchoreFacts) -> str | CannotTell | None:
    key = f"{found.match.advisory.id}+{found.row.name}"
    shown = []
    days = values.integer("max_days_since_creation")
    if days is not None:
        seen = in_utc(facts.context.first_seen.get(key, facts.now))
        if seen > _days_ago(facts.now, days):
            return None
        shown.append(f"max_days_since_creation={seen.date()}")
    days = values.integer("max_days_since_fix")
    if days is not None and values.flag("fix_available") and found.match.fix.version:
        fixed = _fixed_at(found, key, facts)
        if fixed is None and not facts.keeps("Q39"):
            what = f"{found.match.advisory.id} of {found.row.name}"
            return CannotTell(f"it is not known since when there is a fix for {what}", facts.at_row(found.row))
        if fixed is not None:
            if fixed > _days_ago(facts.now, days):
                return None
            shown.append(f"max_days_since_fix={fixed.date()}")
    return f"({' '.join(shown)})" if shown else ""


def _fixed_at(found: MatchRow, key: str, facts: AnchoreFacts) -> datetime | None:
    given = facts.context.fix_observed.get(key)
    if given is not None:
        return in_utc(given)
    try:
        return in_utc(datetime.fromisoformat(found.match.fix.date)) if not facts.keeps("Q39") else None
    except ValueError:
        return None


def _turns(values: Values, facts: AnchoreFacts) -> Iterator[datetime]:
    """The times at which a match has been known, or its fix available, for the number of days the rule gives."""
    known, fixed = values.integer("max_days_since_creation"), values.integer("max_days_since_fix")
    if known is None and fixed is None:
        return
    for found in facts.matches:
        key = f"{found.match.advisory.id}+{found.row.name}"
        if not _is_wanted(found, values, facts):
            continue
        if known is not None and key in facts.context.first_seen:
            yield from later(in_utc(facts.context.first_seen[key]), min(known, _MAX_DAYS))
        since = _fixed_at(found, key, facts) if fixed is not None else None
        if since is not None and fixed is not None:
            yield from later(since, min(fixed, _MAX_DAYS))


def _grows_stale(values: Values, facts: AnchoreFacts) -> Iterator[datetime]:
    data = facts.context.vulnerability_data
    if data is not None and data.built_at is not None:
        days = values.integer("max_days_since_sync") or 0
        yield from later(in_utc(data.built_at), min(days, _MAX_DAYS), is_beyond=True)


def _days_ago(now: datetime, days: int) -> datetime:
    try:
        return now - timedelta(days=min(days, _MAX_DAYS))
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)


def _make_trigger_match(found: MatchRow, met: _MetConditions, facts: AnchoreFacts) -> TriggerMatch:
    row, advisory = found.row, found.match.advisory
    place = "non-os" if row.is_language else "os"
    link = advisory.references[0] if advisory.references else ""
    fix = f"(fixed in: {found.match.fix.version})" if found.match.fix.version else ""
    shown = row.location if row.is_language else row.name
    return TriggerMatch(
        message=(
            f"{advisory.severity.upper()} Vulnerability found in {place} package type ({row.kind}) - {shown} "
            f"{fix}{met.scores}{met.times}{met.vendor_scores}({advisory.id} - {link})"
        ),
        subject=f"{advisory.id} {row.subject}",
        legacy_id=f"{advisory.id}+{_legacy_name(found)}",
        evidence=facts.at_row(row, found.match.why),
        weakness=weakness_in(found.match),
    )


def _legacy_name(found: MatchRow) -> str:
    row = found.row
    if not row.is_language:
        return row.name
    parts = row.location.split("/")
    name = parts[-1] if row.kind in ("java", "gem") else parts[-2] if row.kind == "npm" and len(parts) > 1 else ""
    return name or f"{row.name}-{row.version}"


def kev_list(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Report matches that are known to be exploited. If the list of exploited vulnerabilities is incomplete, `compat` treats the rest as
    not exploited.
    """
    doubted: list[MatchRow] = []
    for found in facts.matches:
        advisory = found.match.advisory
        if may_be_exploited(found.match, facts.facts) and not facts.profile.is_compat:
            doubted.append(found)
        elif advisory.kev is not None:
            yield TriggerMatch(
                message=f"{advisory.id} of {found.row.name} is in the catalogue of known exploited vulnerabilities",
                subject=f"{advisory.id} {found.row.subject}",
                evidence=facts.at_row(found.row, f"known to be exploited since {advisory.kev.added}"),
                weakness=weakness_in(found.match),
            )
    if doubted:
        first = doubted[0]
        some = f"{first.match.advisory.id} of {first.row.name}"
        more = f"{some} and {len(doubted) - 1:,} more are" if doubted[1:] else f"{some} is"
        reason = f"whether {more} known to be exploited cannot be told: {exploited_gap(facts.facts)}"
        yield CannotTell(reason, facts.at_row(first.row))


def denylist(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Look for vulnerabilities by their ids."""
    is_vendor_only = values.flag("vendor_only", default=True)
    matched = {
        name
        for found in facts.matches
        if not (is_vendor_only and found.match.fix.state == "wont-fix")
        for name in _names(found, facts)
    }
    listed = [vulnerability_id for vulnerability_id in values.texts("vulnerability_ids") if vulnerability_id in matched]
    if listed:
        yield TriggerMatch(
            message=f"Blacklisted vulnerabilities detected: {listed}", subject=" ".join(sorted(set(listed)))
        )


def _names(found: MatchRow, facts: AnchoreFacts) -> tuple[str, ...]:
    advisory = found.match.advisory
    # A vulnerability may have several names; the original knows only one of them.
    return (advisory.id,) if facts.profile.is_compat else (advisory.id, *advisory.aliases)


def stale_feed_data(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Check the time of the advisory data."""
    days = values.integer("max_days_since_sync") or 0
    data = facts.context.vulnerability_data
    built_at = data.built_at if data is not None else None
    if built_at is None or in_utc(built_at) < _days_ago(facts.now, days):
        message = f"The vulnerability feed for this image distro is older than MAXAGE ({days}) days"
        yield TriggerMatch(message=message, subject="vulnerability data")


def vulnerability_data_unavailable(values: Values, facts: AnchoreFacts) -> Iterator[Answer]:
    """Check whether the advisory data covers the image's distribution."""
    name, version = facts.distro
    data = facts.context.vulnerability_data
    known = frozenset(data.namespaces if data is not None else ())
    names = {name} if facts.keeps("QS5") else {name, *facts.likes}
    if known.isdisjoint(namespace for distro in names for namespace in namespaces_of(distro, version)):
        message = (
            f"Distro-specific feed data not found for distro namespace: {name}:{version}."
            " Cannot perform CVE scan OS/distro packages"
        )
        yield TriggerMatch(message=message, subject=f"{name}:{version}")


def _make_score_parameters(name: str) -> tuple[Parameter, ...]:
    return (
        Parameter(name=name, kind=Kind.NUMBER),
        Parameter(name=f"{name}_comparison", kind=Kind.CHOICE, choices=_COMPARISONS),
    )


def _build_scope(values: Values) -> Scope:
    kind = values.text("package_type")
    if kind == "non-os":
        return Scope(PACKAGES, left_out=SYSTEM_TYPES)
    return Scope(PACKAGES | {"distro"}, SYSTEM_TYPES if kind == "os" else frozenset())


def _distro(values: Values) -> Scope:
    return Scope(frozenset(("distro",)))


_MATCHES = frozenset((Need.MATCHES,))
_VENDOR_ONLY = Parameter(name="vendor_only", kind=Kind.FLAG)

TRIGGERS = (
    Trigger(
        gate="vulnerabilities",
        name="package",
        check=package,
        deadlines=_turns,
        scope=_build_scope,
        needs=_MATCHES,
        about="Fires for each vulnerability of a package that meets all conditions.",
        parameters=(
            Parameter(name="package_type", kind=Kind.CHOICE, choices=("all", "os", "non-os"), is_required=True),
            Parameter(name="severity_comparison", kind=Kind.CHOICE, choices=_COMPARISONS),
            Parameter(name="severity", kind=Kind.CHOICE, choices=_SEVERITIES),
            Parameter(name="fix_available", kind=Kind.FLAG),
            _VENDOR_ONLY,
            Parameter(name="package_path_exclude"),
            Parameter(name="max_days_since_creation", kind=Kind.INTEGER),
            Parameter(name="max_days_since_fix", kind=Kind.INTEGER),
            *(parameter for name in _SCORES for parameter in _make_score_parameters(name)),
            *(parameter for name in _SCORES for parameter in _make_score_parameters(f"vendor_{name}")),
            Parameter(name="if_missing", kind=Kind.CHOICE, choices=("skip", "fire"), is_addition=True),
        ),
    ),
    Trigger(
        gate="vulnerabilities",
        name="blacklist",
        check=denylist,
        needs=_MATCHES,
        about="Fires if one of these vulnerabilities is found.",
        parameters=(Parameter(name="vulnerability_ids", kind=Kind.TEXTS, is_required=True), _VENDOR_ONLY),
    ),
    Trigger(
        gate="vulnerabilities",
        name="stale_feed_data",
        check=stale_feed_data,
        deadlines=_grows_stale,
        about="Fires if the advisories are older than a number of days, or of unknown age.",
        parameters=(Parameter(name="max_days_since_sync", kind=Kind.INTEGER, is_required=True),),
    ),
    Trigger(
        gate="vulnerabilities",
        name="vulnerability_data_unavailable",
        check=vulnerability_data_unavailable,
        scope=_distro,
        about="Fires if there are no advisories for the image's distribution.",
    ),
    Trigger(
        gate="vulnerabilities",
        name="kev_list",
        check=kev_list,
        needs=_MATCHES,
        is_enterprise=True,
        about="Fires for each vulnerability that is known to be exploited.",
    ),
)
