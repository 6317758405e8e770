"""A backup as a folder or as one tar file: named entries that are written once, completely or not at all, and read in the order of writing.

backup.json       what it is a backup of (`BackupHeader`); the first entry
objects/KEY       the objects, if they are copied
objects.txt       their sizes and keys, if they stay in their bucket
database.dump     the database, as pg_dump -Fc writes it
secret.key        the key that encrypts secrets, if it was requested
complete.json     what was written (`ObjectTotals`); the last entry
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple, Protocol, TypeVar

import msgspec

from hullmark.model.errors import HullmarkError

TOLD, COMPLETE, DUMP, KEY, LISTED, OBJECTS = (
    *("backup.json", "complete.json", "database.dump", "secret.key", "objects.txt", "objects/"),
)
FORMAT = 1
SUFFIX = ".tar"

_Kind = TypeVar("_Kind")
_JSON_BYTES = 1 << 20
_PIECE = 1 << 20


class BackupHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup is of: the format of the backup, the program's version, the database's form, when it was made, where the objects were
    and whether they are copied, and the fingerprint of the secret key.
    """

    format: int
    hullmark: str
    form: str
    made_at: str
    objects: str
    copied: bool
    key: str


class ObjectTotals(msgspec.Struct, frozen=True, kw_only=True):
    """How many objects a backup holds or lists, and their bytes."""

    objects: int
    bytes: int


class Writer(Protocol):
    """A backup that is being written."""

    def add(self, name: str, size: int, content: IO[bytes]) -> None:
        """Add an entry."""


class _FolderWriter:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, size: int, content: IO[bytes]) -> None:
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            shutil.copyfileobj(content, file, _PIECE)
            if file.tell() != size:
                raise HullmarkError(f"{name} changed while it was copied", advice="make the backup again")
            file.flush()
            os.fsync(file.fileno())


class _TarWriter:
    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar

    def add(self, name: str, size: int, content: IO[bytes]) -> None:
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = size, 0o600
        self._tar.addfile(entry, content)


def add_bytes(writer: Writer, name: str, content: bytes) -> None:
    """Add an entry with this content."""
    writer.add(name, len(content), io.BytesIO(content))


@contextmanager
def write_backup(target: Path) -> Iterator[Writer]:
    """A backup to write: a folder, or a tar file if the name ends in .tar. It gets its final name once it is complete. Raises
    HullmarkError.
    """
    if target.exists():
        raise HullmarkError(f"{target} is there already", advice="name a backup that is not there yet")
    half = target.with_name(f".{target.name}.part")
    try:
        _remove(half)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.suffix == SUFFIX:
            with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                with tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                    yield _TarWriter(tar)
                file.flush()
                os.fsync(file.fileno())
        else:
            half.mkdir(mode=0o700)
            yield _FolderWriter(half)
        half.rename(target)
    except OSError as error:
        raise HullmarkError(
            f"no backup can be written to {target}: {error.strerror or error}", advice="choose another place"
        ) from error
    finally:
        _remove(half)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


class BackupEntry(NamedTuple):
    """One entry of a backup; `content` must be read before the next entry. `size` is in bytes."""

    name: str
    size: int
    content: IO[bytes]


def entries(source: Path) -> Iterator[BackupEntry]:
    """The entries of a backup. Raises HullmarkError."""
    try:
        if source.is_dir():
            yield from _in_folder(source)
        else:
            with tarfile.open(source, mode="r|") as tar:
                yield from _in_tar(tar)
    except (OSError, tarfile.TarError) as error:
        raise HullmarkError(f"the backup {source} cannot be read: {error}", advice="name another backup") from error


def _in_folder(folder: Path) -> Iterator[BackupEntry]:
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    for name in sorted(names, key=lambda name: (name != TOLD, name == COMPLETE)):
        with (folder / name).open("rb") as file:
            yield BackupEntry(name, os.fstat(file.fileno()).st_size, file)


def _in_tar(tar: tarfile.TarFile) -> Iterator[BackupEntry]:
    for entry in tar:
        content = tar.extractfile(entry) if entry.isreg() else None
        if content is not None:
            yield BackupEntry(entry.name, entry.size, content)


def told_in(source: Path) -> BackupHeader:
    """The header of a backup. Raises HullmarkError if it is not a backup, or has an unknown format."""
    if not source.exists():
        raise HullmarkError(f"there is no backup {source}", advice="name a folder or file that `hullmark backup` wrote")
    for name, size, content in entries(source):
        if name != TOLD or size > _JSON_BYTES:
            break
        header = parse_document(content.read(), BackupHeader, source)
        if header.format != FORMAT:
            raise HullmarkError(f"{source} was written by a newer hullmark", advice=f"use version {header.hullmark}")
        return header
    raise HullmarkError(f"{source} is not a backup", advice="name a folder or file that `hullmark backup` wrote")


def parse_document(content: bytes, kind: type[_Kind], source: Path) -> _Kind:
    """An entry's content, decoded from JSON. Raises HullmarkError."""
    try:
        return msgspec.json.decode(content[:_JSON_BYTES], type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise HullmarkError(f"{source} is damaged: {error}", advice="name another backup") from error
