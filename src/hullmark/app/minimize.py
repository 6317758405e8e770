"""From an image to what of it its start reaches, and what may go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.app.vulns import MATCHING_READS, MatchOptions, match_scan, refuse_to_follow
from hullmark.facets.configuration.facet import FACET as CONFIGURATION
from hullmark.model.configuration import Configuration
from hullmark.model.errors import HullmarkError
from hullmark.model.inventory import FileRecord
from hullmark.model.reach import Minimality
from hullmark.model.seccomp import SyscallDoubt
from hullmark.reach.analysis import ReachRequest, minimality
from hullmark.reach.observed import MAX_BYTES, ObservedPaths, observed_paths
from hullmark.reach.reads import REACH_READS, reach_facts
from hullmark.reach.residue import apk_installed, dpkg_status, kept_names
from hullmark.reach.syscalls import SYSCALLS_READ
from hullmark.report.seccomp import seccomp_json
from hullmark.report.terminal import safe
from hullmark.scanning.documents import read_bounded
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.residue import Residue, Rewriting, write_residue
from hullmark.scanning.take import SBOM, take
from hullmark.source import SourceOptions, classify, open_image

Unsure = Literal["allow-default", "refuse"]
"""What is written where not all system calls can be told: the profile that engines use by default, or nothing."""


class MinimizedImage(NamedTuple):
    """What was found, and all files of the image."""

    found: Minimality
    files: tuple[FileRecord, ...]


def minimality_of(
    reference: str,
    request: ReachRequest,
    advisories: AdvisorySource | None,
    at: str,
    resources: ScanResources,
    options: SourceOptions,
) -> MinimizedImage:
    """What the start of an image reaches; which vulnerabilities are in that where there are `advisories`. `at` is today (ISO 8601).

    Raises HullmarkError where the image cannot be read, or is a list of packages.
    """
    refuse_to_follow(reference)
    reads = (*REACH_READS, *MATCHING_READS, *([SYSCALLS_READ] if request.syscalls else []))
    wanted = ScanRequest(files=True, relations=True, reads=reads, facets=(CONFIGURATION,))
    scanned = take(reference, wanted, resources, options)
    configuration: Configuration = scanned.facets[CONFIGURATION.name]
    facts = reach_facts(scanned.found, configuration.settings, scanned.inventory.config)
    matches = None
    if advisories is not None:
        found = match_scan(scanned, advisories, MatchOptions(at=at)).matches
        matches = tuple(match for match in found if match.suppressed is None)
    return MinimizedImage(minimality(scanned.inventory, facts, request, matches), scanned.inventory.files or ())


def reach_request(
    reference: str, *, roots: Sequence[str], why: Sequence[str], observed: Sequence[str], syscalls: bool
) -> ReachRequest:
    """What is to be followed in an image. `observed` are files that record what was opened, the rest is as in ReachRequest.

    Raises HullmarkError where a record cannot be read, or names no file.
    """
    found = _observed_in(observed, reference) if observed else None
    return ReachRequest(roots=tuple(roots), why=tuple(why), observed=found, syscalls=syscalls)


def _observed_in(files: Sequence[str], reference: str) -> ObservedPaths:
    names = (reference, reference.partition(":")[2])
    found = [observed_paths(read_bounded(Path(file), MAX_BYTES), names) for file in files]
    paths = sorted({path for start in found for path in start.paths})
    return ObservedPaths(tuple(paths), sum(start.unclear for start in found))


def refuse_to_emit(reference: str, folder: str) -> None:
    """Raise HullmarkError where what is left cannot be written: before the work begins."""
    if classify(reference)[0] in (SBOM, "dir"):
        raise HullmarkError(
            "only an image can be written anew, not a folder or a list of packages",
            advice="name an image, an archive or a layout",
        )
    place = Path(folder)
    try:
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise HullmarkError(f"{folder} is there already", advice="name a new folder, or an empty one")
    except OSError as error:
        raise HullmarkError(f"cannot read {folder}: {error.strerror}", advice="check the path") from error


def write_seccomp(found: Minimality, file: str, unsure: Unsure) -> str:
    """Write the profile of system calls; where it is not to be relied on, what engines allow by default, or nothing. Returns what was done,
    as a sentence.

    Raises HullmarkError where it cannot be written, or is not to be.
    """
    profile = found.syscalls
    if profile is None or not profile.machine:
        raise HullmarkError(
            "which system calls are made cannot be told: no program is reached whose code could be read",
            advice="use the profile RuntimeDefault, or name with --root what is started",
        )
    reasons = len(profile.unsure)
    because = (
        f"{reasons} {'reason' if reasons == 1 else 'reasons'}, the first: {safe(_reason(profile.unsure[0]))}"
        if reasons
        else ""
    )
    if reasons and unsure == "refuse":
        raise HullmarkError(
            f"not all system calls that are made can be told ({because})",
            advice="use the profile RuntimeDefault, or --seccomp-unsure allow-default",
        )
    try:
        Path(file).write_bytes(seccomp_json(profile, allows_default=bool(reasons)))
    except OSError as error:
        raise HullmarkError(f"cannot write {file}: {error.strerror}", advice="check path, rights and space") from error
    if reasons:
        return f"{file} allows what engines do by default (RuntimeDefault), as not all system calls can be told ({because})"
    return f"{file} allows {len(profile.calls)} system calls, of {len(profile.default)} that engines allow by default"


def _reason(doubt: SyscallDoubt) -> str:
    return f"{doubt.path}: {doubt.reason}" if doubt.path else doubt.reason


def emit(reference: str, found: Minimality, files: tuple[FileRecord, ...], folder: str, options: SourceOptions) -> None:
    """Write what is left of the image: an OCI layout, `files.txt`, which names what is in it, and a Dockerfile that makes it too.

    Raises HullmarkError where that cannot be done.
    """
    place, names = (
        Path(folder),
        kept_names(package.purl for package in found.packages if package.reach != "unreachable"),
    )
    rewritten: dict[str, Rewriting] = {
        "/var/lib/dpkg/status": lambda body: dpkg_status(body, names),
        "/lib/apk/db/installed": lambda body: apk_installed(body, names),
        "/usr/lib/apk/db/installed": lambda body: apk_installed(body, names),
    }
    residue = Residue(files=files, kept=frozenset(found.kept), rewritten=rewritten)
    write_residue(open_image(reference, options), residue, place)
    try:
        (place / "files.txt").write_text("".join(f".{path}\n" for path in found.kept if "\n" not in path), "utf-8")
        (place / "Dockerfile").write_text(found.recipe.dockerfile, "utf-8")
    except OSError as error:
        raise HullmarkError(
            f"cannot write to {folder}: {error.strerror}", advice="check path, rights and space"
        ) from error
