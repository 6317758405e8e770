"""One file of a container, as its engine hands it out: a tar archive (POSIX.1-2001) of which the first entry is looked at."""

from __future__ import annotations

import hashlib
import tarfile
from contextlib import closing
from dataclasses import dataclass
from typing import IO, Literal

from hullmark.model.limit import Limit
from hullmark.net.errors import NetError
from hullmark.net.unix import LocalAnswer
from hullmark.places.runtime.engines.api import EngineApi, EngineRefused

LARGEST_FILE = Limit(256 << 20, "bytes of a container's changed file that are read", "unseen")
_LARGEST_HEADER = Limit(1 << 20, "bytes of the headers of a container's changed file", "refused")
_CHUNK = 1 << 16
_BEGINNING = 1 << 12
_MARKS = (b"BusyBox v", b"GNU bash, version", b"@(#)MIRBSD KSH", b"@(#)PDKSH", b"ZSH_VERSION", b"toybox ")
"""What shells say of themselves."""


class UnreadableFile(NetError):
    """The engine hands a file out in a form that cannot be read."""


FileKind = Literal["file", "folder", "other"]


@dataclass(frozen=True, slots=True)
class FileStat:
    """What a file is. `mode` holds the twelve permission bits, `modified` seconds since 1970."""

    kind: FileKind
    mode: int
    size: int
    modified: float

    @property
    def is_executable(self) -> bool:
        """Whether anybody may run it."""
        return self.kind == "file" and bool(self.mode & 0o111)

    @property
    def is_setuid(self) -> bool:
        """Whether it runs as its owner or its group."""
        return self.kind == "file" and bool(self.mode & 0o6000)


@dataclass(frozen=True, slots=True)
class ContainerFile:
    """A file with what its body says. `sha256` is "" for one that was too large to be read; `is_shell`: it says of itself that it is one.

    `runs`: its body is a program or a script.
    """

    stat: FileStat
    sha256: str = ""
    is_shell: bool = False
    runs: bool = False


class _BoundedAnswer:
    """The bytes of an answer, for tarfile: at most so many before the body."""

    def __init__(self, answer: LocalAnswer) -> None:
        self._answer, self._left = answer, int(_LARGEST_HEADER)
        self.is_free = False

    def read(self, size: int = -1) -> bytes:
        found = bytearray()
        while len(found) < size:
            if not self.is_free and self._left <= 0:
                raise tarfile.ReadError("the headers are too long")
            buffer = memoryview(bytearray(min(size - len(found), _CHUNK)))
            n = self._answer.readinto(buffer)
            if not n:
                break
            found += buffer[:n]
            self._left -= n
        return bytes(found)


def read_file(
    api: EngineApi, container: str, path: str, known: FileStat | None = None, largest: int = LARGEST_FILE
) -> ContainerFile | None:
    """A file of a container; None where it is gone. Its body is read if the file can be run, and is not `known` as it is.

    Raises UnreadableFile, EngineRefused, and other NetError where the engine does not answer.
    """
    try:
        answer = api.archive(container, path)
    except EngineRefused as error:
        if error.status == 404:
            return None
        raise
    with closing(answer):
        source = _BoundedAnswer(answer)
        try:
            with tarfile.open(fileobj=source, mode="r|", bufsize=512) as archive:  # type: ignore[call-overload]
                entry = archive.next()
                if entry is None:
                    return None
                stat = _stat_of(entry)
                wants_body = stat.is_executable and stat != known and stat.size <= largest
                if not wants_body:
                    return ContainerFile(stat)
                source.is_free = True
                return _with_body(archive, entry, stat)
        except (tarfile.TarError, ValueError, OverflowError, UnicodeError) as error:
            raise UnreadableFile(f"{api.name} handed out a damaged archive of {path[:200]}") from error


def _stat_of(entry: tarfile.TarInfo) -> FileStat:
    kind: FileKind = "file" if entry.isreg() else "folder" if entry.isdir() else "other"
    return FileStat(kind, entry.mode & 0o7777, entry.size, float(entry.mtime))


def _with_body(archive: tarfile.TarFile, entry: tarfile.TarInfo, stat: FileStat) -> ContainerFile:
    body = archive.extractfile(entry)
    return ContainerFile(stat) if body is None else describe_file(stat, body)


def describe_file(stat: FileStat, body: IO[bytes]) -> ContainerFile:
    """What the body of a file says, which is read to its end."""
    digest = hashlib.sha256()
    beginning, before, is_shell = b"", b"", False
    while piece := body.read(_CHUNK):
        digest.update(piece)
        beginning = beginning or piece[:_BEGINNING]
        window = before + piece
        is_shell = is_shell or any(mark in window for mark in _MARKS)
        before = window[-max(map(len, _MARKS)) :]
    runs = beginning.startswith((b"\x7fELF", b"#!"))
    return ContainerFile(stat, digest.hexdigest(), is_shell and beginning.startswith(b"\x7fELF"), runs)
