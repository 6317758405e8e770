"""A scan that also follows what the image starts to all that this reaches."""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from hullmark.facets.configuration.facet import FACET as CONFIGURATION
from hullmark.model.configuration import Configuration
from hullmark.reach.analysis import image_reach
from hullmark.reach.reads import REACH_READS, reach_facts
from hullmark.scanning.request import ScanRequest, ScanResult


def reach_request(request: ScanRequest) -> ScanRequest:
    """The request, with all that following the image's start needs: the files, more reads, and the settings of programs."""
    names = {facet.name for facet in request.facets}
    facets = request.facets if CONFIGURATION.name in names else (*request.facets, CONFIGURATION)
    return replace(request, reach=True, files=True, reads=(*request.reads, *REACH_READS), facets=facets)


def with_reach(look: Callable[[ScanRequest], ScanResult], request: ScanRequest) -> ScanResult:
    """What `look` answers, and what the image's start reaches."""
    scanned = look(reach_request(request))
    configuration: Configuration = scanned.facets[CONFIGURATION.name]
    facts = reach_facts(scanned.found, configuration.settings, scanned.inventory.config)
    return replace(scanned, reach=image_reach(scanned.inventory, facts))
