"""Versions as bytes that sort: what a snapshot's ranges are kept as, and what is looked up in them."""

from __future__ import annotations

from functools import lru_cache

from hullmark.versions import InvalidVersion, rpm, scheme_named

# These compare with bounds otherwise than among versions, and keys follow the latter. Of rpm and pep440 what differs is taken
# care of here: versions without epoch have keys of their own, and bounds with a local part are compared by code.
_BOUNDS_DIFFER = frozenset(("bitnami", "maven", "packagist"))


def _has_keys(scheme_name: str) -> bool:
    scheme = scheme_named(scheme_name)
    return scheme is not None and scheme.key is not None and scheme.name not in _BOUNDS_DIFFER


def bound_key(scheme_name: str, bound: str) -> bytes | None:
    """The key of a range's bound; None where none is faithful and the scheme has to compare."""
    scheme = scheme_named(scheme_name)
    if scheme is None or scheme.key is None or not _has_keys(scheme_name) or (scheme.name == "pep440" and "+" in bound):
        return None
    try:
        return scheme.key(bound)
    except InvalidVersion:
        return None


def bare_bound_key(scheme_name: str, bound: str) -> bytes | None:
    """The key of an rpm bound without its epoch: file names of source packages have none."""
    return bound_key("rpm", rpm.without_epoch(bound)) if scheme_name == "rpm" else None


@lru_cache(maxsize=1 << 16)
def version_key(scheme_name: str, version: str, *, is_bare: bool = False) -> bytes | None:
    """The key of an installed version; None for schemes without keys. Raises InvalidVersion for what is no version of the scheme."""
    scheme = scheme_named(scheme_name)
    if scheme is None or scheme.key is None or not _has_keys(scheme_name):
        return None
    if scheme_name == "pep440":
        version = version.partition("+")[0]
    return scheme.key(rpm.without_epoch(version) if is_bare else version)
