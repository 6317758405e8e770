"""Versions: how each ecosystem orders them. One module a scheme; a new one is one more name in a line below."""

from __future__ import annotations

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

SCHEMES: tuple[Scheme, ...] = tuple(plugins(__name__, sorted((*_OS, *_LANGUAGES, *_OTHERS)), "SCHEME"))

_BY_NAME = {name: scheme for scheme in SCHEMES for name in (*scheme.aliases, scheme.name)}
_BY_TYPE = {kind: scheme for scheme in SCHEMES for kind in scheme.types}


def scheme_named(name: str) -> Scheme | None:
    """The scheme of this name or alias, if there is one."""
    return _BY_NAME.get(name)


def scheme_for(package_type: str) -> Scheme:
    """The scheme that orders packages of a purl type; types without one of their own are ordered by `generic`."""
    return _BY_TYPE.get(package_type, generic.SCHEME)
