"""Chooses the mapping for an image, and collects the document's mistakes that affect that choice."""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.policy.anchore.bundle import Bundle, Mapping
from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.mistake import Mistake
from hullmark.policy.anchore.select import Image


def chosen_mapping(bundle: Bundle, image: Image, facts: AnchoreFacts) -> tuple[Mapping | None, list[Mistake]]:
    """The first mapping that matches, and every mistake that was met before it and in the parts it names. Raises RuleFailed."""
    mistakes = [*bundle.mistakes]
    for entry in (*bundle.denied_images, *bundle.allowed_images):
        mistakes += entry.mistakes
    if facts.keeps("QS4"):
        found = [mistake for mapping in bundle.mappings for mistake in mapping.mistakes if mistake.is_anywhere]
        if found:
            return None, [*mistakes, *found]
    for mapping in bundle.mappings:
        if mapping.images is None:
            mistakes += mapping.mistakes
        elif means(mapping, image, facts):
            return mapping, [*mistakes, *_of_chosen(bundle, mapping)]
    return None, mistakes


def means(entry: Mapping, image: Image, facts: AnchoreFacts) -> bool:
    """Whether a mapping, or an entry of an image list, applies to the image. Raises RuleFailed."""
    return entry.images is not None and entry.images.fits(image, facts.work, is_exact=facts.keeps("Q3"))


def _of_chosen(bundle: Bundle, mapping: Mapping) -> Iterator[Mistake]:
    """The mistakes of a mapping, and of the rule sets and allowlists that it names."""
    yield from (*mapping.mistakes, *bundle.find_missing_references(mapping))
    for rule_set in bundle.rule_sets:
        if rule_set.id in mapping.rule_sets:
            yield from rule_set.every_mistake()
    for allowlist in bundle.allowlists:
        if allowlist.id in mapping.allowlists:
            yield from allowlist.mistakes
