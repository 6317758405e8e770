"""CPE names under which a package may stand in NVD: vendor and product, both, or it is not asked.

Follows NISTIR 7695 (CPE 2.3 names) as far as part, vendor and product go. A table for what is well known, the package's own name
for the rest of what has no advisories of its own. Java runtimes are asked about in the order that their rows are kept in
(`feeds.formats.cpe_configurations`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from hullmark.advisories.match.rebuilders import originals
from hullmark.model.limit import Limit
from hullmark.model.package import Package
from hullmark.versions.ranges import is_version

_REVISION = re.compile(r"-r\d+$")
_BUILD = re.compile(r"^(?:\d+:)?v?(\d+(?:\.\d+)*(?:[a-z]\b|p\d+)?)")
_WORD = re.compile(r"[a-z0-9][a-z0-9._+-]*").fullmatch

_KNOWN: dict[str, tuple[tuple[str, str], ...]] = {
    "apache2": (("apache", "http_server"),),
    "bash": (("gnu", "bash"),),
    "bind": (("isc", "bind"),),
    "binutils": (("gnu", "binutils"),),
    "busybox": (("busybox", "busybox"),),
    "curl": (("haxx", "curl"), ("haxx", "libcurl")),
    "expat": (("libexpat_project", "libexpat"),),
    "git": (("git-scm", "git"), ("git", "git")),
    "glibc": (("gnu", "glibc"),),
    "gnupg": (("gnupg", "gnupg"),),
    "haproxy": (("haproxy", "haproxy"),),
    "java": (("ibm", "java"),),
    "java_sdk": (("ibm", "java_sdk"),),
    "java_se": (("oracle", "java_se"), ("oracle", "jdk"), ("oracle", "jre")),
    "jdk": (("oracle", "jdk"), ("oracle", "java_se"), ("sun", "jdk")),
    "jre": (("oracle", "jre"), ("oracle", "java_se"), ("sun", "jre")),
    "libxml2": (("xmlsoft", "libxml2"),),
    "libxslt": (("xmlsoft", "libxslt"),),
    "mariadb": (("mariadb", "mariadb"),),
    "memcached": (("memcached", "memcached"),),
    "musl": (("musl-libc", "musl"),),
    "mysql": (("oracle", "mysql"),),
    "nginx": (("nginx", "nginx"), ("f5", "nginx")),
    "node": (("nodejs", "node.js"),),
    "nodejs": (("nodejs", "node.js"),),
    "openjdk": (("oracle", "openjdk"), ("oracle", "jdk"), ("oracle", "jre"), ("oracle", "java_se")),
    "openssh": (("openbsd", "openssh"),),
    "openssl": (("openssl", "openssl"),),
    "perl": (("perl", "perl"),),
    "php": (("php", "php"),),
    "postgresql": (("postgresql", "postgresql"),),
    "python": (("python", "python"),),
    "python3": (("python", "python"),),
    "redis": (("redis", "redis"), ("redislabs", "redis")),
    "ruby": (("ruby-lang", "ruby"),),
    "sqlite": (("sqlite", "sqlite"),),
    "stdlib": (("golang", "go"),),
    "traefik": (("traefik", "traefik"),),
    "vim": (("vim", "vim"),),
    "wget": (("gnu", "wget"),),
    "zlib": (("zlib", "zlib"),),
    "zulu": (("azul", "zulu"),),
}
_RUNTIMES = frozenset(("java", "java_sdk", "java_se", "jdk", "jre", "openjdk", "zulu"))
_RUNTIME_VENDORS = frozenset(("azul", "ibm", "openjdk", "oracle", "sun"))
_NOTE = "cpes"
_COLONS = 2
MOST_GIVEN = Limit(32, "names in CPE that are asked about one package")
TYPES = frozenset(("apk", "generic"))
"""Types that are always asked about: Alpine's own data names only what it has fixed, and of others nothing better speaks."""


class Candidate(NamedTuple):
    """`part:vendor:product`, the package's version, and the order in which it is compared."""

    name: str
    scheme: str
    version: str


def candidates(package: Package) -> Iterator[Candidate]:
    """The names under which a package may stand: those that its record gives, its own and its source's, or those of what was rebuilt.

    Where a record gives CPE names, none is made of the package's own name, unless it is well known.
    """
    given = given_names(package)
    for name in given:
        _, vendor, product = name.split(":")
        is_runtime = vendor in _RUNTIME_VENDORS and product in _RUNTIMES
        version = _runtime_version(package) if is_runtime else upstream_version(package)
        if version:
            yield Candidate(name, "jvm" if is_runtime else "generic", version)
    source = package.source.name if package.source else package.name
    names = (next(iter(originals(name)), name) for name in (package.name.lower(), source.lower()))
    for name in dict.fromkeys(names):
        scheme = "jvm" if name in _RUNTIMES else "generic"
        version = _runtime_version(package) if name in _RUNTIMES else upstream_version(package)
        if version and _WORD(name):
            made = () if given else ((name, name), (f"{name}_project", name))
            found = (Candidate(f"a:{vendor}:{product}", scheme, version) for vendor, product in _KNOWN.get(name, made))
            yield from (candidate for candidate in found if candidate.name not in given)


def given_names(package: Package) -> tuple[str, ...]:
    """The CPE names that the package's own record gives, as `part:vendor:product`; the note parts them by blanks."""
    names = package.notes.get(_NOTE, "").lower().split()
    return tuple(dict.fromkeys(name for name in names[:MOST_GIVEN] if name.count(":") == _COLONS))


def has_too_many(package: Package) -> bool:
    """Whether its record gives more names than are asked about."""
    note = package.notes.get(_NOTE, "")
    return bool(note) and len(note.split()) > MOST_GIVEN


def _runtime_version(package: Package) -> str:
    """The whole version, whose update counts; without what follows the numbers where a vendor wrote more than Java's rules have."""
    if package.type != "generic":
        return upstream_version(package)
    return package.version if is_version(package.version, "jvm") else upstream_version(package) or package.version


def upstream_version(package: Package) -> str:
    """The version without what the packager added; "" if it has no number at its beginning."""
    if package.type == "apk":
        return _REVISION.sub("", package.version)
    found = _BUILD.match(package.version)
    return found[1] if found else ""
