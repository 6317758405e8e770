"""The index of an archive that holds an image: where each member's bytes are, with nothing read or unpacked.

Follows POSIX.1-2017 pax (ustar and extended headers) and GNU tar's long names. This is for the few large members of
image archives; layers are read elsewhere, as streams. A header that does not check ends the archive as damaged.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from posixpath import normpath

import msgspec

from hullmark.model.errors import BrokenImage
from hullmark.model.late import late
from hullmark.model.limit import Limit

_BLOCK = 512
_MAX_MEMBERS = Limit(100_000, "files in an archive of images", "refused")
_MAX_EXTENDED = Limit(1 << 20, "bytes of an extended header in an archive of images", "refused")
_MAX_LINKS = Limit(10, "links to links in an archive of images", "refused")
_OCTAL = late(rb"[ \0]*([0-7]*)[ \0]*").fullmatch
_FILES = frozenset(b"0\0007")
_BODILESS = frozenset(b"123456")
_EXTENSIONS = frozenset(b"LKxg")
_KINDS = {ord("1"): "hard", ord("2"): "symlink", ord("5"): "folder"}
_ADVICE = "fetch or save the archive again"


ReadAt = Callable[[int, int], bytes]
"""Reads at most this many bytes (second) from a place (first); fewer only at the end."""


class Member(msgspec.Struct, frozen=True):
    """One entry. `kind` is file, hard, symlink, folder or other; `offset` and `size` say where its bytes are."""

    kind: str
    offset: int
    size: int
    link: str = ""


def index(fd: int, size: int) -> dict[str, Member]:
    """The members of an archive of `size` bytes in an open file; see `index_of`."""
    return index_of(lambda offset, length: os.pread(fd, length, offset), size)


def index_of(read_at: ReadAt, size: int, most: int = _MAX_MEMBERS) -> dict[str, Member]:
    """The members of an archive of `size` bytes by their names, later ones replacing earlier ones of the same name.

    Names are normalised; those that lead out of the archive are left out. Raises BrokenImage for a damaged archive.
    """
    members: dict[str, Member] = {}
    for name, member in _members(read_at, size, most):
        safe = inside(name)
        if safe is not None:
            members[safe] = member
        if len(members) > most:
            raise BrokenImage(f"the archive has more than {most} members", advice="do not trust it")
    return members


def looks_like_tar(head: bytes) -> bool:
    """Are these the first bytes of a tar archive? Zeros are an empty one."""
    return len(head) >= _BLOCK and (_checks(head[:_BLOCK]) or not any(head[:_BLOCK]))


def inside(name: str) -> str | None:
    """The name without detours, relative to the archive's root; None if it leads out of it."""
    if name.startswith("/") or "\0" in name:
        return None
    plain = normpath(name) if name else "."
    return None if plain == ".." or plain.startswith("../") else plain


def find(members: Mapping[str, Member], name: str) -> Member | None:
    """The file of a name, with links followed within the archive; None if there is none.

    Raises BrokenImage for a name or link that leads out of the archive, and for links that never end.
    """
    for _ in range(_MAX_LINKS):
        safe = inside(name)
        if safe is None:
            raise BrokenImage(f"the archive names {name[:200]!r}, which is outside of it", advice="do not trust it")
        member = members.get(safe)
        if member is None or member.kind == "file":
            return member
        if member.kind == "hard":
            name = member.link
        elif member.kind == "symlink":
            name = (
                member.link if member.link.startswith("/") else f"{safe.rpartition('/')[0]}/{member.link}".lstrip("/")
            )
        else:
            return None
    raise BrokenImage(f"links in the archive never end ({name[:200]!r})", advice="do not trust it")


def _members(read_at: ReadAt, size: int, most: int) -> Iterator[tuple[str, Member]]:
    extended: dict[str, str] = {}
    offset = 0
    for _ in range(3 * most):
        header = _header(read_at, offset, size)
        if header is None:
            return
        start = offset + _BLOCK
        length = _body_length(header, extended, offset)
        # The last member's padding may be missing, its bytes may not.
        if start + length > size:
            raise BrokenImage("the archive ends in the middle of a member", advice=_ADVICE)
        if header[156] in _EXTENSIONS:
            _extend(extended, header[156], _extended_body(read_at, start, length))
        else:
            yield _member(header, extended, start, length)
            extended = {}
        offset = start + (length + _BLOCK - 1) // _BLOCK * _BLOCK
    raise BrokenImage(f"the archive has more than {most} members", advice="do not trust it")


