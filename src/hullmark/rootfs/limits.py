"""How much of an image is read at most. Every number is a bound on hostile input, far above what real images need.

Budgets count work (bytes, entries), never time, so that a record stays a function of its blob.
"""

from __future__ import annotations

import msgspec

MIB = 1 << 20
GIB = 1 << 30


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds for one layer.

    `layer_bytes`: uncompressed bytes. `bomb_bytes` and `bomb_ratio`: once a layer has grown past the first, it must
    not hold more than `bomb_ratio` bytes for each stored one (real layers stay under ten; ten GiB of zeros are read in seconds, so a
    ratio alone stops nothing below that). `entries`: files in a
    layer. `path_bytes`: length of one path. `folder_bytes`: the folders above all long paths,
    written out. `extended_header_bytes`: one PAX or GNU header. `problems`: as many are
    kept word for word, the rest are counted.
    """

    layer_bytes: int = 64 * GIB
    bomb_bytes: int = 16 * GIB
    bomb_ratio: int = 200
    entries: int = 1_000_000
    path_bytes: int = 16 * 1024
    folder_bytes: int = 128 * MIB
    extended_header_bytes: int = MIB
    problems: int = 1000


DEFAULT = Limits()
