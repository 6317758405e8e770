"""Versions as bytes that sort: what a snapshot's ranges are kept as, and what is looked up in them."""

from __future__ import annotations

import re
from functools import lru_cache

from hullmark.versions import InvalidVersion, rpm, scheme_named
from hullmark.versions.deb import number_key

# These compare with bounds otherwise than among versions, which is what their keys follow, or have no keys, as their order has
# circles. But for versions of numbers alone the order is what everybody expects: those get keys, all others are compared by code.
_PLAIN = {
    "maven": re.compile(
        r"([0-9]+(?:\.[0-9]+)*)(?:[.-](?:final|release|ga))?(?:\.(?:jre|jdk)[0-9]+)?", re.IGNORECASE | re.ASCII
    ),
    "packagist": re.compile(r"v?([0-9]+(?:\.[0-9]+){0,3})", re.ASCII),
}
_BY_CODE = frozenset(("alpm", "bitnami"))


def _key(scheme_name: str, version: str) -> bytes | None:
    """The key of a version, None where its order has none. Raises InvalidVersion for what is not a version of the scheme."""
    scheme = scheme_named(scheme_name)
    if scheme is None or scheme.name in _BY_CODE:
        return None
    plain = _PLAIN.get(scheme.name)
    if plain is not None:
        found = plain.fullmatch(version)
        return _numbers_key(found[1]) if found else None
    if scheme.name == "pep440" and scheme.against_bound is not None:
        scheme.against_bound(version, "0")  # refuses the versions from before PEP 440, of which ranges say nothing
    return scheme.key(version) if scheme.key is not None else None


def _numbers_key(text: str) -> bytes:
    """Numbers parted by dots; zeros at the end do not count."""
    parts = [part.lstrip("0") for part in text.split(".")]
    while parts and not parts[-1]:
        parts.pop()
    return b"".join(b"\x01" + number_key(part) for part in parts) + b"\x00"


@lru_cache(maxsize=1 << 14)
def bound_key(scheme_name: str, bound: str) -> bytes | None:
    """The key of a range's bound; None where none is faithful and the scheme has to compare.

    An advisory names one bound for many packages, so the last ones are remembered.
    """
    # A local part counts only against bounds that have one (PEP 440): these few are compared by code.
    if scheme_name == "pep440" and "+" in bound:
        return None
    try:
        return _key(scheme_name, bound)
    except InvalidVersion:
        return None


@lru_cache(maxsize=1 << 14)
def bare_bound_key(scheme_name: str, bound: str) -> bytes | None:
    """The key of an rpm bound without its epoch: file names of source packages have none."""
    return bound_key("rpm", rpm.without_epoch(bound)) if scheme_name == "rpm" else None


@lru_cache(maxsize=1 << 16)
def version_key(scheme_name: str, version: str, *, is_bare: bool = False) -> bytes | None:
    """The key of an installed version; None where its order has none. Raises InvalidVersion for what is not a version of the scheme."""
    if scheme_name == "pep440":
        version = version.partition("+")[0]
    return _key(scheme_name, rpm.without_epoch(version) if is_bare else version)
