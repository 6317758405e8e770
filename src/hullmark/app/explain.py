"""From an image and a package or a path to why that is in it."""

from __future__ import annotations

import difflib

from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.app.vulns import MATCHING_READS, MatchOptions, match_scan
from hullmark.catalog.relations.provenance import file_provenance, package_provenances, packages_named
from hullmark.model.correction import ROOM as CORRECTIONS
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import Inventory
from hullmark.model.provenance import FileProvenance, Provenance
from hullmark.scanning.request import ScanRequest, ScanResources, ScanResult
from hullmark.scanning.sbom import sbom_at
from hullmark.scanning.take import SBOM, take
from hullmark.source import SourceOptions, classify


def provenance_of(
    reference: str,
    subject: str,
    advisories: AdvisorySource | None,
    at: str,
    resources: ScanResources,
    options: SourceOptions,
) -> Provenance:
    """Why a package (its package URL, or its name) or a file (its absolute path) is in an image; which matches packages have where there
    are `advisories`. `at` is today (ISO 8601).

    Raises HullmarkError where the image cannot be read, or has nothing of that name.
    """
    if not subject.strip():
        raise HullmarkError(
            "the subject is empty", advice="name a package (its name or package URL) or a file (its path in the image)"
        )
    is_path = subject.startswith("/")
    scanned = _scan_source(reference, resources, options, with_files=is_path)
    inventory = scanned.inventory
    file = _file(inventory, subject) if is_path else None
    names = {name for name in (_owner(file), *file.packages) if name} if file is not None else set()
    packages = (
        tuple(package for package in inventory.packages if package.purl in names)
        if file is not None
        else packages_named(inventory, subject)
    )
    if file is None and not packages:
        raise HullmarkError(f"{reference} has no package {subject[:200]}", advice=_near(inventory, subject))
    matches = None
    if advisories is not None and packages:
        matches = match_scan(scanned, advisories, MatchOptions(at=at)).matches
    return Provenance(
        source=inventory.source,
        subject=subject,
        file=file,
        packages=package_provenances(inventory, packages, matches),
        problems=tuple(problem for problem in inventory.problems if problem.is_open or problem.room == CORRECTIONS),
    )


def _scan_source(reference: str, resources: ScanResources, options: SourceOptions, *, with_files: bool) -> ScanResult:
    scheme, rest = classify(reference)
    if scheme == SBOM:
        scanned = ScanResult(sbom_at(rest, resources))
    else:
        request = ScanRequest(
            files=with_files, digests=with_files, ghosts=with_files, relations=True, licences=True, reads=MATCHING_READS
        )
        scanned = take(reference, request, resources, options)
    if with_files and scanned.inventory.files is None:
        raise HullmarkError("this SBOM lists no files", advice="name a package of it, or the image itself")
    return scanned


def _file(inventory: Inventory, path: str) -> FileProvenance:
    found = file_provenance(inventory, path)
    if found is None:
        raise HullmarkError(f"no layer has {path[:200]}", advice="hullmark files SOURCE lists what there is")
    return found


def _owner(file: FileProvenance | None) -> str:
    """The package that owns the file as it is now."""
    return (file.versions[-1].file.owner or "") if file is not None else ""


def _near(inventory: Inventory, subject: str) -> str:
    name = subject.partition("?")[0].rpartition("/")[2].partition("@")[0]
    known = {package.name: package for package in inventory.packages}
    near = difflib.get_close_matches(name, known, n=3)
    if not near:
        return "hullmark scan SOURCE lists its packages; a path begins with a slash"
    return f"near to it: {', '.join(known[purl].purl or purl for purl in near)}"
