"""The Python API: what the command line does, as functions that return typed values."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from hullmark.app.check import Checked, judge, load
from hullmark.app.options import source_options
from hullmark.app.take import take
from hullmark.app.wish import Means, Wish
from hullmark.model.inventory import Inventory
from hullmark.model.match import Matches
from hullmark.model.verdict import Verdict
from hullmark.source import SourceOptions


def scan(
    reference: str,
    *,
    files: bool = False,
    all_layers: bool = False,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    options: SourceOptions | None = None,
) -> Inventory:
    """Everything in an image or folder.

    `reference` is what the command line takes. `files`: list every file with owner and state. `all_layers`: also what later
    layers deleted. `cache_dir`: where layer records are kept (None: nowhere). `options`: platform, credentials and the like;
    by default those of this process' environment.

    Raises hullmark.model.errors.HullmarkError (its `advice` says what to do), of which BrokenImage is one.
    """
    wish = Wish(files=files, digests=files, all_layers=all_layers)
    return take(reference, wish, Means(cache_folder=cache_dir, jobs=jobs), options or _from(os.environ)).inventory


def check(
    reference: str,
    *,
    policy: str | Path,
    at: datetime | None = None,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    options: SourceOptions | None = None,
) -> Verdict:
    """Judge an image or folder by the policy in a file or folder.

    `at` is the moment that counts as now (default: now). Otherwise as `scan`. A stop is a verdict, not an exception.
    """
    checked: Checked = judge(
        reference,
        load(Path(policy)),
        at or datetime.now(UTC),
        Means(cache_folder=cache_dir, jobs=jobs),
        options or _from(os.environ),
    )
    return checked.verdict


def vulns(  # noqa: PLR0913 - all by name
    reference: str,
    *,
    snapshot: Path | None = None,
    advisories: Path | None = None,
    db_dir: Path | None = None,
    at: datetime | None = None,
    cache_dir: Path | None = None,
    jobs: int | None = None,
    options: SourceOptions | None = None,
) -> Matches:
    """What is known to be wrong with the packages of an image or folder, and why; and of which nothing can be said.

    The advisories are those of the file `snapshot`, or of the folder `advisories` (OSV documents), or what `hullmark db update` last put
    into `db_dir` (one of the three is needed). `at` is the moment that counts as now (default: now). Otherwise as `scan`.
    """
    from hullmark.advisorydb.shelf import Shelf
    from hullmark.app.advisories import opened
    from hullmark.app.vulns import Weighing, vulnerabilities

    if snapshot is None and advisories is None and db_dir is None:
        raise ValueError("vulns takes advisories from snapshot, advisories or db_dir; none is given")
    day = (at or datetime.now(UTC)).astimezone(UTC).date().isoformat()
    means = Means(cache_folder=cache_dir, jobs=jobs)
    with opened(Shelf(db_dir or Path()), snapshot, advisories) as book:
        return vulnerabilities(reference, book, Weighing(at=day), means, options or _from(os.environ))


def _from(environment: Mapping[str, str]) -> SourceOptions:
    return source_options(environment)
