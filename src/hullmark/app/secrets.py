"""From an image to the secrets in it."""

from __future__ import annotations

from hullmark.model.secret import ImageSecrets
from hullmark.scanning.facets import facets_for
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.take import take
from hullmark.source import SourceOptions


def secrets_of(reference: str, resources: ScanResources, options: SourceOptions) -> ImageSecrets:
    """The secrets in all layers and settings of an image. Raises HullmarkError where it cannot be read, or a file of rules is not valid."""
    with facets_for(("secrets",), resources) as facets:
        scanned = take(reference, ScanRequest(facets=facets, packages=False), resources, options)
    problems = tuple(
        problem for problem in scanned.inventory.problems if problem.room.partition("-")[0] in ("rootfs", "secrets")
    )
    return ImageSecrets(source=scanned.inventory.source, secrets=scanned.facets["secrets"], problems=problems)
