"""Snapshots of advisories: published into the object store once, and copied to each process that matches."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, cast

import zstandard

from hullmark.advisories.database.build import digest_of
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.server.objects.objects import Objects
from hullmark.server.stories.services import Services
from hullmark.server.tables import audit, jobs
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.advisories.snapshots import SnapshotRow
from hullmark.server.tables.database import Connection
from hullmark.server.tables.rollout import set_counts

_KEPT = 3
_MAX_BYTES = Limit(64 << 30, "bytes of a snapshot of advisories that is loaded", "refused")


def object_of(digest: str) -> str:
    """The key of a snapshot's file."""
    return f"snapshots/{digest.partition(':')[2]}.zst"


def publish_file(objects: Objects, path: Path, digest: str) -> str:
    """Put a snapshot's file into the object store; returns its key."""
    key = object_of(digest)
    if objects.head(key) is None:
        with TemporaryDirectory(prefix="hullmark-snapshot-") as folder:
            packed = Path(folder) / "packed"
            with path.open("rb") as source, packed.open("wb") as target:
                zstandard.ZstdCompressor(level=6, threads=-1).copy_stream(source, target, size=path.stat().st_size)
            objects.put_file(key, packed)
    return key


async def publish(
    services: Services,
    path: Path,
    digest: str,
    *,
    may_return: bool = False,
    entry: audit.Entry[int] | None = None,
) -> int:
    """Register a snapshot and have all matches updated to it; returns its number, which `entry` logs in the same transaction.

    A snapshot that has been replaced becomes current again only if it `may_return`.
    """
    key = await asyncio.to_thread(publish_file, services.objects, path, digest)
    with Snapshot(path, digest) as source:
        namespaces = _namespace_summaries(source)
        data_at = source.data_at
    async with services.database.system() as connection:
        number = await snapshots.add_snapshot(
            connection, digest, data_at=data_at, object=key, namespaces=namespaces, may_return=may_return
        )
        # Until now it could have been removed as an old snapshot, so it is stored again. From here on it is safe.
        await asyncio.to_thread(publish_file, services.objects, path, digest)
        await jobs.defer(
            connection, "adopt", {"snapshot_id": number}, once=f"adopt:{number}", queue="matching", priority=20
        )
        if entry is not None:
            await entry(connection, number)
    return number


def _namespace_summaries(source: Snapshot) -> dict[str, dict[str, Any]]:
    """By namespace: the number of advisories, their date and their licences."""
    namespaces: dict[str, dict[str, Any]] = {}
    for row in source.coverage:
        known = namespaces.setdefault(row.namespace, {"count": 0, "data_at": "", "licences": []})
        known["count"] += row.advisories
        known["data_at"] = max(known["data_at"], row.data_at)
        known["licences"] = sorted({*known["licences"], source.licences[row.feed]})
    return namespaces


async def current_snapshot(connection: Connection) -> SnapshotRow | None:
    """The snapshot that everything is matched with; None if there is none yet."""
    now = await snapshots.current(connection)
    return await snapshots.snapshot_by_id(connection, now.snapshot_id) if now.snapshot_id is not None else None


async def count_sets(services: Services) -> None:
    """Count the matches of package sets that have no counts yet, in batches. Stops while a snapshot is being rolled out: counting would
    slow the roll-out down, and the counts would soon be wrong.
    """
    while True:
        async with services.database.system() as connection:
            if not await snapshots.is_carried_out(connection) or not await set_counts.fill(connection):
                return


class SnapshotCache:
    """The snapshots that this process has stored locally, as files in its own folder. It keeps a few; the least recently used go first."""

    def __init__(self, objects: Objects, folder: Path) -> None:
        self._objects = objects
        self._folder = folder
        self._lock = threading.Lock()

    @contextmanager
    def opened(self, digest: str, key: str) -> Iterator[Snapshot]:
        """The snapshot of a digest, open in this thread. Raises HullmarkError if it is missing or damaged."""
        with Snapshot(self._file(digest, key), digest) as source:
            yield source

    def _file(self, digest: str, key: str) -> Path:
        path = self._folder / f"{digest.partition(':')[2]}.sqlite"
        with self._lock:
            if path.exists():
                os.utime(path)
                return path
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            beside = path.with_suffix(f".{os.getpid()}")
            try:
                self._fetch(key, beside, digest)
                beside.replace(path)
            finally:
                beside.unlink(missing_ok=True)
            self._tidy()
        return path

    def _fetch(self, key: str, target: Path, digest: str) -> None:
        reader = self._objects.open(key)
        if reader is None:
            raise HullmarkError(f"the snapshot {digest} is missing from the object store", advice="publish it again")
        with reader, target.open("wb") as file:
            written = 0
            for chunk in zstandard.ZstdDecompressor().read_to_iter(
                cast("IO[bytes]", reader), read_size=1 << 20, write_size=1 << 20
            ):
                written += len(chunk)
                if written > _MAX_BYTES:
                    raise HullmarkError(f"the snapshot {digest} is too large", advice="publish it again")
                file.write(chunk)
        if digest_of(target) != digest:
            raise HullmarkError(f"the snapshot {digest} is damaged", advice="publish it again")

    def _tidy(self) -> None:
        files = sorted(self._folder.glob("*.sqlite"), key=lambda path: path.stat().st_mtime)
        for path in files[:-_KEPT]:
            path.unlink(missing_ok=True)  # processes that have it open keep reading it
