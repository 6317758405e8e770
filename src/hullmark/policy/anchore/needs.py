"""What the rules of an Anchore policy must know, so that a scan collects just that."""

from __future__ import annotations

from hullmark.policy.anchore.bundle import Bundle
from hullmark.policy.context import Context
from hullmark.policy.gate import Need
from hullmark.policy.globs import PathGlob
from hullmark.policy.needs import Needs


def bundle_needs(bundle: Bundle, context: Context) -> Needs:
    """Everything that any of the rules needs, whichever mapping will fit."""
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
        contents=tuple(globs for text in sorted(texts) if (globs := _glob(text)) is not None),
    )


def _glob(text: str) -> PathGlob | None:
    """A path as a glob; None for what can be no path in an image."""
    try:
        return PathGlob("/**" if text == "**" else text) if text.startswith("/") or text == "**" else None
    except ValueError:
        return None
