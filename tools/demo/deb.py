"""Debian's binary packages: an ar archive of `control.tar` and `data.tar` (deb(5))."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

from tools.demo.layers import FILE, FOLDER, HARDLINK, SYMLINK, Item

_AR_MAGIC = b"!<arch>\n"
_HEADER_BYTES = 60
_UNPACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
    ".bz2": bz2.decompress,
    ".zst": lambda packed: zstandard.ZstdDecompressor().stream_reader(packed).read(),
}


class NotADeb(Exception):
    """The file is no Debian package, or of a kind that is not known here."""


@dataclass(frozen=True, slots=True)
class Deb:
    """A package: its control stanza as written, its maintainer files by name, and the files it installs."""

    stanza: str
    control: dict[str, bytes] = field(repr=False)
    items: tuple[Item, ...] = field(repr=False)
    newest: int = 0
    """The time stamp of its newest file, in seconds since 1970."""

    def value(self, key: str) -> str:
        """A field of the stanza, on one line; empty if it is not there."""
        for line in self.stanza.splitlines():
            if line.lower().startswith(f"{key.lower()}:"):
                return line.partition(":")[2].strip()
        return ""


def read_deb(path: Path) -> Deb:
    """Read a whole package into memory. Raises NotADeb."""
    members = dict(_members(path.read_bytes(), path.name))
    control = {name: body for name, body, _ in _regular(_tar(members, "control.tar", path.name))}
    items: list[Item] = []
    newest = 0
    for entry, item in _entries(_tar(members, "data.tar", path.name)):
        newest = max(newest, int(entry.mtime))
        items.append(item)
    return Deb(control.get("control", b"").decode().strip("\n"), control, tuple(items), newest)


def _members(raw: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    if not raw.startswith(_AR_MAGIC):
        raise NotADeb(f"{name} is no ar archive")
    at = len(_AR_MAGIC)
    while at + _HEADER_BYTES <= len(raw):
        header = raw[at : at + _HEADER_BYTES]
        size = int(header[48:58])
        at += _HEADER_BYTES
        yield header[:16].decode("ascii").strip().rstrip("/"), raw[at : at + size]
        at += size + size % 2


def _tar(members: dict[str, bytes], stem: str, name: str) -> tarfile.TarFile:
    for member, packed in members.items():
        unpack = _UNPACK.get(member.removeprefix(stem)) if member.startswith(stem) else None
        if unpack is not None:
            return tarfile.open(fileobj=io.BytesIO(unpack(packed)))
    raise NotADeb(f"{name} has no {stem} of a known compression")


def _regular(tar: tarfile.TarFile) -> Iterator[tuple[str, bytes, int]]:
    for entry in tar:
        file = tar.extractfile(entry) if entry.isreg() else None
        if file is not None:
            yield _plain(entry.name), file.read(), entry.mode


def _entries(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, Item]]:
    kinds = {tarfile.DIRTYPE: FOLDER, tarfile.SYMTYPE: SYMLINK, tarfile.LNKTYPE: HARDLINK}
    for entry in tar:
        path = _plain(entry.name)
        if not path or not (entry.isreg() or entry.type in kinds):
            continue
        file = tar.extractfile(entry) if entry.isreg() else None
        target = _plain(entry.linkname) if entry.islnk() else entry.linkname
        body = file.read() if file is not None else b""
        kind = kinds.get(entry.type, FILE)
        yield entry, Item(path, body, kind, entry.mode & 0o7777, target, entry.uid, entry.gid)


def _plain(name: str) -> str:
    return name.removeprefix("./").strip("/")
