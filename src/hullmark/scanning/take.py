"""From what the user wrote to an inventory: an image from a source, a folder, or an SBOM."""

from __future__ import annotations

from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.scan import scan_folder, scan_image
from hullmark.source import SourceOptions, classify, open_image

SBOM = "sbom"


def take(reference: str, request: ScanRequest, resources: ScanResources, options: SourceOptions) -> ScanResult:
    """Find the image, folder or SBOM that a reference names, and take its inventory.

    Raises HullmarkError where it cannot be found or reached, or an SBOM does not tell what is requested; BrokenImage where an
    image contradicts itself.
    """
    scheme, rest = classify(reference)
    if scheme == SBOM:
        from hullmark.scanning.sbom import take_sbom

        return take_sbom(rest, request, resources)
    return _scan_source(scheme, rest, reference, request, resources, options)


def take_for_rules(
    reference: str, request: ScanRequest, resources: ScanResources, options: SourceOptions
) -> ScanResult:
    """Like `take`, but facts that an SBOM does not have are None: some rules are unknown then, others are not."""
    scheme, rest = classify(reference)
    if scheme == SBOM:
        from hullmark.scanning.sbom import take_part_of_sbom

        return take_part_of_sbom(rest, request, resources)
    return _scan_source(scheme, rest, reference, request, resources, options)


def _scan_source(
    scheme: str, rest: str, reference: str, request: ScanRequest, resources: ScanResources, options: SourceOptions
) -> ScanResult:
    def look(wanted: ScanRequest) -> ScanResult:
        if scheme == "dir":
            return scan_folder(rest, reference, wanted, resources)
        return scan_image(open_image(reference, options), wanted, resources)

    if not request.reach:
        return look(request)
    # Who does not ask for it imports nothing of it.
    from hullmark.scanning.following import with_reach

    return with_reach(look, request)
