"""Snapshots that stay on disk, for tests of what opens their files again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hullmark.advisorydb.build import build
from hullmark.advisorydb.snapshot import Snapshot
from hullmark.model.advisory import Advisory, Record
from tests.support.books import info


def snapshot_in(folder: Path, records: Sequence[Record], **more: Any) -> Snapshot:
    """A snapshot of these records, as a new file in the folder. Advisories stand under their own source. `more` is what the feeds say
    of themselves."""
    by_feed: dict[str, list[Record]] = {}
    for record in records:
        by_feed.setdefault(record.source if isinstance(record, Advisory) else "other", []).append(record)
    path = folder / f"{len(list(folder.iterdir()))}.sqlite"
    digest = build(path, [(info(name, **more), by_feed[name]) for name in sorted(by_feed)])
    return Snapshot(path, digest)
