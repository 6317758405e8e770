"""From what the user wrote to an inventory: an image from a source, a folder, or an SBOM."""

from __future__ import annotations

from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.scan import scan_folder, scan_image
from hullmark.source import SourceOptions, classify, open_image

SBOM = "sbom"


def take(reference: str, wish: ScanRequest, means: ScanResources, options: SourceOptions) -> ScanResult:
    """Find the image, folder or SBOM that a reference names, and take its inventory.

    Raises HullmarkError where it cannot be found or reached, or an SBOM does not tell what is wished for; BrokenImage where an image
    contradicts itself.
    """
    scheme, rest = classify(reference)
    if scheme == SBOM:
        from hullmark.scanning.sbom import take_sbom

        return take_sbom(rest, wish)
    return _scanned(scheme, rest, reference, wish, means, options)


def take_for_rules(reference: str, wish: ScanRequest, means: ScanResources, options: SourceOptions) -> ScanResult:
    """As `take`, but what an SBOM does not tell is None: there are rules that cannot tell then, and others that can."""
    scheme, rest = classify(reference)
    if scheme == SBOM:
        from hullmark.scanning.sbom import take_part_of_sbom

        return take_part_of_sbom(rest, wish)
    return _scanned(scheme, rest, reference, wish, means, options)


def _scanned(
    scheme: str, rest: str, reference: str, wish: ScanRequest, means: ScanResources, options: SourceOptions
) -> ScanResult:
    if scheme == "dir":
        return scan_folder(rest, reference, wish)
    return scan_image(open_image(reference, options), wish, means)
