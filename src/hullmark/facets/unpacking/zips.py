"""A zip's table of contents without the files that are not wanted: Python's library makes an object for each line of it, at a cost."""

from __future__ import annotations

import struct

_END = struct.Struct("<4s4H2LH")
_END_MAGIC, _LINE_MAGIC = b"PK\5\6", b"PK\1\2"
_LINE = 46
_SIZES = struct.Struct("<3H")
_LONGEST_END = 22 + 0xFFFF
_IS_ELSEWHERE = 0xFFFFFFFF


class Skip:
    """Files in zips that are not unpacked: those with these endings, but for those in these folders, and those of small zips.

    `count`: how many were left out so far.
    """

    def __init__(self, endings: tuple[str, ...], unless_in: tuple[str, ...] = (), beyond: int = 0) -> None:
        self._endings = tuple(ending.encode() for ending in endings)
        self._unless_in = tuple(folder.encode() for folder in unless_in)
        self._beyond = beyond
        self.count = 0

    def without(self, body: bytes, most: int) -> bytes:
        """The same zip with a table of contents that leaves them out; the body itself where it is small or not plain, or has more
        than `most` other files.

        A line that is damaged ends the table here, and what the library says of it is lost: so the body is returned then, too.
        """
        end = body.rfind(_END_MAGIC, max(len(body) - _LONGEST_END, 0))
        if end < 0 or end + _END.size > len(body) or len(body) <= self._beyond:
            return body
        *head, _, _, size, offset, _ = _END.unpack_from(body, end)
        begin = end - size
        if offset == _IS_ELSEWHERE or begin < 0:
            return body
        kept: list[bytes] = []
        left_out = 0
        at = begin
        while at + _LINE <= end and body.startswith(_LINE_MAGIC, at):
            name, extra, comment = _SIZES.unpack_from(body, at + 28)
            start = at + _LINE
            following = start + name + extra + comment
            if body.endswith(self._endings, start, start + name) and not body.startswith(self._unless_in, start):
                left_out += 1
            else:
                kept.append(body[at:following])
            at = following
        if at != end or len(kept) > most:
            return body
        self.count += left_out
        table = b"".join(kept)
        count = min(len(kept), 0xFFFF)
        return body[:begin] + table + _END.pack(*head, count, count, len(table), offset, 0)
