"""Every file of an image, and whether its start reaches it: in columns, so that a hundred thousand take little room."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

NOT_REACHED, FROM_START, FIRST = 0, 1, 2
"""What `sources` hold: no way leads to the file; the start leads to it; FIRST + n: the n-th file does."""


class ReachedFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The regular files of an image, and links on the ways to them, sorted by path. All columns are of one length.

    A path is as many characters of the one before it as `shared` says (0 to 255), and what `rest` has. `sizes` are bytes, -1 for what is
    not a regular file. `reaches` are places in REACHES, `owners` in `purls` ("": of no package), `whys` in `reasons` (a clause each).
    `sources` say which file comes before on the shortest way. `left_out` is how many files more there are.
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
