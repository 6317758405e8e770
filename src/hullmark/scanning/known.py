"""From an image to all that policies may ask of it, so that they can be tried on it later without it."""

from __future__ import annotations

from hullmark.model.policy_facts import KnownImage, PolicyFacts
from hullmark.policy.gate import FACETS, Need
from hullmark.scanning.facets import facets_for
from hullmark.scanning.request import ScannerPlaces, ScanRequest, ScanResources
from hullmark.scanning.take import take_for_rules
from hullmark.source import SourceOptions


def known_image(reference: str, resources: ScanResources, options: SourceOptions) -> KnownImage:
    """An image's inventory with files and facts. Malware is looked for only where `resources` names a scanner.

    Raises HullmarkError where the image cannot be read.
    """
    names = FACETS if resources.scanners != ScannerPlaces() else FACETS - {Need.MALWARE}
    with facets_for(names, resources) as facets:
        request = ScanRequest(files=True, digests=True, ghosts=True, facets=facets, relations=True, licences=True)
        scanned = take_for_rules(reference, request, resources, options)
    facts = PolicyFacts(config=scanned.inventory.config, ghosts=True, **scanned.facets)
    return KnownImage(inventory=scanned.inventory, policy_facts=facts)
