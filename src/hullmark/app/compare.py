"""Which of two versions is the later one, in an ecosystem's own order."""

from __future__ import annotations

from difflib import get_close_matches

from hullmark.model.errors import HullmarkError
from hullmark.versions import SCHEMES, InvalidVersion, scheme_named


def order_of(name: str, a: str, b: str) -> int:
    """-1, 0 or 1 as the first version is before the second, equal to it, or after it, in the scheme of this name.

    Raises HullmarkError for a scheme that is not known, and for what is not a version in it.
    """
    scheme = scheme_named(name)
    if scheme is None:
        known = [scheme.name for scheme in SCHEMES]
        near = get_close_matches(name, known, 1)
        meant = f": {near[0]}?" if near else ""
        raise HullmarkError(f"{name!r} is not a version scheme{meant}", advice=f"known are {', '.join(known)}")
    try:
        return scheme.compare(a, b)
    except InvalidVersion as error:
        raise HullmarkError(str(error), advice="hullmark schemes lists the orders") from error
