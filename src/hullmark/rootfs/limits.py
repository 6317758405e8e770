"""How much of an image is read at most. Every number is a bound on hostile input, far above what real images need.

Budgets count work (bytes, entries), never time, so that a record stays a function of its blob.
"""

from __future__ import annotations

import msgspec

from hullmark.model.limit import Limit

MIB = 1 << 20
GIB = 1 << 30


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds for one layer.

    `layer_bytes`: uncompressed bytes. `bomb_bytes` and `bomb_ratio`: once a layer has grown past the first, it must
    not hold more than `bomb_ratio` bytes for each stored one (real layers stay under ten; a ratio alone would stop nothing below
    that size, but ten GiB of zeros are read in seconds). `entries`: files in a layer. `path_bytes`: length of one path.
    `folder_bytes`: the folders above all long paths, written out. `extended_header_bytes`: one PAX or GNU header. `problems`: this
    many are kept word for word; the rest are counted.
    """

    layer_bytes: int = Limit(64 * GIB, "bytes of one layer, uncompressed")
    bomb_bytes: int = Limit(
        16 * GIB, "bytes of one layer, uncompressed, from which on it must not grow too much", "later"
    )
    bomb_ratio: int = Limit(200, "bytes of a very large layer, uncompressed, for each stored one")
    entries: int = Limit(1_000_000, "files, folders and links of one layer")
    path_bytes: int = Limit(16 * 1024, "bytes of one path")
    folder_bytes: int = Limit(128 * MIB, "bytes of the folders above all long paths of a layer, written out")
    extended_header_bytes: int = Limit(MIB, "bytes of one extended header in a layer", "refused")
    problems: int = Limit(1000, "problems of one layer that are listed one by one", "shortened")


DEFAULT = Limits()
