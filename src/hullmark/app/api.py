"""The Python API: what the command line does, as functions that return typed values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace

from hullmark.app.check import CheckOptions, find_needs, judge, load
from hullmark.model.inventory import Inventory
from hullmark.model.match import Matches
from hullmark.model.verdict import Verdict
from hullmark.policy.verdict_diff import Difference
from hullmark.scanning.request import ScanRequest, ScanResources
from hullmark.scanning.take import take
from hullmark.source import SourceOptions
from hullmark.source.options import source_options


def scan(  # noqa: PLR0913 - all by name
    reference: str,
    *,
    files: bool = False,
    all_layers: bool = False,
    relations: bool = False,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    options: SourceOptions | None = None,
    corrections: Path | None = None,
    jar_index: Path | None = None,
) -> Inventory:
    """Everything in an image or folder.

    `reference` is what the command line takes. `files`: list every file with owner and state. `all_layers`: also what later
    layers deleted. `relations`: which packages need which. `cache_dir`: where layer records are kept (None: nowhere). `options`:
    platform, credentials and the like; by default those of this process' environment. `corrections`: a file that says what packages
    really are. `jar_index`: a file that names Java archives by their digests.

    Raises hullmark.model.errors.HullmarkError (its `advice` says what to do), of which BrokenImage is one.
    """
    request = ScanRequest(files=files, digests=files, all_layers=all_layers, relations=relations)
    resources = _resources(cache_dir, jobs, corrections, jar_index)
    return take(reference, request, resources, options or _from(os.environ)).inventory


def check(  # noqa: PLR0913 - all by name
    reference: str,
    *,
    policy: str | Path,
    snapshot: Path | None = None,
    advisories: Path | None = None,
    db_dir: Path | None = None,
    known_at: datetime | None = None,
    environment: str = "",
    at: datetime | None = None,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    options: SourceOptions | None = None,
    corrections: Path | None = None,
    jar_index: Path | None = None,
) -> Verdict:
    """Judge an image or folder by the policy in a file or folder.

    Where its rules need advisories, they are found as `vulns` finds them; without any, such rules cannot be judged. `known_at` takes
    those that were in use in `db_dir` at that moment. `environment` is where the image is to run, as policies name it. `at` is the
    moment that counts as now (default: now). Otherwise as `scan`. A stop is a verdict, not an exception.
    """
    from hullmark.advisories.database.shelf import Shelf
    from hullmark.app.advisories import open_snapshot

    loaded, check_options = load(Path(policy)), CheckOptions(environment=environment)
    is_advised = snapshot is not None or advisories is not None or db_dir is not None
    if known_at is not None and db_dir is None:
        raise ValueError("check takes what was known at a moment from db_dir, which is not given")
    resources, now = _resources(cache_dir, jobs, corrections, jar_index), at or datetime.now(UTC)
    wants_advisories = is_advised and find_needs(loaded, check_options.context).matches
    shelf = Shelf(db_dir or Path())
    with open_snapshot(shelf, snapshot, advisories, known_at) if wants_advisories else nullcontext() as source:
        return judge(
            reference, loaded, now, resources, options or _from(os.environ), replace(check_options, advisories=source)
        ).verdict


def vulns(  # noqa: PLR0913 - all by name
    reference: str,
    *,
    snapshot: Path | None = None,
    advisories: Path | None = None,
    db_dir: Path | None = None,
    known_at: datetime | None = None,
    at: datetime | None = None,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    options: SourceOptions | None = None,
    corrections: Path | None = None,
    jar_index: Path | None = None,
) -> Matches:
    """What is known to be wrong with the packages of an image or folder, and why; and of which nothing can be said.

    The advisories are those of the file `snapshot`, or of the folder `advisories` (OSV documents), or what `hullmark db update` last put
    into `db_dir` (one of the three is needed); with `known_at` what was in use there at that moment. `at` is the moment that counts
    as now (default: now). Otherwise as `scan`.
    """
    from hullmark.advisories.database.shelf import Shelf
    from hullmark.app.advisories import open_snapshot
    from hullmark.app.vulns import MatchOptions, vulnerabilities

    if snapshot is None and advisories is None and db_dir is None:
        raise ValueError("vulns takes advisories from snapshot, advisories or db_dir; none is given")
    day = (at or datetime.now(UTC)).astimezone(UTC).date().isoformat()
    resources = _resources(cache_dir, jobs, corrections, jar_index)
    with open_snapshot(Shelf(db_dir or Path()), snapshot, advisories, known_at) as source:
        return vulnerabilities(reference, source, MatchOptions(at=day), resources, options or _from(os.environ))


def diff(before: Verdict | Path, after: Verdict | Path, *, db_dir: Path | None = None) -> Difference:
    """What one thing made two verdicts differ. Each is a value, or a file that `hullmark check -o json` wrote.

    Where the snapshots that they name are kept in `db_dir`, a change of severity or of known exploitation is told apart from
    a changed advisory. Raises HullmarkError for a file that holds no verdict.
    """
    from hullmark.advisories.database.shelf import Shelf
    from hullmark.app.verdicts import advisory_lookup, read_verdict
    from hullmark.policy.verdict_diff import compare

    first, second = (read_verdict(verdict) if isinstance(verdict, Path) else verdict for verdict in (before, after))
    if db_dir is None:
        return compare(first, second)
    with advisory_lookup(Shelf(db_dir)) as lookup:
        return compare(first, second, lookup)


def _resources(
    cache_dir: Path | None, jobs: int | None, corrections: Path | None, jar_index: Path | None
) -> ScanResources:
    from hullmark.advisories.database.jars import opened_jars
    from hullmark.scanning.corrections import corrections_in

    return ScanResources(
        cache_folder=cache_dir,
        jobs=jobs,
        corrections=corrections_in(corrections) if corrections is not None else None,
        jars=opened_jars(jar_index) if jar_index is not None else None,
    )


def _from(environment: Mapping[str, str]) -> SourceOptions:
    return source_options(environment)
