"""Java runtimes and development kits, by the `release` file at the root of each installation.

Follows the file that OpenJDK's build writes (KEY="value" lines; JEP 220) and the version strings of JEP 223.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.view import View
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import LocatedFact, Read, Report

_KEYS = (
    "JAVA_VERSION",
    "JAVA_RUNTIME_VERSION",
    "FULL_VERSION",
    "IMPLEMENTOR",
    "IMAGE_TYPE",
    "BUILD_TYPE",
    "SOURCE_REPO",
    "BUILD_SOURCE_REPO",
)
_MAX_FILE = Limit(256 * 1024, "bytes of the release file of a Java runtime")
_MAX_VALUE = Limit(512, "characters of a value in the release file of a Java runtime", "shortened")

_MARKS = (b"JAVA_VERSION=", b"JAVA_RUNTIME_VERSION=")


class Release(msgspec.Struct, frozen=True, array_like=True):
    """What an installation says of itself: the values under the keys that identity is taken from."""

    values: dict[str, str]


class _TooLarge:
    """A `release` file too large for a JVM belongs to another program and is not a problem, unless it mentions Java."""

    def __init__(self) -> None:
        self._last = b""
        self._is_java = False

    def write(self, piece: memoryview, /) -> None:
        """The next bytes, of which only the last few are kept."""
        self._is_java = self._is_java or any(mark in self._last + piece for mark in _MARKS)
        self._last = bytes(piece[-len(_MARKS[-1]) :])

    def finish(self, report: Report, /) -> None:
        """There is no fact."""
        if self._is_java:
            report("the release file of a Java runtime is too large to read")


def extract(path: str, body: memoryview, report: Report) -> Release | None:
    """The values of a JVM's release file; None for the many other files of that name."""
    values: dict[str, str] = {}
    for line in bytes(body).decode("utf-8", "replace").splitlines():
        key, _, value = line.partition("=")
        value = value.strip().strip('"').strip()
        if key in _KEYS and value.isprintable():
            values[key] = value[:_MAX_VALUE]
    return Release(values) if values.get("JAVA_VERSION") or values.get("JAVA_RUNTIME_VERSION") else None


def assemble(view: View) -> Iterator[Package]:
    """One package for each installation."""
    for found in view.facts(RELEASES):
        yield _package(found, has_compiler=view.exists(f"{found.path.rpartition('/')[0]}/bin/javac".lstrip("/")))


def _package(found: LocatedFact[Release], *, has_compiler: bool) -> Package:
    values = found.fact.values
    is_kit = has_compiler or "jdk" in values.get("IMAGE_TYPE", "").lower()
    vendor, name = _product(values, found.path.lower(), "jdk" if is_kit else "jre")
    version = _version(values)
    repository = values.get("SOURCE_REPO", "") or values.get("BUILD_SOURCE_REPO", "")
    implementor = values.get("IMPLEMENTOR", "")
    return Package(
        type="generic",
        name=name,
        version=version or UNKNOWN_VERSION,
        purl=make_purl("generic", name, version, namespace=vendor, qualifiers={"repository_url": repository}),
        cataloger="jvm",
        locations=(Location("/" + found.path, found.layer),),
        notes={"implementor": implementor} if implementor else {},
    )


def _product(values: Mapping[str, str], path: str, kind: str) -> tuple[str, str]:
    """Vendor and product as the vulnerability databases name them. Oracle's builds before Java 9 have no implementor."""
    implementor = values.get("IMPLEMENTOR", "").lower()
    if "azul" in implementor or "zulu" in path:
        return "azul", "zulu"
    if "sun microsystems" in implementor:
        return "sun", kind
    if "ibm" in implementor or "international business machines" in implementor:
        return "ibm", {"jdk": "java_sdk", "jre": "java"}[kind]
    if "oracle" in implementor or "oracle" in path or values.get("BUILD_TYPE") == "commercial":
        return "oracle", kind
    return "oracle", "openjdk"


def _version(values: Mapping[str, str]) -> str:
    """The most exact version: the runtime's, else the full one if it is not that of another virtual machine."""
    java = values.get("JAVA_VERSION", "")
    full = values.get("FULL_VERSION", "")
    if full.partition(".")[0] != java.partition(".")[0]:
        full = ""
    return values.get("JAVA_RUNTIME_VERSION", "") or full or java


RELEASES: Read[Release] = Read(
    name="jvm-release",
    fact=Release,
    extract=extract,
    globs=("**/release",),
    limit=_MAX_FILE,
    oversize=lambda size: _TooLarge(),
)
CATALOGER = Cataloger(name="jvm", types=("generic",), reads=(RELEASES,), assemble=assemble)
