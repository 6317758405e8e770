"""Snapshots that stay on disk, for tests of what opens their files again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hullmark.advisories.database.build import build
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.model.advisory import Advisory, Record
from tests.support.matching import info


def snapshot_in(folder: Path, records: Sequence[Record], **more: Any) -> Snapshot:
    """A snapshot of these records, as a new file in the folder. Advisories stand under their own source. `more` is what the feeds say
    of themselves."""
    by_feed: dict[str, list[Record]] = {}
    for record in records:
        by_feed.setdefault(record.source if isinstance(record, Advisory) else "other", []).append(record)
    path = folder / f"{len(list(folder.iterdir()))}.sqlite"
    digest = build(path, [(info(name, **more), by_feed[name]) for name in sorted(by_feed)])
    return Snapshot(path, digest)


@contextmanager
def two_snapshots(before: Sequence[Record], after: Sequence[Record]) -> Iterator[tuple[Snapshot, Snapshot]]:
    """A snapshot of the records of a day, and one of the next day's."""
    with (
        tempfile.TemporaryDirectory(prefix="hullmark-test-") as folder,
        snapshot_in(Path(folder), before) as previous,
        snapshot_in(Path(folder), after) as following,
    ):
        yield previous, following