def _header(read_at: ReadAt, offset: int, size: int) -> bytes | None:
    """The header at this place; None at the end of the archive."""
    header = _read(read_at, offset, min(_BLOCK, size - offset)) if offset < size else b""
    if not any(header):
        return None
    if len(header) < _BLOCK or not _checks(header):
        raise BrokenImage(f"the archive is damaged at byte {offset}", advice=_ADVICE)
    return header


def _body_length(header: bytes, extended: Mapping[str, str], offset: int) -> int:
    kind = header[156]
    if kind in _BODILESS:
        return 0
    length = _size(header[124:136], offset)
    return length if kind in _EXTENSIONS else _override(extended, length, offset)


def _member(header: bytes, extended: Mapping[str, str], start: int, length: int) -> tuple[str, Member]:
    name = extended.get("path") or _header_name(header)
    link = extended.get("linkpath") or _text(header[157:257])
    kind = "file" if header[156] in _FILES else _KINDS.get(header[156], "other")
    if any(key.startswith("GNU.sparse.") for key in extended):
        kind = "other"
    if kind == "file" and header[156] != ord("7") and name.endswith("/"):
        kind = "folder"
    return name, Member(kind, start, length, link)


def _header_name(header: bytes) -> str:
    name = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:263] == b"ustar\0" else ""
    return f"{prefix}/{name}" if prefix else name


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _checks(header: bytes) -> bool:
    """Does the checksum fit? Some old tools summed signed bytes."""
    match = _OCTAL(header[148:156])
    if match is None or not match[1]:
        return False
    stated = int(match[1], 8)
    others = header[:148] + b" " * 8 + header[156:]
    unsigned = sum(others)
    return stated in (unsigned, unsigned - 256 * sum(byte > 127 for byte in others))


def _size(field: bytes, offset: int) -> int:
    if field[0] == 0x80:
        value = int.from_bytes(field[1:], "big")
    else:
        match = _OCTAL(field)
        value = -1 if match is None else int(match[1] or b"0", 8)
    if not 0 <= value < 1 << 62:
        raise BrokenImage(f"the archive is damaged at byte {offset}", advice=_ADVICE)
    return value


def _override(extended: Mapping[str, str], length: int, offset: int) -> int:
    text = extended.get("size")
    if text is None:
        return length
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise BrokenImage(f"the archive is damaged at byte {offset}", advice=_ADVICE)
    return int(text)


def _extended_body(read_at: ReadAt, start: int, length: int) -> bytes:
    if length > _MAX_EXTENDED:
        raise BrokenImage("the archive has a header of more than a megabyte", advice="do not trust it")
    return _read(read_at, start, length)


def _extend(extended: dict[str, str], kind: int, body: bytes) -> None:
    """Note what an extended header says of the next member. Global headers say nothing that is needed here."""
    if kind == ord("L"):
        extended["path"] = _text(body)
    elif kind == ord("K"):
        extended["linkpath"] = _text(body)
    elif kind == ord("x"):
        extended.update(_records(body))


def _records(body: bytes) -> Iterator[tuple[str, str]]:
    """The `length key=value` lines of a pax header."""
    position = 0
    while position < len(body):
        space = body.find(b" ", position, position + 9)
        digits = body[position:space] if space > 0 else b""
        end = position + int(digits) if digits.isdigit() else 0
        if end <= space + 1 or end > len(body):
            raise BrokenImage("the archive has a damaged extended header", advice=_ADVICE)
        key, _, value = body[space + 1 : end - 1].partition(b"=")
        yield key.decode("utf-8", "replace"), value.decode("utf-8", "surrogateescape")
        position = end


def _read(read_at: ReadAt, offset: int, size: int) -> bytes:
    """Exactly `size` bytes. A file that grew shorter meanwhile is damaged."""
    body = read_at(offset, size)
    while len(body) < size:
        more = read_at(offset + len(body), size - len(body))
        if not more:
            raise BrokenImage("the archive ends in the middle of a member", advice=_ADVICE)
        body += more
    return body
