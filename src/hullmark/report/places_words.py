"""What the formats of places share: the order of containers, their grades, and digests as people read them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from hullmark.isolation.grades import assess, lower_to_host
from hullmark.model.isolation import Assessment, Isolation
from hullmark.model.place import Places, RunningContainer, RunningImage

_DIGITS = 12


class GradedContainer(NamedTuple):
    """A container and how well it is kept apart; None for an image that is mounted and not run."""

    container: RunningContainer
    assessment: Assessment | None


def grade_containers(places: Places) -> Iterator[GradedContainer]:
    """All containers in one order, each with its grade."""
    for container in sorted(
        places.containers, key=lambda found: (found.place, found.image.digest, found.since, found.id)
    ):
        is_run = container.place.kind != "volume"
        yield GradedContainer(container, _assess_isolation(container.isolation) if is_run else None)


@lru_cache(maxsize=4096)
def _assess_isolation(isolation: Isolation) -> Assessment:
    found = assess(isolation)
    return lower_to_host(found, f"the host has a known escape: {isolation.escapes[0]}") if isolation.escapes else found


def short_digest(image: RunningImage) -> str:
    """The beginning of a digest, with a word where it is not a manifest's; "unknown" where the platform told none."""
    if image.digest:
        digits = image.digest.partition(":")[2][:_DIGITS]
        return f"{digits} (inferred)" if image.is_inferred else digits
    if image.config_digest:
        return f"{image.config_digest.partition(':')[2][:_DIGITS]} (config)"
    return "unknown"


def grade_text(assessment: Assessment | None) -> str:
    """The grade that is certain, and the best that is possible where something is not known; "" for what is not run."""
    if assessment is None:
        return ""
    if assessment.at_most == assessment.grade:
        return assessment.grade
    return f"{assessment.grade} (at most {assessment.at_most})"
