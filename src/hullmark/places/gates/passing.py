"""Digests of images that pass, for lists that are enforced without asking a server: a cluster's manifests, podman's policy."""

from __future__ import annotations

from collections.abc import Iterable

from hullmark.model.admission import AdmissibleImage
from hullmark.model.verdict import PASSING


def passing_digests(images: Iterable[AdmissibleImage], environment: str | None) -> set[str]:
    """The digests of manifests, indexes and configurations that refer only to images that pass in an environment (None: in all of them).

    An image that passes only by grace is left out: grace lets a gate start again what ran before.
    """
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
