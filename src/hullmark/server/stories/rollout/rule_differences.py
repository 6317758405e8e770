"""Two versions of a policy that differ only in rules about vulnerabilities of packages: what that changes is found package by package.

Everything else that both ask of an image is the same, and so is whatever they could not tell of it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

from hullmark.policy.gates.vulnerabilities import ListedVulnerabilities, VulnerabilityFindings
from hullmark.policy.languages import language_of
from hullmark.policy.rules import Policy, Rule
from hullmark.server.stories.judging.loaded import load_policy
from hullmark.server.stories.rollout import sums
from hullmark.server.stories.rollout.sums import Target
from hullmark.server.tables.judging.policies import ExceptionRow, PolicyVersion

_Pair = tuple[Rule | None, Rule | None]
"""A rule as it was, and as it is."""


class RuleDifference(NamedTuple):
    """The rules that differ, as they were and are, each with the exceptions that count for all images.

    `target` is the newer version, `rule_count` how many rules it has. `keeps_unknowns`: what could not be told counts the same by both, so
    that verdicts with unknowns change by the same numbers as others.
    """

    target: Target
    before: Policy
    after: Policy
    keeps_unknowns: bool
    rule_count: int


def difference_of(
    account_id: int, before: PolicyVersion, after: PolicyVersion, exceptions: Sequence[ExceptionRow]
) -> RuleDifference | None:
    """What differs between two versions; None if that cannot be found package by package. `exceptions` are those of the account."""
    older, newer = (language_of(policy).as_native(policy) for policy in map(load_policy, (before.text, after.text)))
    targets = [sums.target_of(account_id, version, exceptions) for version in (before, after)]
    policies = [target.policy for target in targets if target is not None and target.policy is not None]
    target = targets[1]
    if older is None or newer is None or target is None or len(policies) < 2:
        return None
    pairs = _differing(older, newer)
    excepted = {exception.rule for exception in older.exceptions} | {str(row.body["rule"]) for row in exceptions}
    plain = [rule for rule in older.rules if rule.id not in excepted]
    if pairs is None or not all(_is_comparable(pair, plain) for pair in pairs):
        return None
    if any(rule.id in excepted for pair in pairs if not _counts_alike(pair) for rule in pair if rule is not None):
        return None  # exceptions may cover what it could not tell, which is told of as a finding
    ids = {rule.id for pair in pairs for rule in pair if rule is not None}
    narrowed = [
        dataclasses.replace(policy, rules=tuple(rule for rule in policy.rules if rule.id in ids)) for policy in policies
    ]
    keeps_unknowns = all(_counts_alike(pair) for pair in pairs)
    return RuleDifference(target, narrowed[0], narrowed[1], keeps_unknowns, newer.rule_count)


def _differing(before: Policy, after: Policy) -> list[_Pair] | None:
    """The rules that are not the same; None if anything else differs."""
    bare = [dataclasses.replace(policy, rules=(), version="", description="") for policy in (before, after)]
    if bare[0] != bare[1]:
        return None
    older, newer = ({rule.id: rule for rule in policy.rules} for policy in (before, after))
    pairs = ((older.get(name), newer.get(name)) for name in sorted(older.keys() | newer.keys()))
    return [pair for pair in pairs if pair[0] != pair[1]]


def _is_comparable(pair: _Pair, older: Sequence[Rule]) -> bool:
    """Whether a rule looks at vulnerabilities of packages, one by one, and cannot tell of more images than older rules without
    exceptions."""
    before, after = pair
    if after is None:
        return before is not None and _types_of(before) is not None
    types = _types_of(after)
    if before is None:
        return types is not None and any(_types_of(rule) == types for rule in older)
    return types is not None and type(before.params) is type(after.params) and _types_of(before) == types


def _types_of(rule: Rule) -> tuple[object, ...] | None:
    """The types of packages that a rule about vulnerabilities asks for: where advisories do not tell of them, it cannot tell. None: it is
    not such a rule."""
    if isinstance(rule.params, VulnerabilityFindings | ListedVulnerabilities):
        return rule.params.types, rule.params.except_types
    return None


def _counts_alike(pair: _Pair) -> bool:
    """Whether what the rule cannot tell counts as it did."""
    said = [
        (rule.action, rule.when_unknown, rule.message, rule.rule_set) if rule is not None else None for rule in pair
    ]
    return said[0] == said[1]
