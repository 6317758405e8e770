"""When the passage of time alone may change an Anchore policy's verdict: ages that are reached, and exceptions that end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from hullmark.model.guard import guard_call
from hullmark.model.verdict import Verdict
from hullmark.policy.anchore.bundle import Bundle, Mapping, Rule
from hullmark.policy.anchore.evaluate import lacking
from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.mappings import chosen_mapping
from hullmark.policy.anchore.regexes import Work
from hullmark.policy.anchore.select import image_of
from hullmark.policy.days import next_midnight
from hullmark.policy.deadlines import ends_of, first_after
from hullmark.policy.facts import Facts
from hullmark.policy.question import NATIVELY, Question


def next_bundle_deadline(
    bundle: Bundle, facts: Facts, verdict: Verdict, question: Question = NATIVELY
) -> datetime | None:
    """The first time after now at which the verdict may change; None if time alone never changes it.

    `verdict` is the policy's verdict on the facts now. The verdict need not in fact change at the returned time; the caller can then
    compute the next deadline from there.
    """
    anchore = AnchoreFacts(facts=facts, profile=question.profile, context=question.context)
    source = facts.inventory.source
    image = image_of(facts.reference, question.digest or source.digest, source.config_digest)
    try:
        mapping, mistakes = chosen_mapping(bundle, image, anchore)
    except RuleFailed:
        return None
    if mapping is None or any(mistake.is_fatal and mistake.counts(question.profile) for mistake in mistakes):
        return None
    return first_after(facts.now, _deadlines(bundle, mapping, anchore, verdict, question))


def _deadlines(
    bundle: Bundle, mapping: Mapping, facts: AnchoreFacts, verdict: Verdict, question: Question
) -> Iterator[datetime]:
    for rule_set in bundle.rule_sets:
        if rule_set.id in mapping.rule_sets:
            for rule in rule_set.rules:
                yield from _of_rule(rule, facts)
    yield from ends_of(verdict.findings, question.exceptions)
    shown = {
        (allowlisted.get("id"), allowlisted.get("expires"))
        for allowlisted in _covering(verdict)
        if allowlisted.get("expires")
    }
    for allowlist in bundle.allowlists:
        for item in allowlist.items if shown else ():
            if item.expires is not None and (allowlist.id, item.expires_text) in shown:
                yield item.expires


def _covering(verdict: Verdict) -> Iterator[dict[str, str]]:
    return (finding.allowlisted for finding in verdict.findings if finding.allowlisted)


def _of_rule(rule: Rule, facts: AnchoreFacts) -> Iterable[datetime]:
    """The deadlines of one rule. If computing them fails, the next midnight, so that the rule is judged again the next day."""
    check = rule.check
    deadlines = check.deadlines if check is not None else None
    if check is None or deadlines is None:
        return ()
    own = replace(facts, rule_id=rule.id, work=Work())
    if lacking(check, own):
        return ()
    return guard_call(lambda: list(deadlines(rule.values, own)), lambda _: list(next_midnight(facts.now)))
