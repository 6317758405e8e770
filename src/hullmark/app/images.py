"""Two images side by side, and the layers of one: from what a person named to what differs, or to what each layer does."""

from __future__ import annotations

from pathlib import Path

import msgspec

from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.app.verdicts import MAX_BYTES
from hullmark.app.vulns import MATCHING_READS, MatchOptions, match_scan
from hullmark.catalog.difference.images import ComparedImage, image_difference
from hullmark.catalog.difference.vulnerabilities import vulnerability_difference
from hullmark.model.difference import ImageDifference
from hullmark.model.errors import HullmarkError
from hullmark.model.image_layers import ImageLayers
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.sbom import sbom_at
from hullmark.scanning.take import SBOM, take
from hullmark.source import SourceOptions, classify

_VERDICT = "hullmark-verdict/"
_DIR = "dir"


class _SchemaMark(msgspec.Struct):
    schema: str = ""


def is_verdict(text: str) -> bool:
    """Whether a text names a file that says that it is a verdict."""
    path = Path(text)
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            return False
        with path.open("rb") as file:
            if not file.read(64).lstrip().startswith(b"{"):
                return False
            file.seek(0)
            return msgspec.json.decode(file.read(MAX_BYTES), type=_SchemaMark).schema.startswith(_VERDICT)
    except (OSError, ValueError, msgspec.MsgspecError, RecursionError):
        return False


def layers_of(reference: str, resources: ScanResources, options: SourceOptions) -> ImageLayers:
    """What each layer of an image does. Raises HullmarkError where it cannot be read, or is a folder or an SBOM."""
    if classify(reference)[0] == _DIR:
        raise HullmarkError(f"{reference} is a folder, and has no layers", advice="name an image")
    scanned = take(reference, ScanRequest(layers=True), resources, options)
    return ImageLayers(source=scanned.inventory.source, layers=scanned.layers, problems=scanned.inventory.problems)


def scanned_for_difference(reference: str, resources: ScanResources, options: SourceOptions) -> ScanResult:
    """All of an image that is compared; of an SBOM what it tells. Raises HullmarkError where it cannot be read."""
    scheme, rest = classify(reference)
    if scheme == SBOM:
        return ScanResult(sbom_at(rest, resources))
    request = ScanRequest(files=True, digests=True, layers=scheme != _DIR, reads=MATCHING_READS)
    scanned = take(reference, request, resources, options)
    if scheme != _DIR:
        return scanned
    # A folder is read as one layer, which is none of an image's.
    source = msgspec.structs.replace(scanned.inventory.source, layers=())
    return msgspec.structs.replace(scanned, inventory=msgspec.structs.replace(scanned.inventory, source=source))


def difference_of(
    before: ScanResult, after: ScanResult, advisories: AdvisorySource | None, at: str, *, by_layer: bool = False
) -> ImageDifference:
    """What differs between two images; their vulnerabilities too where there are `advisories`. `at` is today (ISO 8601)."""
    vulnerabilities = None
    if advisories is not None:
        weighing = MatchOptions(at=at)
        old, new = (match_scan(scanned, advisories, weighing) for scanned in (before, after))
        vulnerabilities = vulnerability_difference(old, new)
    first, second = (ComparedImage(inventory=image.inventory, layers=image.layers) for image in (before, after))
    return image_difference(first, second, vulnerabilities, by_layer=by_layer)
