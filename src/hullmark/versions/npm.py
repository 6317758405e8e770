"""npm: semantic versions, and the ranges of node-semver (github.com/npm/node-semver, "Advanced Range Syntax")."""

from __future__ import annotations

from hullmark.versions.condition import Bound, Condition
from hullmark.versions.scheme import Scheme
from hullmark.versions.semver import alternatives, comparators, compare, hyphen, key, node_bounds, partial


def ranges(text: str) -> Condition:
    """Read `^1.2`, `~1.2`, `1.2.x`, `1.2 - 1.4`, `>=1 <2 || 3`; commas may separate the parts of a list too. Raises ValueError.

    Numbers that are not given may be any: `> 1.2` begins with 1.3.0, `<= 1.2` ends before 1.3.0. Upper bounds that are implied
    leave the pre-releases of the bound out (`<2.0.0-0`). Pre-releases are taken wherever the bounds take them, not only next to a
    bound with the same numbers: advisories mean it so.
    """
    return alternatives(text, text.split("||"), _bounds)


def _bounds(part: str) -> tuple[Bound, ...]:
    between = hyphen(part)
    if between is not None:
        return between
    return tuple(
        bound for operator, version in comparators(part) for bound in node_bounds(operator or "=", partial(version))
    )


SCHEME = Scheme(name="npm", compare=compare, types=("npm",), key=key, ranges=ranges)
