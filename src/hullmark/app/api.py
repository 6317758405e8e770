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


def _from(environment: Mapping[str, str]) -> SourceOptions:
    return source_options(environment)
