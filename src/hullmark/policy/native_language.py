"""The native language of policies."""

from __future__ import annotations

from datetime import datetime

from hullmark.model.verdict import Verdict
from hullmark.policy.completeness import asks_for_advisories
from hullmark.policy.deadlines import GrantedGrace, list_graces, next_moment
from hullmark.policy.evaluate import evaluate
from hullmark.policy.explain import explain
from hullmark.policy.facts import Facts
from hullmark.policy.language import Language
from hullmark.policy.native import read_native
from hullmark.policy.needs import needs
from hullmark.policy.question import Question
from hullmark.policy.rules import Policy


def _evaluate(policy: Policy, facts: Facts, question: Question, analyzer: str, snapshot: str | None) -> Verdict:
    whole = policy.with_exceptions(question.exceptions)
    return evaluate(whole, facts, analyzer=analyzer, snapshot=snapshot, deployment=question.deployment)


def _next_deadline(policy: Policy, facts: Facts, verdict: Verdict, question: Question) -> datetime | None:
    return next_moment(policy.with_exceptions(question.exceptions), facts, verdict, question.deployment)


def _list_graces(policy: Policy, facts: Facts, verdict: Verdict, question: Question) -> tuple[GrantedGrace, ...]:
    return list_graces(policy, facts, verdict, question.deployment)


LANGUAGE = Language(
    name="native",
    policy=Policy,
    profiles=("native",),
    read=lambda document: read_native(document.root),
    mistakes=lambda policy: (),
    check=lambda policy, profile: None,
    needs=lambda policy, question: needs(policy),
    depends_on_ends=lambda policy: any(asks_for_advisories(rule) for rule in policy.rules),
    evaluate=_evaluate,
    next_deadline=_next_deadline,
    granted=_list_graces,
    explain=explain,
    as_native=lambda policy: policy,
    translate=None,
)
"""A document that no other language knows is a native one: its mistakes are told in native words, and reading refuses them."""
