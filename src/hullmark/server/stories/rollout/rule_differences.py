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
from hullmark.server.stories.judging.loaded import loaded
from hullmark.server.stories.rollout import sums
from hullmark.server.stories.rollout.sums import Target
from hullmark.server.tables.judging.policies import ExceptionRow, PolicyVersion


class RuleDifference(NamedTuple):
    """The rules that differ, as they were and are, each with the exceptions that count for all images.

    `target` is the newer version. `keeps_unknowns`: what could not be told counts the same by both, so that verdicts with unknowns
    change by the same numbers as others.
    """

    target: Target
    before: Policy
    after: Policy
    keeps_unknowns: bool


def difference_of(
    account_id: int, before: PolicyVersion, after: PolicyVersion, exceptions: Sequence[ExceptionRow]
) -> RuleDifference | None:
    """What differs between two versions; None if that cannot be found package by package. `exceptions` are those of the account."""
    targets = [sums.target_of(account_id, version, exceptions) for version in (before, after)]
    natives = [language_of(policy).as_native(policy) for policy in map(loaded, (before.text, after.text))]
    older, newer = natives
    if older is None or newer is None or any(target is None or target.policy is None for target in targets):
        return None
    pairs = _differing(older, newer)
    if pairs is None or not all(_is_comparable(*pair) for pair in pairs):
        return None
    target = targets[1]
    assert target is not None  # noqa: S101 - neither is None
    ids = {rule.id for rule, _ in pairs}
    policies = [_narrowed(side.policy, ids) for side in targets if side is not None and side.policy is not None]
    return RuleDifference(target, policies[0], policies[1], all(_counts_alike(*pair) for pair in pairs))


def _differing(before: Policy, after: Policy) -> list[tuple[Rule, Rule]] | None:
    """The rules that are not the same; None if anything else differs."""
    bare = [dataclasses.replace(policy, rules=(), version="", description="") for policy in (before, after)]
    rules = [{rule.id: rule for rule in policy.rules} for policy in (before, after)]
    if bare[0] != bare[1] or rules[0].keys() != rules[1].keys():
        return None
    return [(rule, rules[1][name]) for name, rule in sorted(rules[0].items()) if rule != rules[1][name]]


def _is_comparable(before: Rule, after: Rule) -> bool:
    """Whether both look at vulnerabilities of the same packages, one by one, and so cannot tell of the same images."""
    older, newer = before.params, after.params
    if (isinstance(older, VulnerabilityFindings) and isinstance(newer, VulnerabilityFindings)) or (
        isinstance(older, ListedVulnerabilities) and isinstance(newer, ListedVulnerabilities)
    ):
        asked = [(params.types, params.except_types) for params in (older, newer)]
    else:
        return False
    return asked[0] == asked[1] and before.rule_set == after.rule_set


def _counts_alike(before: Rule, after: Rule) -> bool:
    """Whether what the rule cannot tell counts as it did."""
    return (before.action, before.when_unknown, before.message) == (after.action, after.when_unknown, after.message)


def _narrowed(policy: Policy, ids: set[str]) -> Policy:
    return dataclasses.replace(policy, rules=tuple(rule for rule in policy.rules if rule.id in ids))
