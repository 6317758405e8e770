"""From an image to what of it its start reaches, and what may go."""

from __future__ import annotations

from hullmark.app.vulns import MATCHING_READS, MatchOptions, matched
from hullmark.facets.configuration.facet import FACET as CONFIGURATION
from hullmark.match.advisory_source import AdvisorySource
from hullmark.model.configuration import Configuration
from hullmark.model.errors import HullmarkError
from hullmark.model.reach import Minimality
from hullmark.reach.analysis import ReachRequest, minimality
from hullmark.reach.reads import REACH_READS, reach_facts
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.take import SBOM, take
from hullmark.source import SourceOptions, classify


def minimality_of(
    reference: str,
    request: ReachRequest,
    advisories: AdvisorySource | None,
    at: str,
    resources: ScanResources,
    options: SourceOptions,
) -> Minimality:
    """What the start of an image reaches; which vulnerabilities are in that where there are `advisories`. `at` is today (ISO 8601).

    Raises HullmarkError where the image cannot be read, or is a list of packages.
    """
    if classify(reference)[0] == SBOM:
        raise HullmarkError("an SBOM has no files to follow", advice="name the image itself, or a folder")
    wanted = ScanRequest(files=True, relations=True, reads=(*REACH_READS, *MATCHING_READS), facets=(CONFIGURATION,))
    scanned = take(reference, wanted, resources, options)
    configuration: Configuration = scanned.facets[CONFIGURATION.name]
    facts = reach_facts(scanned.found, configuration.settings, scanned.inventory.config)
    matches = None
    if advisories is not None:
        found = matched(scanned, advisories, MatchOptions(at=at)).matches
        matches = tuple(match for match in found if match.suppressed is None)
    return minimality(scanned.inventory, facts, request, matches)
