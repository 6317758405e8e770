"""Anchore's language of policies."""

from __future__ import annotations

from datetime import datetime

from hullmark.model.verdict import Verdict
from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.anchore.deadlines import next_bundle_deadline
from hullmark.policy.anchore.evaluate import evaluate_bundle
from hullmark.policy.anchore.explain import explain_bundle
from hullmark.policy.anchore.needs import bundle_needs
from hullmark.policy.anchore.profile import PROFILES
from hullmark.policy.anchore.read import is_anchore, read_bundle
from hullmark.policy.conversion import translate
from hullmark.policy.decode import Mistake
from hullmark.policy.document import Document
from hullmark.policy.facts import Facts
from hullmark.policy.language import Language
from hullmark.policy.question import NATIVELY, Question


def _read(document: Document) -> Bundle | None:
    return read_bundle(document.plain) if is_anchore(document.plain) else None


def _mistakes(bundle: Bundle) -> tuple[Mistake, ...]:
    return tuple(Mistake(0, mistake.path, mistake.reason) for mistake in bundle.every_mistake())


def _evaluate(bundle: Bundle, facts: Facts, question: Question, analyzer: str, snapshot: str | None) -> Verdict:
    return evaluate_bundle(bundle, facts, question, analyzer=analyzer, snapshot=snapshot)


def _next_deadline(bundle: Bundle, facts: Facts, verdict: Verdict, question: Question) -> datetime | None:
    return next_bundle_deadline(bundle, facts, verdict, question)


LANGUAGE = Language(
    name="anchore",
    policy=Bundle,
    profiles=tuple(PROFILES),
    read=_read,
    mistakes=_mistakes,
    check=Bundle.require_valid,
    needs=bundle_needs,
    depends_on_ends=lambda bundle: bundle_needs(bundle, NATIVELY).matches,
    evaluate=_evaluate,
    next_deadline=_next_deadline,
    granted=lambda bundle, facts, verdict, question: (),
    explain=explain_bundle,
    as_native=lambda bundle: None,
    translate=translate,
)
