"""Walk a tar stream once over bounded buffers: v7, ustar, GNU (old and new) and PAX (POSIX.1-2001) headers.

A buffer is filled straight from the inflater and hashed and parsed in place. Bodies that nobody wants are never copied.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Protocol
from zlib import adler32

from hullmark.model.errors import BrokenImage
from hullmark.rootfs.limits import Limits

BUFFER_BYTES = 1 << 20
"""The largest body, in bytes, that is handed over whole."""

HEAD_BYTES = 8

Refill = Callable[[memoryview], tuple[bytearray, int, int]]
"""Takes the rest that was not walked yet, at most BUFFER_BYTES. Answers a buffer, where in it new bytes begin, right behind that rest, and
how many they are: 0 at the end of the stream. What was answered before may be overwritten then."""

# name, mode with uid and gid, size, mtime, check sum, kind, the first byte of the link's target and of the prefix
_HEADER = struct.Struct("100s24s12s12s8scB187xB")
_LINK_AT, _MAGIC_AT, _PREFIX_AT = 157, 257, 345
_ZERO = bytes(512)
_KIND = {b"0": "f", b"\0": "f", b"7": "f", b"1": "h", b"2": "l", b"3": "c", b"4": "b", b"5": "d", b"6": "p", b"S": "f"}
_EXTENSIONS = frozenset((b"x", b"g", b"L", b"K", b"X"))
_CAPABILITY = "SCHILY.xattr.security.capability"


class LimitReached(Exception):
    """The layer is larger than a limit allows. What was read so far is valid."""


Meta = tuple[int, int, int, int, int]
"""Mode (twelve permission bits), uid, gid, size in bytes, mtime in seconds."""


class Body(Protocol):
    """Takes the body of one entry: all at once, or in pieces and then `end`. Memory is only valid during the call."""

    def whole(self, body: memoryview, /) -> None:
        """The complete body."""

    def piece(self, piece: memoryview, /) -> None:
        """The next bytes of the body."""

    def end(self) -> None:
        """The body is complete."""


class Visitor(Protocol):
    """Receives every entry, in order. `starts`: the first bytes of bodies whose head it wants to see."""

    starts: frozenset[int]

    def entry(self, path: bytes, kind: str, meta: Meta, link: bytes, head: bytes) -> Body | None:
        """One entry; `head` is the beginning of a file's body if its first byte is one of `starts`, else empty."""

    def attributes(self, capability: bytes, is_sparse: bool) -> None:
        """Rare facts about the entry that comes next."""


class _Numbers(dict[bytes, int]):
    """Header fields as numbers. They repeat a lot, so each distinct field is parsed once."""

    def __missing__(self, raw: bytes) -> int:
        digits = raw[:-1]
        try:
            value = int(digits, 8) if digits.isdigit() and raw[-1] in b"\0 " else _number(raw)
        except ValueError:
            value = _number(raw)
        if len(self) < 1 << 16:
            self[raw] = value
        return value


class _Owners(dict[bytes, tuple[int, int, int]]):
    """The fields mode, uid and gid together: they repeat even more."""

    def __missing__(self, raw: bytes) -> tuple[int, int, int]:
        value = (_number(raw[:8]) & 0o7777, _number(raw[8:16]), _number(raw[16:]))
        if len(self) < 1 << 16:
            self[raw] = value
        return value


class _Sums(dict[bytes, int]):
    """Check fields as what adler32's low half must be. The sum counts the field itself as eight blanks.

    A field that is not a number becomes a value that adler32 never has.
    """

    def __missing__(self, raw: bytes) -> int:
        digits = raw.split(b"\0", 1)[0].strip()
        value = (int(digits, 8) - 255 + sum(raw)) % 65521 if digits and not digits.strip(b"01234567") else -1
        if len(self) < 1 << 16:
            self[raw] = value
        return value


def _number(raw: bytes) -> int:
    if raw[:-1].isdigit() and raw[-1] in b"\0 ":
        try:
            return int(raw[:-1], 8)
        except ValueError:
            pass
    if raw[0] & 0x80:  # GNU base-256: big endian, two's complement
        if raw[0] == 0xFF:
            return int.from_bytes(raw, "big", signed=True)
        return int.from_bytes(bytes((raw[0] & 0x7F,)) + raw[1:], "big")
    digits = raw.split(b"\0", 1)[0].strip()
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        raise BrokenImage("a layer's tar has a header with an invalid number") from None


def parse_pax(data: bytes) -> dict[str, bytes]:
    """The records `LENGTH KEY=VALUE\\n` of a PAX header. Raises BrokenImage where a length is wrong."""
    out: dict[str, bytes] = {}
    pos, end = 0, len(data)
    while pos < end and data[pos]:
        space = data.find(b" ", pos, pos + 20)
        length = int(data[pos:space]) if space > pos and data[pos:space].isdigit() else 0
        if length <= max(space - pos, 0) or pos + length > end:
            raise BrokenImage("a layer's tar has a damaged PAX header")
        key, _, value = data[space + 1 : pos + length - 1].partition(b"=")
        out[key.decode("utf-8", "surrogateescape")] = value
        pos += length
    return out


