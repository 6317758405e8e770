"""Which digests name only images that pass, for what refuses the others and asks nobody: manifests in a cluster, podman's policy."""

from __future__ import annotations

from collections.abc import Iterable

from hullmark.model.admission import AdmissibleImage
from hullmark.model.verdict import PASSING


def passing_digests(images: Iterable[AdmissibleImage], environment: str | None) -> set[str]:
    """The digests, of manifests, indexes and configurations, by which only images that pass are named: in an environment, None: in all
    of them. Grace is for what a gate sees start again, so what passes by grace alone is not among them."""
    good: set[str] = set()
    bad: set[str] = set()
    for image in images:
        wanted = [
            verdict for verdict in image.verdicts if environment is None or verdict.environment in ("", environment)
        ]
        passes = bool(wanted) and all(verdict.verdict in PASSING and verdict.grace_until is None for verdict in wanted)
        digests = {image.digest, image.config, *image.indexes} - {""}
        (good if passes else bad).update(digests)
    return good - bad
