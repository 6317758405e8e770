"""What the two kinds of image archive share: one tar file, read in place."""

from __future__ import annotations

import os
from collections.abc import Callable

import msgspec

from hullmark.model.digest import is_digest
from hullmark.model.errors import HullmarkError
from hullmark.source.files import ByteRange, LocalFile, RandomAccess
from hullmark.source.tar import Member, find, index, looks_like_tar

HEAD = 512
"""The number of first bytes that identify a file."""

_PACKAGE_FILES = (".deb", ".ear", ".egg", ".ipk", ".jar", ".rpm", ".udeb", ".war", ".whl")
"""Endings of package files that catalogers read where they lie."""

_COMPRESSED = {
    b"\x1f\x8b": ("gzip", "gunzip"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"\xfd7zXZ\0": ("xz", "unxz"),
    b"BZh": ("bzip2", "bunzip2"),
}


class Archive(msgspec.Struct, frozen=True):
    """An image archive: the file, and where its members are."""

    file: RandomAccess
    members: dict[str, Member]

    def find(self, name: str) -> ByteRange | None:
        """The bytes of the file of this name, links within the archive followed. Raises BrokenImage for names outside of it."""
        member = find(self.members, name)
        return None if member is None else ByteRange(self.file, member.offset, member.size)

    def blob(self, digest: str) -> ByteRange | None:
        """The blob of this digest, as OCI layouts name it."""
        return self.find(f"blobs/{digest.replace(':', '/')}") if is_digest(digest) else None


def open_archive(file: LocalFile) -> Archive:
    """The archive in a file. Raises HullmarkError if it is compressed or no tar, BrokenImage if it is damaged."""
    fd = file.open()
    try:
        check_head(os.pread(fd, HEAD, 0), file.path, file.path)
        return Archive(file, index(fd, os.fstat(fd).st_size))
    finally:
        os.close(fd)


def check_head(head: bytes, what: str, path: str) -> None:
    """Raises HullmarkError if these first HEAD bytes (fewer, if there are no more) are compressed, or not a tar's.
    `what` names them, `path` is the file that the advice is about.
    """
    if path.lower().endswith(_PACKAGE_FILES) and not looks_like_tar(head):
        advice = f"name the folder that it lies in: hullmark scan dir:{path.rpartition('/')[0] or '.'}"
        raise HullmarkError(f"{what} is a package, not an image", advice=advice)
    for magic, (name, program) in _COMPRESSED.items():
        if head.startswith(magic):
            raise HullmarkError(
                f"{what} is compressed with {name}; archives are read in place, where they lie",
                advice=f"decompress it first: {program} -k {path}",
            )
    if not looks_like_tar(head):
        raise HullmarkError(f"{what} is not a tar archive", advice="name an archive made by docker or podman save")


def is_archive_with(path: str, test: Callable[[Archive], bool]) -> bool:
    """Is there an archive at the path that passes the test? False for whatever cannot be read."""
    try:
        return test(open_archive(LocalFile(path)))
    except HullmarkError:
        return False
