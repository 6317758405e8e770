"""Cargo: semantic versions, and the requirements of a manifest (doc.rust-lang.org/cargo, "Specifying Dependencies")."""

from __future__ import annotations

from hullmark.versions.condition import Bound, Condition
from hullmark.versions.scheme import Scheme
from hullmark.versions.semver import alternatives, comparators, compare, key, node_bounds, partial


def ranges(text: str) -> Condition:
    """Read `1.2` (the same as `^1.2`), `~1.2`, `1.2.*`, `=1.2.3`, `>=1.2, <2`; alternatives by `||`. Raises ValueError.

    Numbers that are not given may be any. Upper bounds that are implied leave the pre-releases of the bound out.
    """
    return alternatives(text, text.split("||"), _bounds)


def _bounds(part: str) -> tuple[Bound, ...]:
    bounds: list[Bound] = []
    for operator, version in comparators(part):
        given = partial(version)
        bounds += node_bounds(operator or ("=" if given.is_wild else "^"), given)
    return tuple(bounds)


SCHEME = Scheme(name="cargo", compare=compare, types=("cargo",), aliases=("crates.io",), key=key, ranges=ranges)
