"""The control file of a Debian package file: deb(5), deb-control(5).

An `ar` archive of `debian-binary`, `control.tar` (plain, gzip, xz or zstd) and `data.tar`; opkg's `.ipk` are the same, or all of that as a
tar in gzip.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB

BEGINNING = Limit(8 * MIB, "bytes at the beginning of a .deb or .apk file, in which it says what it is")
CONTROL_BYTES = Limit(32 * MIB, "bytes of the unpacked tar in which a .deb or .apk file says what it is")
_MAX_ENTRIES = Limit(10_000, "entries of the tar in which a .deb or .apk file says what it is")
_MEMORY = 128 * MIB
_AR, _END = b"!<arch>\n", b"`\n"
_HEAD, _BLOCK = 60, 512
_CONTROL = "control"
_FILES = (b"0", b"\0")


class DamagedFile(ValueError):
    """A package file that cannot be read; the text says why."""


def control_of(body: memoryview) -> bytes:
    """The control file of a package file; the beginning of the file is enough. Raises DamagedFile."""
    members = _ar_members(body) if bytes(body[: len(_AR)]) == _AR else tar_members(_decompress_tar("x.gz", bytes(body)))
    for name, data in members:
        if name.startswith("control.tar"):
            for inner, control in tar_members(_decompress_tar(name, data)):
                if inner == _CONTROL:
                    return control
            raise DamagedFile("its control.tar has no control file")
    raise DamagedFile("it has no control.tar")


def _ar_members(body: memoryview) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each member that is wholly there (ar(5))."""
    at = len(_AR)
    while at + _HEAD <= len(body):
        head = bytes(body[at : at + _HEAD])
        size = head[48:58].strip()
        if head[58:] != _END or not size.isdigit():
            raise DamagedFile("it is damaged: a member has a head of another form")
        start, end = at + _HEAD, at + _HEAD + int(size)
        if end > len(body):
            return
        yield head[:16].decode("latin-1").strip().rstrip("/"), bytes(body[start:end])
        at = end + end % 2


def tar_members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Name, without `./`, and bytes of each file. Raises DamagedFile, also for a file that is not wholly there."""
    at = 0
    for _ in range(_MAX_ENTRIES):
        head = data[at : at + _BLOCK]
        if len(head) < _BLOCK or not head.strip(b"\0"):
            return
        digits = head[124:136].strip(b" \0")
        if digits.strip(b"01234567"):
            raise DamagedFile("a tar in it is damaged")
        size = int(digits or b"0", 8)
        if head[156:157] in _FILES:
            name = head[:100].split(b"\0", 1)[0].decode("utf-8", "replace")
            body = data[at + _BLOCK : at + _BLOCK + size]
            if len(body) < size:
                raise DamagedFile("a tar in it ends too early")
            yield name.removeprefix("./"), body
        at += _BLOCK + size + -size % _BLOCK


def _decompress_tar(name: str, data: bytes) -> bytes:
    """The tar in a member, by the end of its name."""
    kind = name.rpartition(".")[2]
    try:
        if kind == "gz":
            found = zlib.decompressobj(31).decompress(data, CONTROL_BYTES + 1)
        elif kind == "xz":
            found = _of_xz(data)
        elif kind == "zst":
            found = _of_zstd(data)
        elif kind == "tar":
            found = data
        else:
            raise DamagedFile(f"its control.tar is packed with {kind[:10]}")
    except zlib.error:
        raise DamagedFile("its control.tar is damaged") from None
    if len(found) > CONTROL_BYTES:
        raise DamagedFile(f"its control.tar is larger than {CONTROL_BYTES // MIB} MiB")
    return found


def _of_xz(data: bytes) -> bytes:
    import lzma  # few images have such files

    try:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MEMORY).decompress(data, CONTROL_BYTES + 1)
    except lzma.LZMAError:
        raise DamagedFile("its control.tar is damaged") from None


def _of_zstd(data: bytes) -> bytes:
    import zstandard

    try:
        with zstandard.ZstdDecompressor(max_window_size=_MEMORY).stream_reader(data) as reader:
            return reader.read(CONTROL_BYTES + 1)
    except zstandard.ZstdError:
        raise DamagedFile("its control.tar is damaged") from None
