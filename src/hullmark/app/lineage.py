"""Which image another one is built on: one that a person names whose layers it begins with, else what its labels say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.model.image import Image
from hullmark.model.inventory import Inventory
from hullmark.model.match import Match
from hullmark.model.problem import Problem
from hullmark.model.upkeep import BaseImage
from hullmark.source import SourceOptions, open_image

_ROOM = "upkeep"
_NAME, _DIGEST = "org.opencontainers.image.base.name", "org.opencontainers.image.base.digest"
_LONGEST = 300


def height_of(diff_ids: Sequence[str], base: Image) -> int:
    """How many layers an image of these layers has from a base; 0 where it is not built on it."""
    other = base.config.diff_ids if base.config is not None else ()
    is_begin = bool(other) and all(other) and len(diff_ids) > len(other) and tuple(diff_ids[: len(other)]) == other
    return len(other) if is_begin else 0


def base_of(
    inventory: Inventory, matches: Sequence[Match] | None, references: Sequence[str], options: SourceOptions
) -> tuple[BaseImage | None, tuple[Problem, ...]]:
    """The base of an image (if several of those named fit, the one with the most layers), and a note for each that it is not built on.
    `matches` are None where there are no advisories. Raises HullmarkError where a named image cannot be read."""
    diff_ids = [layer.diff_id for layer in inventory.source.layers]
    opened = [(reference, open_image(reference, options)) for reference in references]
    named = [(height_of(diff_ids, base), reference, base) for reference, base in opened]
    problems = tuple(
        Problem("", -1, _ROOM, f"it is not built on {reference}: its layers do not begin with those", "note")
        for height, reference, _ in named
        if not height
    )
    height, reference, base = max(named, key=lambda each: each[0], default=(0, "", None))
    if not height or base is None:
        return _labelled(inventory), problems
    return (
        BaseImage(
            reference=reference,
            digest=base.digest,
            created=base.config.created[:10] if base.config is not None else "",
            layers=height,
            packages=sum(any(0 <= place.layer < height for place in each.locations) for each in inventory.packages),
            vulnerabilities=len(set(_from_base(matches, height))) if matches is not None else None,
        ),
        problems,
    )


def _from_base(matches: Sequence[Match], height: int) -> Iterator[str]:
    """The vulnerabilities that count of packages that came with the first layers."""
    for match in matches:
        if match.suppressed is None and any(0 <= place.layer < height for place in match.package.locations):
            yield match.advisory.cve or match.advisory.id


def _labelled(inventory: Inventory) -> BaseImage | None:
    """What the labels say; whoever built the image wrote them, and nobody checked."""
    labels = inventory.config.labels if inventory.config is not None else {}
    name, digest = labels.get(_NAME, "")[:_LONGEST], labels.get(_DIGEST, "")[:_LONGEST]
    return BaseImage(reference=name or digest, digest=digest) if name or digest else None
