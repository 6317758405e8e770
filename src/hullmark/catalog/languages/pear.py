"""PHP packages of PEAR and PECL: the registry's files .registry/[.channel.NAME/]*.reg, which hold PHP's serialize() format.

Both forms of a package's description count: package.xml 1.0 (`name`, `version` as text) and 2.0 (`version` is an array).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from hullmark.catalog.cataloger import Cataloger
from hullmark.catalog.view import View
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.model.package import UNKNOWN_VERSION, Location, OwnedFile, Package
from hullmark.model.purl import make_purl
from hullmark.rootfs.reads import MIB, LocatedFact, Read, Report

_MAX_VALUES = Limit(500_000, "values in a record of PEAR's registry")
_MAX_DEPTH = Limit(64, "levels of nesting in a record of PEAR's registry")
_IS_NAME = late(r"[A-Za-z][A-Za-z0-9_.-]{0,127}").fullmatch
_IS_VERSION = late(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,127}").fullmatch
_IS_CHANNEL = late(r"[A-Za-z0-9](?:[A-Za-z0-9./-]{0,127}[A-Za-z0-9])?").fullmatch
_DEFAULT_CHANNEL = "pecl.php.net"
_SCALAR = late(rb"(?:[ibdO]:([^;{}:]{1,40})|N);").match
_COUNT = late(rb"([as]):(\d{1,9}):").match


class SerializationError(ValueError):
    """Says why a text is not PHP's serialize() format."""


class _Values:
    """Reads one value after the other."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at, self._left = data, 0, int(_MAX_VALUES)

    def value(self, depth: int = 0) -> Any:
        """The next value: text, a dictionary for an array, or None for what is neither."""
        self._left -= 1
        if self._left < 0:
            raise SerializationError(f"it has more than {_MAX_VALUES:,} values")
        if depth > _MAX_DEPTH:
            raise SerializationError("it is nested too deeply")
        scalar = _SCALAR(self._data, self._at)
        if scalar is not None:
            self._at = scalar.end()
            return scalar[1].decode("utf-8", "replace") if scalar[1] else None
        head = _COUNT(self._data, self._at)
        if head is None:
            raise SerializationError("it is not in PHP's format of serialised values")
        self._at, count = head.end(), int(head[2])
        return self._array(count, depth) if head[1] == b"a" else self._text(count)

    def _text(self, count: int) -> str:
        end = self._at + count + 1
        if self._data[self._at : self._at + 1] != b'"' or self._data[end : end + 2] != b'";':
            raise SerializationError("a text does not end where it should")
        text = self._data[self._at + 1 : end].decode("utf-8", "replace")
        self._at = end + 2
        return text

    def _array(self, count: int, depth: int) -> dict[str, Any]:
        if self._data[self._at : self._at + 1] != b"{":
            raise SerializationError("an array does not begin where it should")
        self._at += 1
        found: dict[str, Any] = {}
        for _ in range(count):
            key = self.value(depth + 1)
            found[key if isinstance(key, str) else ""] = self.value(depth + 1)
        if self._data[self._at : self._at + 1] != b"}":
            raise SerializationError("an array does not end where it should")
        self._at += 1
        return found


class RegistryRecord(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a record says. `files` are the paths of installed files, without leading slash."""

    name: str
    version: str
    channel: str
    license: str
    files: tuple[str, ...]


def extract(path: str, body: memoryview, report: Report) -> RegistryRecord | None:
    """The fields of a record."""
    try:
        found = _Values(bytes(body)).value()
    except SerializationError as reason:
        report(f"the record of PEAR's registry cannot be read: {reason}")
        return None
    if not isinstance(found, dict):
        report("the record of PEAR's registry is not an array")
        return None
    version = found.get("version")
    name = _text(found.get("name")) or _text(found.get("package"))
    version = _text(version.get("release")) if isinstance(version, dict) else _text(version)
    if not _IS_NAME(name):
        report("the record of PEAR's registry has no name that can be used")
        return None
    if not _IS_VERSION(version):
        report(f"the record of PEAR's registry has no version of {name} that can be used")
        version = ""
    channel = _text(found.get("channel"))
    return RegistryRecord(name, version, channel if _IS_CHANNEL(channel) else "", _licence(found), _files(found))


def _text(value: object) -> str:
    return value[:512] if isinstance(value, str) else ""


def _licence(found: dict[str, Any]) -> str:
    value = found.get("license", found.get("release_license"))
    text = _text(value.get("_content") if isinstance(value, dict) else value)
    return text.strip()


def _files(found: dict[str, Any]) -> tuple[str, ...]:
    """`filelist`: a name in the package → its attributes, among them where it was installed."""
    listed = found.get("filelist")
    entries = listed.values() if isinstance(listed, dict) else ()
    places = (entry.get("installed_as") for entry in entries if isinstance(entry, dict))
    return tuple(place.lstrip("/") for place in places if isinstance(place, str) and place.strip("/"))


REGISTERED = Read(
    name="pear-registered",
    fact=RegistryRecord,
    globs=("**/.registry/*.reg", "**/.registry/*/*.reg"),
    extract=extract,
    limit=16 * MIB,
)


def _identity(found: LocatedFact[RegistryRecord]) -> tuple[str, str]:
    """Channel and purl. Of those below a channel's folder, that is the channel."""
    folder = found.path.rpartition("/")[0].rpartition("/")[2]
    named = folder.removeprefix(".channel.") if folder.startswith(".channel.") else ""
    channel = found.fact.channel or (named if _IS_CHANNEL(named) else "") or _DEFAULT_CHANNEL
    return channel, make_purl("pear", found.fact.name, found.fact.version, namespace=channel)


def assemble(view: View) -> Iterator[Package]:
    """One package a record."""
    for found in view.facts(REGISTERED):
        channel, purl = _identity(found)
        yield Package(
            type="pear",
            name=found.fact.name,
            version=found.fact.version or UNKNOWN_VERSION,
            purl=purl,
            cataloger="pear",
            licenses=(found.fact.license,) if found.fact.license else (),
            locations=(Location(f"/{found.path}", found.layer),),
            notes={"channel": channel},
        )


def list_owned_files(view: View) -> Iterator[OwnedFile]:
    """The files that each record says it installed."""
    for found in view.facts(REGISTERED):
        purl = _identity(found)[1]
        yield from (OwnedFile(path, purl) for path in found.fact.files if "\0" not in path)


CATALOGER = Cataloger(name="pear", types=("pear",), reads=(REGISTERED,), assemble=assemble, owned=list_owned_files)
