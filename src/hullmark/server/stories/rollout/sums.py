"""Policies whose verdicts are sums as far as advisories go: what they find in one package does not depend on the rest of an image.

So what a snapshot says differently of a package changes the counts of every image that holds it by the same numbers, and these are found
by asking the policy itself about that package alone, as it was and as it is.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory, InventorySource
from hullmark.model.match import Match, Matches, SnapshotInfo
from hullmark.model.verdict import Action, Finding, Verdict
from hullmark.policy.completeness import asks_for_advisories
from hullmark.policy.deadlines import next_moment
from hullmark.policy.evaluate import evaluate
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Need
from hullmark.policy.gates.vulnerabilities import ListedVulnerabilities, NoData, StaleData, VulnerabilityFindings
from hullmark.policy.languages import AnyPolicy, language_of
from hullmark.policy.question import NATIVELY
from hullmark.policy.rules import Policy, PolicyException, Rule
from hullmark.policy.values import Expression
from hullmark.server.stories.advisories.news import Thresholds
from hullmark.server.stories.judging.evaluation import digest_of_exceptions
from hullmark.server.stories.judging.exceptions import ExceptionBody, exceptions_for
from hullmark.server.stories.judging.loaded import load_policy
from hullmark.server.tables.judging.policies import ExceptionRow, PolicyVersion

_AT_ONCE = 400
"""Findings of one rule that are surely all listed."""
_NUMBERS = re.compile(r"\d{1,6}(?:\.\d{1,9})?")
_NOTHING = Inventory(
    source=InventorySource(kind="", reference="", digest="", config_digest="", platform="", layers=()),
    distro=None,
    packages=(),
    problems=(),
)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a policy that an account has in force.

    `policy` holds the rules that look at single packages' vulnerabilities, with the exceptions that count for all images; None: its
    verdicts are not sums. `narrowed` are exceptions that count for some images. `asks_untold`: it depends on whether anything
    is known. `wide` are rules about the advisories as a whole.
    """

    account_id: int
    policy_id: int
    version: int
    name: str
    exceptions_digest: str
    policy: Policy | None
    narrowed: tuple[PolicyException, ...] = ()
    asks_untold: bool = False
    wide: Policy | None = None

    @property
    def key(self) -> tuple[int, int, int]:
        """Account, policy and version."""
        return self.account_id, self.policy_id, self.version


def target_of(
    account_id: int, version: PolicyVersion, exceptions: Sequence[ExceptionRow], *, is_costly: bool = False
) -> Target | None:
    """A version with an account's exceptions; None if advisories change nothing that it says. `is_costly`: judging by it takes long."""
    try:
        policy = load_policy(version.text)
    except HullmarkError:
        return None  # its verdicts say so, whatever advisories say
    language = language_of(policy)
    if not language.needs(policy, NATIVELY).matches:
        return None
    target = Target(
        account_id=account_id,
        policy_id=version.policy_id,
        version=version.version,
        name=version.name,
        exceptions_digest=digest_of_exceptions(tuple(exceptions)),
        policy=None,
    )
    native = language.as_native(policy)
    if native is None or is_costly or not _is_sum(native):
        return target  # what takes long is judged image by image, where nobody else waits for it
    wide: list[ExceptionRow] = []
    narrow: list[ExceptionRow] = []
    for row in exceptions:
        (wide if msgspec.convert(row.body, ExceptionBody).images == "*" else narrow).append(row)
    rules = {
        kind: tuple(rule for rule in native.rules if isinstance(rule.params, kind))
        for kind in (VulnerabilityFindings, ListedVulnerabilities, StaleData)
    }
    whole = native.with_exceptions(exceptions_for(wide, version.name, ""))
    return msgspec.structs.replace(
        target,
        policy=dataclasses.replace(whole, rules=(*rules[VulnerabilityFindings], *rules[ListedVulnerabilities])),
        narrowed=_widen_exceptions(narrow, version.name),
        asks_untold=any(_asks_what_is_known(rule) for rule in native.rules),
        wide=dataclasses.replace(whole, rules=rules[StaleData]) if rules[StaleData] else None,
    )


def asks_what_is_exploited(target: Target) -> bool:
    """Whether a policy says something else where it is not known what is exploited. Of one that is not a sum, that cannot be told."""
    policy = target.policy
    if policy is None or (policy.grace is not None and policy.grace.exploited_days is not None):
        return True
    findings = (rule.params for rule in policy.rules if isinstance(rule.params, VulnerabilityFindings))
    return any(params.exploited is not None or params.ransomware or params.risk is not None for params in findings)