class TarWalker:
    """One walk over one tar stream.

    `update` (of a digest) gets every byte of the stream. `refill` may raise LimitReached.
    """

    def __init__(
        self,
        refill: Refill,
        visitor: Visitor,
        update: Callable[[memoryview], object],
        limits: Limits,
    ) -> None:
        self._refill = refill
        self._visitor = visitor
        self._update = update
        self._limits = limits
        self._buffer = bytearray()
        self._view = memoryview(self._buffer)
        self._pos = self._fill = self.total = 0
        self._global: dict[str, bytes] = {}
        self._pax: dict[str, bytes] = {}
        self._long_name = self._long_link = b""
        self._is_extended = False

    def walk(self) -> None:  # noqa: C901, PLR0915
        """Show every entry to the visitor, then read what follows the end mark.

        Raises BrokenImage for damage, LimitReached where `refill` does, or there are too many entries.
        """
        # The one hot loop of the program: a microsecond here is a tenth of a second in an image of 100,000 files. So
        # common cases are inline, rare ones are calls.
        unpack, buffer, view, numbers, kinds = _HEADER.unpack_from, self._buffer, self._view, _Numbers(), _KIND
        visit, starts, owners, sums = self._visitor.entry, self._visitor.starts, _Owners(), _Sums()
        left = self._limits.entries
        while True:
            if self._fill - self._pos < 512:
                if not self._more(512):
                    return
                buffer, view = self._buffer, self._view
            pos = self._pos
            name, owner, size, mtime, check, kind, link, prefix = unpack(buffer, pos)
            head = view[pos : pos + 512]
            if not name[0] and head == _ZERO:
                self._end()
                return
            # adler32's low half is 1 + the sum of the bytes modulo 65521: the header's check sum at the speed of C.
            if (adler32(head) & 0xFFFF) != sums[check]:
                self._bad_header()
            self._pos = pos = pos + 512
            length = numbers[size]
            letter = "f" if kind == b"0" else kinds.get(kind)
            if letter is None:
                if kind in _EXTENSIONS:
                    self._extension(kind, length)
                    buffer, view = self._buffer, self._view
                    continue
                letter = "f"  # POSIX: unknown types are files
            left -= 1
            if left < 0:
                raise LimitReached(f"it has more than {self._limits.entries:,} entries")
            end = name.find(0)
            path = name[:end] if end >= 0 else name
            if prefix and bytes(head[_MAGIC_AT : _MAGIC_AT + 6]) == b"ustar\0":
                path = bytes(head[_PREFIX_AT : _PREFIX_AT + 155]).split(b"\0", 1)[0] + b"/" + path
            target = bytes(head[_LINK_AT : _LINK_AT + 100]).split(b"\0", 1)[0] if link else b""
            mode, uid, gid = owners[owner]
            meta = (mode, uid, gid, length, numbers[mtime])
            if self._is_extended:
                path, target, meta = self._apply_extended_headers(path, target, meta)
                length = meta[3]
            if kind != b"0":
                if kind == b"S":
                    self._old_sparse(head)
                    pos, buffer, view = self._pos, self._buffer, self._view
                elif kind == b"\0" and path[-1:] == b"/":
                    letter = "d"  # v7 has no folders; a slash at the end says so
                if letter != "f":
                    # A hard link may carry the size of its file but no body (POSIX leaves it open; Docker and Go skip it).
                    visit(path, letter, meta, target, b"")
                    continue
            skip = (length + 511) & -512
            if skip > self._fill - pos or length < 0:
                self._far_body(path, meta)
                buffer, view = self._buffer, self._view
                continue
            first = bytes(buffer[pos : pos + HEAD_BYTES]) if length and buffer[pos] in starts else b""
            body = visit(path, "f", meta, b"", first)
            if body is not None:
                body.whole(view[pos : pos + length])
            self._pos = pos + skip

    def _far_body(self, path: bytes, meta: Meta) -> None:
        """A file whose body is not wholly in the buffer."""
        size = meta[3]
        if size < 0:
            raise BrokenImage("a layer's tar has a file of negative size")
        if self._fill - self._pos < HEAD_BYTES <= size:
            self._need(HEAD_BYTES)
        head = bytes(self._view[self._pos : self._pos + min(size, HEAD_BYTES)])
        body = self._visitor.entry(path, "f", meta, b"", head)
        skip = (size + 511) & -512
        if body is None or skip > BUFFER_BYTES:
            self._long_body(size, body)
            return
        self._need(skip)
        body.whole(self._view[self._pos : self._pos + size])
        self._pos += skip

    def _long_body(self, size: int, body: Body | None) -> None:
        left = size
        while left:
            if self._fill == self._pos:
                self._need(1)
            take = min(left, self._fill - self._pos)
            if body is not None:
                body.piece(self._view[self._pos : self._pos + take])
            self._pos += take
            left -= take
        padding = -size % 512
        if self._fill - self._pos < padding:
            self._need(padding)
        self._pos += padding
        if body is not None:
            body.end()

    def _need(self, count: int) -> None:
        if not self._more(count):
            raise BrokenImage(
                "a layer's tar ends in the middle of a file", advice="it was cut short: fetch or build it again"
            )

    def _more(self, count: int) -> bool:
        """Make sure that `count` bytes are in the buffer; False if the stream ends before that."""
        while (rest := self._fill - self._pos) < count:
            buffer, start, n = self._refill(self._view[self._pos : self._fill])
            if buffer is not self._buffer:
                self._buffer, self._view = buffer, memoryview(buffer)
            self._pos, self._fill = start - rest, start + n
            if not n:
                if any(self._view[self._pos : self._fill]):
                    raise BrokenImage("a layer's tar is cut short", advice="fetch or build it again")
                return False
            self._update(self._view[start : self._fill])
            self.total += n
        return True

    def _end(self) -> None:
        """After a block of zeros: another one, or nothing; then only padding, which still belongs to the digest."""
        self._pos += 512
        if (self._fill - self._pos >= 512 or self._more(512)) and self._view[self._pos : self._pos + 512] != _ZERO:
            raise BrokenImage("a layer's tar has data after its end mark")
        self._pos = self._fill
        while self._more(1):
            self._pos = self._fill

    def _bad_header(self) -> None:
        at = self.total - self._fill + self._pos
        if not at:
            raise BrokenImage(
                "a layer is not a tar archive", advice="is it an image? the registry may have sent an error page"
            )
        raise BrokenImage(f"a layer's tar has a damaged header at byte {at:,}", advice="fetch or build it again")

    def _extension(self, kind: bytes, size: int) -> None:
        """A header about the next entry (x, L, K) or all that follow (g)."""
        if not 0 <= size <= self._limits.extended_header_bytes:
            raise BrokenImage(f"a layer's tar has an extended header of {size:,} bytes")
        parts = bytearray()
        while len(parts) < size:
            if self._fill == self._pos:
                self._need(1)
            take = min(size - len(parts), self._fill - self._pos)
            parts += self._view[self._pos : self._pos + take]
            self._pos += take
        if (padding := -size % 512) and self._fill - self._pos < padding:
            self._need(padding)
        self._pos += padding
        self._is_extended = True
        if kind == b"L":
            self._long_name = bytes(parts).split(b"\0", 1)[0]
        elif kind == b"K":
            self._long_link = bytes(parts).split(b"\0", 1)[0]
        elif kind == b"g":
            self._global.update(parse_pax(bytes(parts)))
        else:
            self._pax = parse_pax(bytes(parts))

    def _apply_extended_headers(self, path: bytes, target: bytes, meta: Meta) -> tuple[bytes, bytes, Meta]:
        """Apply the extended headers before this entry."""
        pax = {**self._global, **self._pax} if self._global else self._pax
        path, target = self._long_name or path, self._long_link or target
        self._long_name = self._long_link = b""
        self._pax = {}
        self._is_extended = bool(self._global)
        if pax:
            mode, uid, gid, size, mtime = meta
            path = pax.get("GNU.sparse.name") or pax.get("path") or path
            target = pax.get("linkpath", target)
            uid, gid = _decimal(pax, "uid", uid), _decimal(pax, "gid", gid)
            meta = (mode, uid, gid, _decimal(pax, "size", size), _decimal(pax, "mtime", mtime))
            sparse = any(key.startswith("GNU.sparse.") for key in pax)
            if sparse or _CAPABILITY in pax:
                self._visitor.attributes(pax.get(_CAPABILITY, b""), sparse)
        return path, target, meta

    def _old_sparse(self, head: memoryview) -> None:
        """Old GNU sparse: its map may continue in more blocks before the body."""
        goes_on = head[482]
        while goes_on:
            if self._fill - self._pos < 512:
                self._need(512)
            goes_on = self._view[self._pos + 504]
            self._pos += 512
        self._visitor.attributes(b"", True)


def _decimal(pax: dict[str, bytes], key: str, otherwise: int) -> int:
    raw = pax.get(key)
    if not raw:
        return otherwise
    whole = raw.split(b".", 1)[0]
    if not whole.lstrip(b"-").isdigit() or len(whole) > 20:
        raise BrokenImage(f"a layer's tar has a PAX header whose {key} is not a number")
    return int(whole)
