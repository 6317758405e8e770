"""Which advisories a run is judged with: a snapshot file, a folder of OSV documents, or what the shelf has in use."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from hullmark.advisories.database.build import build, digest_of
from hullmark.advisories.database.schema import FOLDER, Cover, FeedInfo
from hullmark.advisories.database.shelf import Shelf
from hullmark.advisories.database.snapshot import Snapshot
from hullmark.app.declared_coverage import DECLARATION, declared_in
from hullmark.model.advisory import Advisory
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.scanning.documents import read_bounded

_MAX_FILES = Limit(1_000_000, "files in a folder of advisories of one's own", "refused")
_MAX_BYTES = Limit(64 << 20, "bytes of a file of advisories of one's own", "refused")


@contextmanager
def open_snapshot(
    shelf: Shelf, snapshot: Path | None = None, folder: Path | None = None, known_at: datetime | None = None
) -> Iterator[Snapshot]:
    """The snapshot to match with: the file, else one made on the fly of OSV documents, in a folder or a list, else the shelf's.

    The shelf's is the one in use, or with `known_at` the one that was in use at that moment. Raises HullmarkError if there is none,
    or it cannot be read.
    """
    if known_at is not None:
        if snapshot is not None or folder is not None:
            raise HullmarkError(
                "--known-at asks for the advisories that were in use then: --snapshot and --advisories exclude it",
                advice="give one of them",
            )
        with Snapshot(*shelf.used_at(known_at)) as source:
            yield source
        return
    if snapshot is not None and folder is not None:
        raise HullmarkError("--snapshot and --advisories exclude each other", advice="give one of them")
    if folder is not None:
        with TemporaryDirectory(prefix="hullmark-advisories-") as name:
            made = Path(name) / "snapshot"
            digest = build(made, [(_info(folder), _advisories(folder))])
            with Snapshot(made, digest) as source:
                yield source
        return
    with _on_disk(shelf, snapshot) as source:
        yield source


def _on_disk(shelf: Shelf, snapshot: Path | None) -> Snapshot:
    if snapshot is not None:
        if not snapshot.is_file():
            raise HullmarkError(
                f"{snapshot} is not there", advice="give the file of a snapshot: hullmark db status names it"
            )
        # A snapshot of the shelf carries its digest as its name; of any other file it has to be computed.
        hexadecimal = len(snapshot.stem) == hashlib.sha256().digest_size * 2
        return Snapshot(snapshot, f"sha256:{snapshot.stem}" if hexadecimal else digest_of(snapshot))
    current = shelf.current()
    if current is None:
        raise HullmarkError(
            "there are no advisories yet", advice="fetch them: hullmark db update; or give --advisories or --snapshot"
        )
    return Snapshot(*current)


def _info(folder: Path) -> FeedInfo:
    """The folder as a feed: it covers what it declares, as of the days that it declares."""
    covers = tuple(Cover(name, 0, day) for name, day in sorted(declared_in(folder).items()))
    return FeedInfo(
        name=FOLDER,
        title="Advisories from a folder",
        homepage="",
        licence="",
        fresh_days=0,
        covers=covers,
        dated_by="check",
    )


def _advisories(place: Path) -> Iterator[Advisory]:
    """Every OSV record there, by path and place. Any other file is refused, and so is a place without records."""
    from hullmark.advisories.feeds.formats.osv_record import advisories_of

    count = 0
    wrong: list[str] = []
    for name, body in _records(place):
        advisory = advisories_of(body, FOLDER, lambda where, reason: wrong.append(f"{where}: {reason}"), name)
        if advisory is not None:
            count += 1
            yield advisory
    if wrong:
        more = f" (and {len(wrong) - 1:,} more)" if len(wrong) > 1 else ""
        raise HullmarkError(
            f"{place} holds what is not an OSV document: {wrong[0]}{more}", advice="mend it or take it out"
        )
    if not count and place.is_dir() and not declared_in(place):
        raise HullmarkError(f"{place} holds no OSV document", advice="give a folder with files NAME.json")


def _records(place: Path) -> Iterator[tuple[str, bytes]]:
    """The records in the files of a folder, or those that a file lists, with their names."""
    if place.is_file():
        yield from _read_records(place)
        return
    if not place.is_dir():
        raise HullmarkError(
            f"{place} is not a folder", advice="give a folder of OSV documents, or a file that lists them"
        )
    for number, path in enumerate(path for path in sorted(place.rglob("*.json")) if path != place / DECLARATION):
        if number == _MAX_FILES or path.stat().st_size > _MAX_BYTES:
            raise HullmarkError(
                f"{path} is more than can be read", advice=f"at most {_MAX_FILES:,} files of {_MAX_BYTES >> 20} MiB"
            )
        yield path.name, path.read_bytes()


def _read_records(file: Path) -> Iterator[tuple[str, bytes]]:
    """The records in a file: one, or a list."""
    body = read_bounded(file, _MAX_BYTES)
    if not body.lstrip().startswith(b"["):
        yield file.name, body
        return
    try:
        records = msgspec.json.decode(body, type=list[msgspec.Raw])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise HullmarkError(f"{file} is not a list of OSV records: {error}", advice="mend it") from error
    for number, record in enumerate(records):
        yield f"{file.name}[{number}]", bytes(record)