def _widen_exceptions(rows: Iterable[ExceptionRow], name: str) -> tuple[PolicyException, ...]:
    """Exceptions for some images, as if they counted for all."""
    widened = [msgspec.structs.replace(row, body={**row.body, "images": "*"}) for row in rows]
    return exceptions_for(widened, name, "")


def _asks(rule: Rule) -> bool:
    return Need.MATCHES in rule.trigger.needs_of(rule.params)


def _asks_what_is_known(rule: Rule) -> bool:
    """Whether it is unknown for packages about which nothing is known."""
    return isinstance(rule.params, NoData) or asks_for_advisories(rule)


def _is_sum(policy: Policy) -> bool:
    """Whether all that looks at advisories looks at packages one by one, or at the advisories alone, and no image has its own rules."""
    known = (VulnerabilityFindings, ListedVulnerabilities, NoData, StaleData)
    return (
        not policy.apply
        and policy.grace is None
        and all(
            isinstance(rule.params, known) and not _is_dated(rule) and not _asks_for_reach(rule)
            for rule in policy.rules
            if _asks(rule)
        )
    )


def _asks_for_reach(rule: Rule) -> bool:
    """Whether what it says of a package depends on what else is in the image."""
    return Need.REACH in rule.trigger.needs_of(rule.params)


def _is_dated(rule: Rule) -> bool:
    """Whether it asks when an advisory was published: of that, what is kept beside matches may be older."""
    return isinstance(rule.params, VulnerabilityFindings) and rule.params.known_for_days is not None


def thresholds_of(known: Iterable[AnyPolicy]) -> Thresholds:
    """All bounds of scores that policies ask for; of expressions, all numbers that might be some."""
    epss, percentile, risk = set(Thresholds().epss), set[float](), set[float]()
    natives = (language_of(policy).as_native(policy) for policy in known)
    for rule in (rule for policy in natives if policy is not None for rule in policy.rules):
        params = rule.params
        if isinstance(params, VulnerabilityFindings):
            epss |= {params.epss.number} if params.epss is not None else set()
            percentile |= {params.epss_percentile.number} if params.epss_percentile is not None else set()
            risk |= {float(params.risk)} if params.risk is not None else set()
        for value in msgspec.structs.astuple(params):
            if isinstance(value, Expression):
                numbers = {float(number) for number in _NUMBERS.findall(value.text)}
                epss, percentile, risk = epss | numbers, percentile | numbers, risk | numbers
    return Thresholds(epss=_bounds(epss, 1), percentile=_bounds(percentile, 1), risk=_bounds(risk, 100))


def _bounds(numbers: Iterable[float], most: float) -> tuple[float, ...]:
    return tuple(sorted(number for number in numbers if 0 < number <= most))


# What is found in one package


class PackageFindings(msgspec.Struct, frozen=True):
    """What a policy finds in one package about one vulnerability: findings by rule and trigger id. `unclear`: what it could not tell."""

    findings: dict[tuple[str, str], Finding]
    unclear: tuple[object, ...] = ()
    next_at: datetime | None = None


class Moment(msgspec.Struct, frozen=True):
    """The moment that counts as now, and the advisories."""

    now: datetime
    snapshot: SnapshotInfo


def said_of(policy: Policy, cases: Sequence[Sequence[Match]], at: Moment) -> list[PackageFindings]:
    """What a policy finds in each case: the matches of one vulnerability in one package."""
    found = [PackageFindings({}) for _ in cases]
    for numbers in apart(cases, _AT_ONCE if _is_timeless(policy) else 1):
        _say(policy, cases, numbers, at, found)
    return found


def _say(
    policy: Policy, cases: Sequence[Sequence[Match]], numbers: Sequence[int], at: Moment, found: list[PackageFindings]
) -> None:
    """Ask about some cases together, and one by one about those that are partly unknown or covered by an exception."""
    if len(numbers) == 1:
        found[numbers[0]] = _package_findings(policy, cases[numbers[0]], at)
        return
    verdict = evaluate(policy, _facts([match for number in numbers for match in cases[number]], at), analyzer="")
    if verdict.has_unknowns:
        middle = len(numbers) // 2
        for some in (numbers[:middle], numbers[middle:]):
            _say(policy, cases, some, at, found)
        return
    places = {_subject(cases[number]): number for number in numbers}
    excepted = {places[finding.subject] for finding in verdict.findings if finding.allowlisted is not None}
    for finding in verdict.findings:
        found[places[finding.subject]].findings[(finding.rule_id, finding.trigger_id)] = finding
    for number in excepted:
        found[number] = _package_findings(policy, cases[number], at)


