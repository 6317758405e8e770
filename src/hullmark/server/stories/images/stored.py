"""What is stored of an image, as answers to the requests of policies and people."""

from __future__ import annotations

import msgspec

from hullmark.app.vulns import MATCHING_READS
from hullmark.model.inventory import FileRecord, InventorySource
from hullmark.model.reach import ImageReach
from hullmark.model.signed_document import SignedDocuments
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.scan import scan_image
from hullmark.scanning.stored_image import as_image
from hullmark.server.objects.objects import Objects
from hullmark.server.stories.images.documents import StoredAnalysis, get_analysis, get_files
from hullmark.server.stories.images.reached import get_reach
from hullmark.server.stories.images.signed import Holding, signed_for_rules

_KNOWN_READS = frozenset(read.name for read in MATCHING_READS)


class StoredFacts:
    """An image's analysis. Documents answer where they can; else the records of its layers are folded again. What the image's start reaches
    is told where it was looked for when the image was read."""

    def __init__(
        self, objects: Objects, document: str, resources: ScanResources, holding: Holding | None = None
    ) -> None:
        """`holding` is the account for which the image is judged, and the image: signatures are kept for each account (None: rules are
        not asked). Raises HullmarkError if the analysis cannot be read."""
        self._objects = objects
        self._resources = resources
        self._holding = holding
        self._signed: tuple[SignedDocuments | None] | None = None
        self._reach: ImageReach | None = None
        self._files: tuple[FileRecord, ...] | None = None
        self.analysis: StoredAnalysis = get_analysis(objects, document)

    def look(self, request: ScanRequest) -> ScanResult:
        """What `scan_image` would answer. Raises HullmarkError where something is requested that is not kept."""
        if self._is_beyond(request):
            scanned = self._scan_records(request)
            return msgspec.structs.replace(scanned, reach=self.reach() if request.reach else None)
        wants_files = request.files or request.digests or request.ghosts
        inventory = msgspec.structs.replace(self.analysis.inventory, files=self.files() if wants_files else None)
        facets = {facet.name: getattr(self.analysis.facts, facet.name, None) for facet in request.facets}
        reach = self.reach() if request.reach else None
        return ScanResult(inventory, found=self.analysis.found, facets=facets, reach=reach)

    def _scan_records(self, request: ScanRequest) -> ScanResult:
        """From the layers' records, except for what was found out when the image's settings were at hand with their secrets."""
        facts = self.analysis.facts
        known = {facet.name: getattr(facts, facet.name) for facet in request.facets if hasattr(facts, facet.name)}
        left = tuple(facet for facet in request.facets if facet.name not in known)
        request = msgspec.structs.replace(request, digests=True, facets=left, reach=False)
        scanned = scan_image(as_image(self.analysis.image), request, self._resources)
        # The problems with kept facts are reported with them.
        missing = (
            problem
            for problem in self.analysis.inventory.problems
            if not problem.facts or not known.keys().isdisjoint(problem.facts)
        )
        problems = tuple(sorted({*scanned.inventory.problems, *missing}))
        inventory = msgspec.structs.replace(scanned.inventory, problems=problems)
        return msgspec.structs.replace(scanned, inventory=inventory, facets=scanned.facets | known)

    def reach(self) -> ImageReach | None:
        """What the image's start reaches; None if nobody looked. Raises HullmarkError if what is kept of it cannot be read."""
        if self._reach is None and self.analysis.reach:
            self._reach = get_reach(self._objects, self.analysis.reach)
        return self._reach

    def look_beside(self, source: InventorySource) -> SignedDocuments | None:
        """What others signed about the image, as last seen for the account; None where nobody looked. Read once, when a rule asks."""
        if self._signed is None:
            holding = self._holding
            self._signed = (signed_for_rules(self._objects, holding) if holding is not None else None,)
        return self._signed[0]

    def files(self) -> tuple[FileRecord, ...] | None:
        """All files, including those that later layers deleted; None if they were not listed."""
        if self._files is None:
            self._files = get_files(self._objects, self.analysis)
        return self._files

    def _is_beyond(self, request: ScanRequest) -> bool:
        """Whether the documents do not hold what is requested."""
        if self.analysis.image.kind == "sbom":
            return False
        facts = self.analysis.facts
        return bool(
            request.contents
            or request.all_layers
            or any(read.name not in _KNOWN_READS for read in request.reads)
            or any(not hasattr(facts, facet.name) for facet in request.facets)
        )
