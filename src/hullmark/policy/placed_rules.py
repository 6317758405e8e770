"""Rules about isolation for an image whose place is not known yet: they are passed on, and judged once the place is known.

The component that judges images determines the verdict that holds in any place, and which rules about places apply to the image. The
component that starts images (a gate) judges a container by these rules with the same code.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from hullmark.model.admission import PlaceDemands
from hullmark.model.image import ImageConfig
from hullmark.model.inventory import Inventory, InventorySource
from hullmark.model.isolation import ImageNeeds, PlacedContainer
from hullmark.model.verdict import Action, Outcome, Verdict
from hullmark.policy.evaluate import evaluate
from hullmark.policy.facts import Facts
from hullmark.policy.gates.isolation import AtLeast, IsolationGaps, RequiredSettings, Surplus
from hullmark.policy.image_conditions import ANY_IMAGE, unmet
from hullmark.policy.image_needs import image_needs
from hullmark.policy.languages import language_of
from hullmark.policy.load import load_any
from hullmark.policy.rollout import Deployment, Stage
from hullmark.policy.rules import NATIVE_SCHEMA, Policy, PolicyException, Rule, WhenUnknown, encode_value, written_rule
from hullmark.policy.select import choose

GATE = "isolation"
_RANK = {Outcome.GO: 0, Outcome.WARN: 1, Outcome.UNKNOWN: 2, Outcome.STOP: 3}
_NOWHERE: tuple[PlacedContainer, ...] = ()
_UNTOLD = InventorySource(kind="", reference="", digest="", config_digest="", platform="", layers=())


class PlacedOutcome(NamedTuple):
    """A policy's outcome for an image at a place, and the reason ("" if it passes)."""

    outcome: Outcome
    reason: str


def place_demands(
    policy: Policy, facts: Facts, verdict: Verdict, deployment: Deployment, judge: Callable[[Facts], Verdict]
) -> PlaceDemands | None:
    """What a policy, with all exceptions that apply, demands of places; None if it demands nothing of them. `verdict` is its verdict on the
    facts; `judge` judges other facts by it.
    """
    chosen = [(rule, stage) for rule, stage in choose(policy, facts, deployment).rules if rule.trigger.gate == GATE]
    if not chosen:
        return None
    wherever = judge(dataclasses.replace(facts, isolation=_NOWHERE))
    rules: list[Rule] = []
    doubts: dict[str, str] = {}
    for rule, stage in chosen:
        where = getattr(rule.params, "where", ANY_IMAGE)
        is_unmet = unmet(where, facts)
        if is_unmet is True or stage is Stage.SHADOW:
            continue
        rules.append(_at_any_image(rule, stage))
        if isinstance(is_unmet, str):
            doubts[rule.id] = is_unmet
    return PlaceDemands(
        verdict=wherever.verdict,
        reason=wherever.reason,
        stops=sum(finding.action is Action.STOP and finding.allowlisted is None for finding in verdict.findings),
        needs=image_needs(facts),
        rules=_document(rules, policy.exceptions, facts.now) if rules else "",
        doubts=doubts,
    )


def _at_any_image(rule: Rule, stage: Stage) -> Rule:
    """The rule without the conditions that were already checked, and softened to what it counts for in its stage."""
    params = rule.params
    if isinstance(params, IsolationGaps | AtLeast | RequiredSettings):
        params = msgspec.structs.replace(params, where=ANY_IMAGE)
    elif isinstance(params, Surplus):
        params = msgspec.structs.replace(params, follow_start=False)
    rule = dataclasses.replace(rule, params=params, rule_set="")
    if stage is Stage.ENFORCE:
        return rule
    unknown = {WhenUnknown.STOP: WhenUnknown.WARN, WhenUnknown.UNKNOWN: WhenUnknown.GO}
    return dataclasses.replace(
        rule,
        action=Action.WARN if rule.action is Action.STOP else rule.action,
        when_unknown=unknown.get(rule.when_unknown, rule.when_unknown),
    )


def _document(rules: Sequence[Rule], exceptions: Iterable[PolicyException], now: datetime) -> str:
    ids = {rule.id for rule in rules}
    document: dict[str, Any] = {
        "schema": NATIVE_SCHEMA,
        "name": "places",
        "rules": [written_rule(rule) for rule in rules],
        "exceptions": [exception for exception in exceptions if exception.rule in ids and now < exception.expires.ends],
    }
    return msgspec.json.encode(document, enc_hook=encode_value, order="sorted").decode()


def judge_place(demands: PlaceDemands, placed: PlacedContainer, now: datetime) -> PlacedOutcome:
    """The outcome of the rules for a container that is to run an image. Raises HullmarkError for rules that this version cannot read."""
    if not demands.rules:
        return PlacedOutcome(Outcome.GO, "")
    policy = _read(demands.rules)
    facts = _facts(demands.needs, placed, now)
    sure = [rule for rule in policy.rules if rule.id not in demands.doubts]
    outcomes = [_outcome(dataclasses.replace(policy, rules=tuple(sure)), facts)]
    for rule in policy.rules:
        if rule.id in demands.doubts:
            outcomes.append(_judge_doubtful_rule(policy, rule, demands.doubts[rule.id], facts))
    return max(outcomes, key=lambda outcome: _RANK[outcome.outcome])


def _outcome(policy: Policy, facts: Facts) -> PlacedOutcome:
    verdict = evaluate(policy, facts, analyzer="")
    first = next((finding for finding in verdict.findings if finding.action.value == verdict.verdict.value), None)
    if verdict.verdict is Outcome.GO:
        return PlacedOutcome(Outcome.GO, "")
    return PlacedOutcome(verdict.verdict, f"{first.message} ({first.rule_id})" if first is not None else verdict.reason)


def _judge_doubtful_rule(policy: Policy, rule: Rule, why: str, facts: Facts) -> PlacedOutcome:
    """The outcome of a rule that may or may not apply to the image: go, unless the rule would fire."""
    fired = _outcome(dataclasses.replace(policy, rules=(rule,)), facts)
    if fired.outcome is Outcome.GO or rule.when_unknown is WhenUnknown.GO:
        return PlacedOutcome(Outcome.GO, "")
    reason = f"the rule {rule.id} cannot be judged: {why}"
    return PlacedOutcome(Outcome(rule.when_unknown.value), reason)


@lru_cache(maxsize=256)
def _read(rules: str) -> Policy:
    """The parsed rules, cached, because many images have the same rules."""
    policy = load_any(rules.encode())
    native = language_of(policy).as_native(policy)
    if native is None:
        raise TypeError("rules about places are a native policy")
    return native


def _facts(needs: ImageNeeds, placed: PlacedContainer, now: datetime) -> Facts:
    inventory = Inventory(source=_UNTOLD, distro=None, packages=(), problems=(), config=ImageConfig())
    return Facts(inventory=inventory, now=now, isolation=(placed,), needs=needs)
