"""A tag that several programs add to: registries know no condition on writing, so it is read before and behind."""

from __future__ import annotations

from collections.abc import Callable

from hullmark.model.errors import HullmarkError

_TRIES = 8


def rewrite(
    read: Callable[[], bytes | None],
    change: Callable[[bytes | None], bytes],
    put: Callable[[bytes], object],
    is_in: Callable[[bytes | None], bool],
) -> None:
    """Change what is under a tag (None: nothing), and do it again where somebody else changed it meanwhile, until `is_in` says that the
    addition is there. Raises HullmarkError where that never comes to be."""
    for _ in range(_TRIES):
        before = read()
        body = change(before)
        if read() != before:
            continue
        put(body)
        if is_in(read()):
            return
    raise HullmarkError("others write to the same tag all the time", advice="try again")