def _is_timeless(policy: Policy) -> bool:
    """Whether time changes nothing that it says of packages, but for the ends of exceptions."""
    dated = (rule for rule in policy.rules if rule.trigger.deadlines is not None)
    return policy.grace is None and all(
        isinstance(rule.params, VulnerabilityFindings)
        and rule.params.fixed_for_days is None
        and rule.params.known_for_days is None
        for rule in dated
    )


def apart(cases: Sequence[Sequence[Match]], most: int) -> Iterator[list[int]]:
    """The numbers of cases that are not empty, some at a time, in which no two are about the same."""
    met: dict[str, int] = {}
    layers: list[list[int]] = []
    for number, matches in enumerate(cases):
        if matches:
            subject = _subject(matches)
            layer = met[subject] = met.get(subject, -1) + 1
            if layer == len(layers):
                layers.append([])
            layers[layer].append(number)
    for numbers in layers:
        for start in range(0, len(numbers), most):
            yield numbers[start : start + most]


def _subject(matches: Sequence[Match]) -> str:
    first = matches[0]
    return f"{first.advisory.cve or first.advisory.id}+{first.package.purl}"


def _package_findings(policy: Policy, matches: Sequence[Match], at: Moment) -> PackageFindings:
    facts = _facts(matches, at)
    verdict = evaluate(policy, facts, analyzer="")
    unclear: tuple[object, ...] = ()
    if verdict.has_unknowns:
        unclear = (verdict.verdict, verdict.problems, verdict.findings)
    findings = {(finding.rule_id, finding.trigger_id): finding for finding in verdict.findings}
    return PackageFindings(findings, unclear, next_moment(policy, facts, verdict))


def says_of_all(policy: Policy, at: Moment) -> Verdict:
    """What rules say that look at the advisories alone."""
    return evaluate(policy, _facts((), at), analyzer="")


def differ(before: Verdict, after: Verdict) -> bool:
    """Whether two verdicts differ in findings or in what is unknown."""
    keys = [
        {(finding.rule_id, finding.trigger_id, finding.action) for finding in verdict.findings}
        for verdict in (before, after)
    ]
    return keys[0] != keys[1] or (before.verdict, before.has_unknowns) != (after.verdict, after.has_unknowns)


def _facts(matches: Sequence[Match], at: Moment) -> Facts:
    matches_ = Matches(source=_NOTHING.source, distro=None, snapshot=at.snapshot, matches=tuple(matches), unknown=())
    return Facts(inventory=_NOTHING, now=at.now, matches=matches_)


# What that adds


class Sum(msgspec.Struct, frozen=True, kw_only=True):
    """What changes in the counts of an image that holds a package. `is_doubtful`: that is not a sum, and the image has to be judged."""

    stops: int = 0
    warns: int = 0
    findings: int = 0
    lost: tuple[tuple[str, str], ...] = ()
    gained: tuple[Finding, ...] = ()
    next_at: datetime | None = None
    is_doubtful: bool = False


def sum_of(target: Target, before: PackageFindings, after: PackageFindings) -> Sum | None:
    """What becomes of images; None: nothing."""
    if before.unclear != after.unclear:
        return Sum(is_doubtful=True)
    keys = sorted(before.findings.keys() | after.findings.keys())
    differing = [key for key in keys if before.findings.get(key) != after.findings.get(key)]
    if not differing:
        return None if after.next_at == before.next_at or after.next_at is None else Sum(next_at=after.next_at)
    lost = tuple((before.findings[key]) for key in differing if key in before.findings)
    gained = tuple(after.findings[key] for key in differing if key in after.findings)
    if any(_covers(exception, finding) for exception in target.narrowed for finding in (*lost, *gained)):
        return Sum(is_doubtful=True)
    return Sum(
        stops=_count(gained, Action.STOP) - _count(lost, Action.STOP),
        warns=_count(gained, Action.WARN) - _count(lost, Action.WARN),
        findings=len(gained) - len(lost),
        lost=tuple((finding.rule_id, finding.trigger_id) for finding in lost),
        gained=gained,
        next_at=after.next_at,
    )


def _count(findings: Iterable[Finding], action: Action) -> int:
    return sum(finding.action is action and finding.allowlisted is None for finding in findings)


def _covers(excepted: PolicyException, finding: Finding) -> bool:
    return excepted.rule == finding.rule_id and excepted.subject.matches(finding.subject)
