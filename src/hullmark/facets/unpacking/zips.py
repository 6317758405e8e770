"""A zip's table of contents without the files that are not wanted: Python's library makes an object for each line of it, at a cost."""

from __future__ import annotations

import struct

_END = struct.Struct("<4s4H2LH")
_END_MAGIC, _LINE_MAGIC = b"PK\5\6", b"PK\1\2"
_LINE = 46
_SIZES = struct.Struct("<3H")
_LONGEST_END = 22 + 0xFFFF
_IS_ELSEWHERE = 0xFFFFFFFF


def without(body: bytes, suffixes: tuple[str, ...], most: int) -> bytes:
    """The same zip with a table of contents that leaves out files whose names end so; the body itself where it is not plain, or has
    more than `most` other files.

    A line that is damaged ends the table here, and what the library says of it is lost: so the body is returned then, too.
    """
    end = body.rfind(_END_MAGIC, max(len(body) - _LONGEST_END, 0))
    if end < 0 or end + _END.size > len(body):
        return body
    *head, _, _, size, offset, _ = _END.unpack_from(body, end)
    at = begin = end - size
    if offset == _IS_ELSEWHERE or begin < 0:
        return body
    endings = tuple(suffix.encode() for suffix in suffixes)
    kept: list[bytes] = []
    while at + _LINE <= end and body.startswith(_LINE_MAGIC, at):
        name, extra, comment = _SIZES.unpack_from(body, at + 28)
        following = at + _LINE + name + extra + comment
        if not body.endswith(endings, at + _LINE, at + _LINE + name):
            kept.append(body[at:following])
        at = following
    if at != end or len(kept) > most:
        return body
    table = b"".join(kept)
    count = min(len(kept), 0xFFFF)
    return body[:begin] + table + _END.pack(*head, count, count, len(table), offset, 0)
