"""Every file of an image, and whether its start reaches it. Stored in columns, so that a hundred thousand files need little space."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

NOT_REACHED, FROM_START, FIRST = 0, 1, 2
"""What `sources` hold: no way leads to the file; the start leads to it; FIRST + n: the n-th file does."""


class ReachedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The regular files of an image, and links on the paths to them, sorted by path. All columns have the same length.

    A path consists of the first `shared` (0 to 255) characters of the previous path, followed by `rest`. `sizes` are bytes, -1 for anything
    but a regular file. `reaches` are indexes into REACHES, `owners` into `purls` ("": no package), `whys` into `reasons` (a clause each).
    `sources` are the previous files on the shortest paths. `left_out` is how many more files there are.
    """

    shared: bytes
    rest: tuple[str, ...]
    sizes: tuple[int, ...]
    reaches: bytes
    owners: tuple[int, ...]
    sources: tuple[int, ...]
    whys: tuple[int, ...]
    purls: tuple[str, ...]
    reasons: tuple[str, ...]
    left_out: int = 0

    @property
    def paths(self) -> Iterator[str]:
        """The paths, in their order."""
        path = ""
        for shared, rest in zip(self.shared, self.rest, strict=True):
            path = path[:shared] + rest
            yield path
