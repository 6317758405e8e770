"""A folder on this machine, read as a root file system. Links are never followed, nothing outside is opened."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from typing import Any

from hullmark.model.errors import HullmarkError
from hullmark.rootfs.builder import SPARSE, RecordBuilder
from hullmark.rootfs.dispatch import Dispatch
from hullmark.rootfs.entry import LayerRecord
from hullmark.rootfs.limits import DEFAULT, Limits
from hullmark.rootfs.reads import Read
from hullmark.rootfs.tar import HEAD_BYTES, Body

_KINDS = {
    stat.S_IFREG: "f",
    stat.S_IFDIR: "d",
    stat.S_IFLNK: "l",
    stat.S_IFCHR: "c",
    stat.S_IFBLK: "b",
    stat.S_IFIFO: "p",
}
_PIECE = 1 << 20
_NOT_STORED = (b"proc", b"sys", b"dev", b"run")
"""Folders that the kernel fills at run time: skipped where something is mounted on them."""


def read_folder(folder: str, dispatch: Dispatch, *, digests: bool = False, limits: Limits = DEFAULT) -> LayerRecord:
    """One record of everything below a folder. What cannot be read is a Problem.

    Raises HullmarkError if the folder itself cannot be read.
    """
    builder = RecordBuilder(dispatch, limits, digests=digests)
    root = os.fsencode(folder)
    try:
        device = os.stat(root).st_dev
        os.scandir(root).close()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise HullmarkError(f"cannot read the folder {folder}: {reason}", advice="check path and rights") from error
    seen: dict[tuple[int, int], bytes] = {}
    for path, status in _walk(root, device, builder):
        try:
            if (first := _other_name(path, status, seen)) is not None:
                builder.entry(path, "h", _meta(status, 0), first, b"")
            else:
                _take(root, path, status, builder, limits)
        except OSError as error:
            builder.problem(path, "rootfs", f"cannot be read: {error.strerror}")
    for path, files in builder.find_late_reads().items():
        for wanted in files:
            _read_for_links(root, path, wanted, builder, limits)
    return builder.record("", "", 0)


def _read_for_links(
    root: bytes, path: bytes, wanted: list[tuple[int, Read[Any]]], builder: RecordBuilder, limits: Limits
) -> None:
    """Read a file again for those reads that want it by another of its names only: (the entry with that name, the read)."""
    try:
        for index, read in wanted:
            handle = _open(os.path.join(root, path))
            try:
                status = os.fstat(handle)
                if _is_hollow(status, limits):
                    builder.problem(builder.entries[index].path, read.name, SPARSE)
                else:
                    _give(handle, status.st_size, builder.late_body(index, read, status.st_size))
            finally:
                os.close(handle)
    except OSError as error:
        for index, read in wanted:
            builder.problem(builder.entries[index].path, read.name, f"cannot be read: {error.strerror}")


def _walk(root: bytes, device: int, builder: RecordBuilder) -> Iterator[tuple[bytes, os.stat_result]]:
    """(relative path, status) of everything below, in sorted order, folders before what they hold."""
    waiting = [b""]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(os.path.join(root, folder)) as found:
                names = sorted(entry.name for entry in found)
        except OSError as error:
            builder.problem(folder, "rootfs", f"the folder cannot be read: {error.strerror}")
            continue
        below = []
        for name in names:
            path = os.path.join(folder, name)
            try:
                status = os.lstat(os.path.join(root, path))
            except OSError as error:
                builder.problem(path, "rootfs", f"cannot be read: {error.strerror}")
                continue
            yield path, status
            if stat.S_ISDIR(status.st_mode) and not (status.st_dev != device and path in _NOT_STORED):
                below.append(path)
        waiting += reversed(below)


def _other_name(path: bytes, status: os.stat_result, seen: dict[tuple[int, int], bytes]) -> bytes | None:
    """The path under which a file was met before: a hard link is another name, not another file. `seen` remembers, by device and inode."""
    if status.st_nlink < 2 or not stat.S_ISREG(status.st_mode):
        return None
    first = seen.setdefault((status.st_dev, status.st_ino), path)
    return first if first != path else None


def _meta(status: os.stat_result, size: int) -> tuple[int, int, int, int, int]:
    return stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, size, int(status.st_mtime)


def _take(root: bytes, path: bytes, status: os.stat_result, builder: RecordBuilder, limits: Limits) -> None:
    kind = _KINDS.get(stat.S_IFMT(status.st_mode))
    if kind is None:
        return  # sockets are not part of an image
    full = os.path.join(root, path)
    size = status.st_size if kind == "f" else 0
    meta = _meta(status, size)
    if kind != "f":
        link = os.readlink(full) if kind == "l" else b""
        builder.entry(path, kind, meta, link, b"")
        return
    try:
        handle = _open(full)
    except OSError:
        builder.entry(path, kind, meta, b"", b"")  # it is there, whatever is in it
        raise
    try:
        builder.attributes(_capability(handle), _is_hollow(status, limits))
        _read(handle, path, meta, builder)
    finally:
        os.close(handle)


def _open(full: bytes) -> int:
    return os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _is_hollow(status: os.stat_result, limits: Limits) -> bool:
    """Whether a file claims far more than the disk holds of it: then reading it would only be a waste of time."""
    return status.st_size > limits.bomb_bytes and status.st_size > limits.bomb_ratio * status.st_blocks * 512


def _read(handle: int, path: bytes, meta: tuple[int, int, int, int, int], builder: RecordBuilder) -> None:
    body = builder.entry(path, "f", meta, b"", os.pread(handle, HEAD_BYTES, 0))
    if body is not None:
        _give(handle, meta[3], body)


def _give(handle: int, size: int, body: Body) -> None:
    """Show the first bytes of a file, up to this size."""
    left = size
    if left <= _PIECE:
        body.whole(memoryview(os.pread(handle, left, 0)))
        return
    while left and (piece := os.read(handle, min(left, _PIECE))):
        body.piece(memoryview(piece))
        left -= len(piece)
    body.end()


def _capability(handle: int) -> bytes:
    try:
        return os.getxattr(handle, "security.capability")
    except OSError as error:
        if error.errno in (errno.ENODATA, errno.ENOTSUP, errno.EPERM):
            return b""
        raise
