"""Versions: how each ecosystem orders them. One module a scheme; a new one is one more name in a line below."""

from __future__ import annotations

from functools import cache
from typing import Any

from hullmark.model.plugin import plugins
from hullmark.versions import generic
from hullmark.versions.scheme import InvalidVersion, Scheme

__all__ = ["SCHEMES", "InvalidVersion", "Scheme", "scheme_for", "scheme_named"]

_OS = ("alpm", "apk", "deb", "portage", "rpm")
_LANGUAGES = (
    "cargo",
    "conan",
    "cran",
    "gem",
    "golang",
    "hackage",
    "hex",
    "maven",
    "npm",
    "nuget",
    "packagist",
    "pep440",
    "pub",
)
_OTHERS = ("bitnami", "generic", "jvm", "rhctag", "semver")

SCHEMES: tuple[Scheme, ...]
"""All of them, loaded when they are first asked for: who needs one alone imports its module."""


def __getattr__(name: str) -> Any:
    if name != "SCHEMES":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _schemes()


@cache
def _schemes() -> tuple[Scheme, ...]:
    return tuple(plugins(__name__, sorted((*_OS, *_LANGUAGES, *_OTHERS)), "SCHEME"))


@cache
def _by_name() -> dict[str, Scheme]:
    return {name: scheme for scheme in _schemes() for name in (*scheme.aliases, scheme.name)}


@cache
def _by_type() -> dict[str, Scheme]:
    return {kind: scheme for scheme in _schemes() for kind in scheme.types}


def scheme_named(name: str) -> Scheme | None:
    """The scheme of this name or alias, if there is one."""
    return _by_name().get(name)


def scheme_for(package_type: str) -> Scheme:
    """The scheme that orders packages of a purl type; types without one of their own are ordered by `generic`."""
    return _by_type().get(package_type, generic.SCHEME)
