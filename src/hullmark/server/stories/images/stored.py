"""What is stored of an image, as answers to the wishes of policies and people."""

from __future__ import annotations

import msgspec

from hullmark.app.vulns import MATCHING_READS
from hullmark.model.inventory import FileRecord
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.scan import scan_image
from hullmark.scanning.stored_image import as_image
from hullmark.server.objects.objects import Objects
from hullmark.server.stories.images.documents import StoredAnalysis, get_analysis, get_files

_KNOWN_READS = frozenset(read.name for read in MATCHING_READS)


class StoredFacts:
    """An image's analysis. Documents answer where they can; else the records of its layers are folded again."""

    def __init__(self, objects: Objects, document: str, means: ScanResources) -> None:
        """Raises HullmarkError if the analysis cannot be read."""
        self._objects = objects
        self._means = means
        self._files: tuple[FileRecord, ...] | None = None
        self.analysis: StoredAnalysis = get_analysis(objects, document)

    def look(self, wish: ScanRequest) -> ScanResult:
        """What `scan_image` would answer. Raises HullmarkError where something is wished for that is not kept."""
        if self._is_beyond(wish):
            return self._folded(wish)
        wants_files = wish.files or wish.digests or wish.ghosts
        inventory = msgspec.structs.replace(self.analysis.inventory, files=self.files() if wants_files else None)
        facets = {facet.name: getattr(self.analysis.facts, facet.name, None) for facet in wish.facets}
        return ScanResult(inventory, found=self.analysis.found, facets=facets)

    def _folded(self, wish: ScanRequest) -> ScanResult:
        """From the layers' records, but for what was found out when the image's settings were at hand with their secrets."""
        facts = self.analysis.facts
        known = {facet.name: getattr(facts, facet.name) for facet in wish.facets if hasattr(facts, facet.name)}
        left = tuple(facet for facet in wish.facets if facet.name not in known)
        wish = msgspec.structs.replace(wish, digests=True, facets=left)
        scanned = scan_image(as_image(self.analysis.image), wish, self._means)
        # What was not seen of the facts that are kept is told with them.
        told = (
            each
            for each in self.analysis.inventory.problems
            if not each.facts or not known.keys().isdisjoint(each.facts)
        )
        problems = tuple(sorted({*scanned.inventory.problems, *told}))
        inventory = msgspec.structs.replace(scanned.inventory, problems=problems)
        return msgspec.structs.replace(scanned, inventory=inventory, facets=scanned.facets | known)

    def files(self) -> tuple[FileRecord, ...] | None:
        """All files, those that later layers deleted too; None if nobody listed them."""
        if self._files is None:
            self._files = get_files(self._objects, self.analysis)
        return self._files

    def _is_beyond(self, wish: ScanRequest) -> bool:
        """Whether the documents do not hold what is wished for."""
        if self.analysis.image.kind == "sbom":
            return False
        facts = self.analysis.facts
        return bool(
            wish.contents
            or wish.all_layers
            or any(read.name not in _KNOWN_READS for read in wish.reads)
            or any(not hasattr(facts, facet.name) for facet in wish.facets)
        )
