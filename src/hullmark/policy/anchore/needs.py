"""What the rules of an Anchore policy need to know, so that a scan collects no more than that."""

from __future__ import annotations

from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.facts import CONTENT_LIMIT
from hullmark.policy.gate import Need
from hullmark.policy.globs import PathGlob
from hullmark.policy.needs import Needs, Search
from hullmark.policy.question import Question

SECRET_BYTES = 10_000
"""The largest file, in bytes, that the original searches for secrets."""


def bundle_needs(bundle: Bundle, question: Question) -> Needs:
    """Everything that any of the rules needs, whichever mapping will match."""
    context = question.context
    rules = [rule for rule_set in bundle.rule_sets for rule in rule_set.rules if rule.check is not None]
    wanted = {need for rule in rules if rule.check is not None for need in rule.check.needs}
    texts: set[str] = set()
    for rule in rules:
        if rule.check is not None and rule.check.contents is not None:
            texts.update(rule.check.contents(rule.values, context))
    return Needs(
        files=Need.FILES in wanted,
        digests=Need.DIGESTS in wanted,
        config=Need.CONFIG in wanted,
        matches=Need.MATCHES in wanted,
        facets=frozenset(wanted & {Need.MALWARE}) if context.malware is None else frozenset(),
        contents=tuple(globs for text in sorted(texts) if (globs := as_glob(text)) is not None),
        searches=_searches(bundle, question),
    )


def as_glob(text: str) -> PathGlob | None:
    """A path as a glob; None for a text that cannot be a path in an image."""
    try:
        return PathGlob(text) if text.startswith("/") else None
    except ValueError:
        return None


def _searches(bundle: Bundle, question: Question) -> dict[str, Search]:
    """What to look for in all files, by kind; kinds that no rule uses are left out."""
    context = question.context
    rules = (rule for rule_set in bundle.rule_sets for rule in rule_set.rules)
    kinds = {rule.check.search for rule in rules if rule.check is not None}
    secrets = Search(context.secret_search, SECRET_BYTES if question.profile.keeps("QS2") else CONTENT_LIMIT)
    wanted = {"secrets": secrets, "contents": Search(context.content_search, CONTENT_LIMIT)}
    return {kind: search for kind, search in wanted.items() if kind in kinds and search.named}
