"""Versions: how each ecosystem orders them. One module a scheme; a new one is one more line here."""

from __future__ import annotations

from hullmark.versions import deb, generic, pep440, rpm, semver
from hullmark.versions.scheme import InvalidVersion, Scheme

__all__ = ["SCHEMES", "InvalidVersion", "Scheme", "scheme_for", "scheme_named"]

SCHEMES: tuple[Scheme, ...] = (
    deb.SCHEME,
    generic.SCHEME,
    pep440.SCHEME,
    rpm.SCHEME,
    semver.SCHEME,
)

_BY_NAME = {scheme.name: scheme for scheme in SCHEMES}
_BY_TYPE = {kind: scheme for scheme in SCHEMES for kind in scheme.types}


def scheme_named(name: str) -> Scheme | None:
    """The scheme of this name, if there is one."""
    return _BY_NAME.get(name)


def scheme_for(package_type: str) -> Scheme:
    """The scheme that orders packages of a purl type; types without one of their own are ordered by `generic`."""
    return _BY_TYPE.get(package_type, generic.SCHEME)
