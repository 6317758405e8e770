"""Which policies judge an image: of each environment the one whose selector fits best, and every shadow that fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from hullmark.policy.values import NameGlob
from hullmark.server.tables.judging.policies import Activation


class SelectedVersion(msgspec.Struct, frozen=True):
    """A version in force for an image, and the reference that it judges the image under ("": none of its own)."""

    activation: Activation
    reference: str


def choose(activations: Iterable[Activation], references: Sequence[str]) -> tuple[SelectedVersion, ...]:
    """The versions that judge an image with these references, the preferred reference first.

    A selector's wildcards are matched with `HOST/REPOSITORY:TAG`; `*` fits an image without any reference too. Of those that fit, the one
    with the most characters besides wildcards counts; of equal ones the newest. One policy judges once in an environment.
    """
    best: dict[tuple[str, int], tuple[tuple[int, int], SelectedVersion]] = {}
    for activation in activations:
        reference = _fitting(activation.selector, references)
        if reference is None:
            continue
        slot = (activation.environment, activation.id if activation.is_shadow else 0)
        rank = (len(activation.selector.replace("*", "")), activation.id)
        if slot not in best or rank > best[slot][0]:
            best[slot] = (rank, SelectedVersion(activation, reference))
    chosen = sorted((choice for _, choice in best.values()), key=lambda choice: choice.activation.id)
    once = {(c.activation.environment, c.activation.policy_id, c.activation.is_shadow): c for c in chosen}
    return tuple(once.values())


def _fitting(selector: str, references: Sequence[str]) -> str | None:
    if selector == "*":
        return references[0] if references else ""
    glob = NameGlob(selector)
    return next((reference for reference in references if glob.matches(reference)), None)
