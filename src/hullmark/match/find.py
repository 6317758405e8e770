"""An inventory and a snapshot → what is wrong with its packages, and what cannot be told. Pure: equal inputs, equal matches."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date
from itertools import groupby

import msgspec

from hullmark.match.book import Ask, Book, Hit
from hullmark.match.distros import Plan, plan_for
from hullmark.match.lookups import RULES, Lookup, is_guessed, is_system, lookups, untold
from hullmark.match.resolve import Affecting, resolve
from hullmark.match.risk import ordered, risk, severity_of
from hullmark.match.why import why
from hullmark.model.advisory import Advisory, Cvss, Exploitability, Exploited, Lifecycle, Severity
from hullmark.model.inventory import Inventory
from hullmark.model.match import Epss, Kev, Match, Matches, Named, SnapshotInfo, Suppressed, Untold
from hullmark.model.package import UNKNOWN_VERSION, Package
from hullmark.model.problem import Problem
from hullmark.versions import InvalidVersion, scheme_named

ROOM = "match"

_RATERS = ("nvd", "vulnrichment", "redhat", "ubuntu", "debian")
_NO_CHANNELS: tuple[str, ...] = ()
_STALE_DAYS = 30
_FEW = 100


def find(
    inventory: Inventory,
    book: Book,
    *,
    at: str,
    channels: Collection[str] = _NO_CHANNELS,
    cpe_for_ended: bool = False,
) -> Matches:
    """Every match of an inventory's packages, and every package of which nothing can be said.

    `at` is the day that counts as today (ISO 8601). `channels`: `esm`, `eus` where that paid channel is in use; Ubuntu's is also
    taken for used where a package from it is installed. `cpe_for_ended`: of a release whose regular maintenance is over, NVD is
    asked by name besides.
    """
    plan = plan_for(inventory.distro, book.namespaces, {*channels, *channels_in_use(inventory)})
    plan = msgspec.structs.replace(plan, uses_cpe=cpe_for_ended and _is_unmaintained(plan, book, at))
    told, unknown = _sorted_out(inventory.packages, plan, book.namespaces)
    asked_about = (*told, *(each.package for each in unknown if is_guessed(each.package, plan)))
    questions = [(package, tuple(lookups(package, plan, book.namespaces))) for package in asked_about]
    answers = _answers(book, questions)
    affecting: list[tuple[Package, Affecting]] = []
    for (package, asked), hits in zip(questions, answers, strict=True):
        if hits and (reason := _incomparable(package, asked, hits)):
            unknown.append(Untold(package=package, reason=reason))
        elif hits:
            affecting += [(package, each) for each in resolve(package, asked, hits, plan.release)]
    matches = _Writer(book, plan, inventory.packages, [each for _, each in affecting]).matches(affecting)
    unknown += _unsupported(told, plan, book, at)
    return Matches(
        source=inventory.source,
        distro=inventory.distro,
        snapshot=SnapshotInfo(digest=book.digest, data_at=book.data_at),
        matches=ordered(matches),
        unknown=tuple(
            sorted(unknown, key=lambda each: (each.package.type, each.package.name, each.package.purl, each.reason))
        ),
        problems=tuple(_problems(inventory, told, plan, book, at)),
        lifecycles=_lifecycles(plan, book),
    )


def channels_in_use(inventory: Inventory) -> set[str]:
    """The paid channels that packages of an inventory show to be in use."""
    return (
        {"esm"} if any(package.type == "deb" and "+esm" in package.version for package in inventory.packages) else set()
    )


def _sorted_out(
    packages: Iterable[Package], plan: Plan, namespaces: Collection[str]
) -> tuple[list[Package], list[Untold]]:
    told, unknown = [], []
    for package in packages:
        reason = untold(package, plan, namespaces)
        if reason:
            unknown.append(Untold(package=package, reason=reason))
        else:
            told.append(package)
    return told, unknown


def _answers(book: Book, questions: Sequence[tuple[Package, tuple[Lookup, ...]]]) -> list[list[Hit]]:
    """The hits for each package; their `ask` counts within its look-ups."""
    asks: list[Ask] = []
    starts: list[int] = []
    owners: list[int] = []
    for number, (_, asked) in enumerate(questions):
        starts.append(len(asks))
        asks += [lookup.ask for lookup in asked]
        owners += [number] * len(asked)
    answers: list[list[Hit]] = [[] for _ in questions]
    for owner, hits in groupby(book.hits(asks), key=lambda hit: owners[hit.ask]):
        answers[owner] = [hit._replace(ask=hit.ask - starts[owner]) for hit in hits]
    return answers


def _incomparable(package: Package, asked: Sequence[Lookup], hits: Sequence[Hit]) -> str:
    """Why its version cannot be compared with what is said of its name, "" if it can."""
    names = ", ".join(sorted({hit.advisory.id for hit in hits})[:3])
    if package.version == UNKNOWN_VERSION:
        return f"its version is not known, and advisories speak of it ({names})"
    ask = asked[hits[0].ask].ask
    scheme = scheme_named(ask.scheme)
    try:
        if scheme is not None:
            scheme.compare(ask.version, ask.version)
    except InvalidVersion:
        return f"its version is none of {ask.scheme}'s, and advisories speak of it ({names})"
    return ""


class _Writer:
    """Writes matches: looks up in one go what is known of all their CVEs."""

    def __init__(self, book: Book, plan: Plan, packages: Iterable[Package], affecting: Sequence[Affecting]) -> None:
        self._plan = plan
        self._licences = book.licences
        self._owners = {package.purl: package for package in packages if is_system(package)}
        cves = {cve for each in affecting if (cve := _cve(each.advisory))}
        self._kev: dict[str, Exploited] = book.exploited(cves)
        self._epss: dict[str, Exploitability] = book.exploitability(cves)
        unrated = {_cve(each.advisory) for each in affecting if not each.advisory.cvss or _severity(each) == "unknown"}
        self._rated: dict[str, list[Advisory]] = book.rated(cve for cve in unrated if cve)

    def matches(self, affecting: Sequence[tuple[Package, Affecting]]) -> Iterator[Match]:
        by_owner: dict[str, set[str]] = {}
        for package, each in affecting:
            if is_system(package) and not each.vetoed:
                by_owner.setdefault(package.purl, set()).update((each.advisory.id, *each.advisory.aliases))
        for package, each in affecting:
            yield self._match(package, each, by_owner)

    def _match(self, package: Package, each: Affecting, by_owner: dict[str, set[str]]) -> Match:
        named = self._named(each)
        ask = each.lookup.ask
        return Match(
            package=package,
            advisory=named,
            fix=each.fix,
            kind=each.lookup.kind,
            name=ask.name,
            version=ask.version,
            why=why(package, each, self._plan),
            risk=risk(named.severity, named.cvss, named.epss, named.kev),
            confidence=0.6 if each.lookup.kind == "cpe" else 1.0,
            suppressed=self._suppressed(package, each, by_owner),
        )

    def _suppressed(self, package: Package, each: Affecting, by_owner: dict[str, set[str]]) -> Suppressed | None:
        if each.vetoed:
            return Suppressed(by="not-affected", reason=each.vetoed)
        owner = self._owners.get(package.owned_by or "")
        if owner is None or is_system(package):
            return None
        if {each.advisory.id, *each.advisory.aliases} & by_owner.get(owner.purl, set()):
            return Suppressed(
                by="distro", reason=f"it belongs to {owner.name} {owner.version}, for which it is reported"
            )
        if not self._plan.is_comprehensive:
            return None
        word = self._plan.reason or f"{self._plan.label} does not list that as affected"
        return Suppressed(by="distro", reason=f"it belongs to {owner.name} {owner.version}, and {word}")

    def _named(self, each: Affecting) -> Named:
        advisory, others = each.advisory, each.others
        cve = _cve(advisory)
        rated = sorted(self._rated.get(cve, ()), key=_rater)
        cvss = tuple(dict.fromkeys(rating for known in (advisory, *others, *rated) for rating in known.cvss))
        scored = self._epss.get(cve)
        entry = self._kev.get(cve)
        names = dict.fromkeys(name for known in (advisory, *others) for name in (known.id, *known.aliases))
        return Named(
            id=advisory.id,
            source=advisory.source,
            namespace=each.affected.namespace,
            licence=self._licences.get(advisory.source, ""),
            cve=cve,
            aliases=tuple(name for name in names if name != advisory.id),
            severity=_best_severity(each, rated, cvss),
            cvss=cvss,
            cwes=tuple(dict.fromkeys(cwe for known in (advisory, *others, *rated) for cwe in known.cwes)),
            epss=Epss(score=scored.score, percentile=scored.percentile, day=scored.day) if scored else None,
            kev=Kev(added=entry.added, due=entry.due, ransomware=entry.ransomware) if entry else None,
            summary=next((known.summary for known in (advisory, *others, *rated) if known.summary), ""),
            published=advisory.published,
            modified=advisory.modified,
            references=advisory.references,
            vendor_ids=each.vendor_ids,
        )


def _cve(advisory: Advisory) -> str:
    return next((name for name in (advisory.id, *advisory.aliases) if name.startswith("CVE-")), "")


def _severity(each: Affecting) -> Severity:
    return each.affected.severity or each.advisory.severity


def _best_severity(each: Affecting, rated: Sequence[Advisory], cvss: Sequence[Cvss]) -> Severity:
    """The word of who speaks; else of who says the same; else of who rates the CVE; else what the ratings come to."""
    for severity in (_severity(each), *(known.severity for known in (*each.others, *rated))):
        if severity != "unknown":
            return severity
    return severity_of(max((rating.score for rating in cvss), default=0.0))


def _rater(advisory: Advisory) -> tuple[int, str]:
    return (_RATERS.index(advisory.source) if advisory.source in _RATERS else len(_RATERS), advisory.source)


def _unsupported(packages: Iterable[Package], plan: Plan, book: Book, at: str) -> Iterator[Untold]:
    """Packages that the distribution itself maintains no more."""
    known = book.support(plan.tiers) if plan.tiers else {}
    patterns = [(_pattern(name), support) for name, support in known.items() if "*" in name]
    if not known:
        return
    for package in packages:
        if not is_system(package):
            continue
        name = package.source.name if package.source else package.name
        support = known.get(name) or next((each for matches, each in patterns if matches(name)), None)
        if support is not None and (not support.since or support.since <= at):
            what = "has ended" if support.level == "ended" else "is limited"
            note = f" ({support.note})" if support.note else ""
            yield Untold(package=package, reason=f"{plan.label}'s security support of {name} {what}{note}")


def _pattern(text: str) -> Callable[[str], object]:
    """A name in which `.*` stands for anything, which is all of regular expressions that such lists use."""
    return re.compile(".*".join(re.escape(part) for part in text.split(".*"))).fullmatch


def _problems(inventory: Inventory, told: Sequence[Package], plan: Plan, book: Book, at: str) -> Iterator[Problem]:
    reasons: list[str] = []
    has_system = any(is_system(package) for package in inventory.packages)
    if plan.reason and has_system:
        reasons.append(f"nothing can be said of the system's packages: {plan.reason}")
    reasons += _ended(plan, book, at)
    used = {rule.namespace for package in told if (rule := RULES.get(package.type)) is not None}
    if has_system:
        used.update(plan.tiers or plan.resolutions)
        reasons += [
            f"the snapshot has only {extent.advisories:,} advisories for {name}: much is missing"
            for name in (plan.tiers or plan.resolutions)[-1:]
            if (extent := book.namespaces[name]).advisories < _FEW and extent.data_at
        ]
    reasons += _stale(used, book, at)
    return (Problem(path="", layer=-1, room=ROOM, reason=reason) for reason in reasons)


def _stale(used: Iterable[str], book: Book, at: str) -> Iterator[str]:
    """Namespaces whose advisories are so old that many newer ones must be missing."""
    by_date: dict[str, list[str]] = {}
    for name in sorted(used):
        if name in book.namespaces and (data_at := book.namespaces[name].data_at):
            by_date.setdefault(data_at, []).append(name)
    for data_at, names in sorted(by_date.items()):
        days = (date.fromisoformat(at) - date.fromisoformat(data_at)).days
        if days > _STALE_DAYS:
            yield f"the advisories for {', '.join(names)} end on {data_at}, {days} days ago: what came since is not known"


def _ended(plan: Plan, book: Book, at: str) -> Iterator[str]:
    """That the release is past its end of life, if it is."""
    found = _lifecycles(plan, book)
    ends = [end for known in found if (end := known.extended or known.eol)]
    if max(ends) < at if ends else any(known.is_ended for known in found):
        since = f" since {max(ends)}" if ends else ""
        yield f"{plan.label} has been past its end of life{since}: what is found in it now is recorded no more"


def _is_unmaintained(plan: Plan, book: Book, at: str) -> bool:
    """Whether the release is past its regular end of life, whatever longer support can be bought."""
    found = _lifecycles(plan, book)
    ends = [known.eol for known in found if known.eol]
    return max(ends) < at if ends else any(known.is_ended for known in found)


def _lifecycles(plan: Plan, book: Book) -> tuple[Lifecycle, ...]:
    """What is known of the release, of its minor release if that has a life of its own."""
    parts = plan.release.split(".") if plan.product else [""]
    releases = [release for release in dict.fromkeys((".".join(parts[:2]), parts[0])) if release]
    return next((found for release in releases if (found := book.lifecycles(plan.product, release))), ())


def with_matches(result: Matches, matches: Iterable[Match]) -> Matches:
    """The result with other matches."""
    return msgspec.structs.replace(result, matches=tuple(matches))
