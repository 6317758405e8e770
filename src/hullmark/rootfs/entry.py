"""Layer entries and layer records: everything one layer says, in a form that can be kept."""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.model.problem import ProblemKind

SHA256_BYTES, MD5_BYTES, SHA1_BYTES = 32, 16, 20

KINDS = {
    "f": "file",
    "d": "dir",
    "l": "symlink",
    "h": "hardlink",
    "c": "char",
    "b": "block",
    "p": "fifo",
    "w": "whiteout",
    "o": "opaque",
}
"""What the letters of Entry.kind stand for. A whiteout removes its path from the layers below, an opaque mark
empties its folder of what the layers below put there (OCI image specification, layer.md)."""


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One entry of a layer.

    `path` is normalised: no leading or trailing slash, no `.` or `..`; it may be any bytes. `kind` is a key of KINDS,
    `mode` the twelve permission bits, `size` in bytes, `mtime` in seconds. `link` is the target as written (symlink)
    or the normalised path of the other name (hard link). `digests` is empty or sha256 + md5 + sha1 of the body, end
    to end. `capability` is the security.capability attribute, raw.
    """

    path: bytes
    kind: str
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    link: bytes = b""
    digests: bytes = b""
    capability: bytes = b""


class LayerProblem(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Something in the layer that could not be used, as hullmark.model.problem has it. Paths may be any bytes."""

    path: bytes
    room: str
    reason: str
    kind: ProblemKind = "unseen"


class LayerRecord(msgspec.Struct, frozen=True, kw_only=True):
    """All that was read from one layer. It depends only on the blob and the extractors, so it can be kept for ever.

    `digest` and `size` are those of the stored blob as it was read, `diff_id` that of the tar ("" if the reading
    stopped at a limit). `facts` maps the name of a Read to (index of the entry, fact).
    """

    digest: str
    diff_id: str
    size: int
    entries: list[Entry]
    facts: dict[str, list[tuple[int, Any]]]
    problems: list[LayerProblem]


def text(path: bytes) -> str:
    """A path as text that is safe in any report: bytes that are not UTF-8 are written `\\xNN`."""
    return path.decode("utf-8", "backslashreplace")
