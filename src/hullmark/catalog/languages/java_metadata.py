"""What a Java archive says of itself: MANIFEST.MF, pom.properties and pom.xml.

Follow the JAR file specification, java.util.Properties and Maven's POM reference 4.0.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Protocol

import msgspec

from hullmark.model.late import late
from hullmark.model.limit import Limit

MAX_TEXT = Limit(1024, "characters of one value in the manifest or project file of a Java archive", "shortened")
"""Longer names and versions, in characters, are cut."""

MANIFEST_HEADERS = (
    "Automatic-Module-Name",
    "Bundle-DocURL",
    "Bundle-License",
    "Bundle-SymbolicName",
    "Bundle-Name",
    "Bundle-Vendor",
    "Bundle-Version",
    "Class-Path",
    "Extension-Name",
    "Group-Id",
    "Implementation-Title",
    "Implementation-URL",
    "Implementation-Vendor",
    "Implementation-Vendor-Id",
    "Implementation-Version",
    "Name",
    "Plugin-License-Name",
    "Plugin-Version",
    "Short-Name",
    "Specification-Version",
    "Weave-Classes",
)
"""The headers of the main section that identity, licences, needs or the supplier are taken from."""

_HEADERS = {name.lower(): name for name in MANIFEST_HEADERS}
_OF_ANY_SECTION = ("Implementation-Title", "Implementation-Version")
_MAX_REQUIRES = Limit(256 << 10, "bytes of the dependencies in a pom.xml of a Java archive")
MAX_CLASS_PATH = Limit(64 << 10, "characters of the class path in the manifest of a Java archive", "shortened")
_MAX_LICENCES = Limit(16, "licences of one Java project")
_REFERENCE_DEPTH = 3
_ESCAPE = late(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)
_CONTROL = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_PROPERTY = late(r"((?:[^\\:=\s]|\\.)*)\s*[:=]?\s*(.*)", re.DOTALL)
_REFERENCE = late(r"\$\{([^${}]{1,200})\}")
_FOLDER = late(r"META-INF/maven/([^/]+)/([^/]+)$")
_COMMENT = late(rb"<!--.*?-->", re.DOTALL)
_BLOCK = late(
    rb"<(/?)(dependencyManagement|build|profiles|reporting|dependencies|properties)(?:\s[^<>]*)?(/?)>",
)
_LICENCES = late(rb"<licenses[\s/>]|</licenses\s*>")


class _Element(Protocol):
    """The parts of an XML element that are used."""

    tag: str
    text: str | None

    def __iter__(self) -> Iterator[_Element]:
        """Its children."""


class Pom(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A Maven artifact that an archive has the record of. Empty strings: the record does not say.

    `requires` are the elements `properties` and `dependencies` of its pom.xml, as they are written, in one element."""

    group: str
    artifact: str
    version: str
    licenses: tuple[str, ...] = ()
    requires: bytes = b""


class Dependency(msgspec.Struct, frozen=True, gc=False):
    """A dependency of a Maven project. `scope` is compile, runtime, provided, test, system or import. A `*` in `artifact` stands for
    properties that are set elsewhere (`chill_*` for `chill_${scala.binary.version}`)."""

    group: str
    artifact: str
    scope: str = "compile"
    optional: bool = False


def parse_manifest(data: bytes) -> dict[str, str]:
    """The headers worth keeping, under the names of MANIFEST_HEADERS; `data` may be cut off anywhere.

    Title and version may also stand in the sections of single packages; they count if those agree.
    """
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").replace("\n ", "")
    main, _, rest = text.lstrip("\n").partition("\n\n")
    headers = _headers(main)
    for name in _OF_ANY_SECTION:
        if name not in headers and name in rest:
            values = {value for section in rest.split("\n\n") if (value := _headers(section).get(name))}
            if len(values) == 1:
                headers[name] = values.pop()
    return headers


def _headers(section: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in section.split("\n"):
        key, _, value = line.partition(":")
        name = _HEADERS.get(key.strip().lower())
        if name is not None and name not in headers:
            headers[name] = value.strip()[: MAX_CLASS_PATH if name == "Class-Path" else MAX_TEXT]
    return headers


def ends_main_section(data: bytes) -> bool:
    """Does the main section of the manifest end within these first bytes?"""
    return b"\n\n" in data or b"\r\n\r\n" in data or b"\r\r" in data


def parse_properties(data: bytes) -> dict[str, str]:
    """All properties of a Java properties file, cut to MAX_TEXT; the last of equal keys counts."""
    found: dict[str, str] = {}
    text = data.decode("utf-8", "replace")
    plain = "\\" not in text
    for line in text.splitlines() if plain else _logical_lines(text):
        line = line.lstrip()
        if not line or line[0] in "#!":
            continue
        key, separator, value = line.partition("=")
        if plain and separator and ":" not in key and not any(c.isspace() for c in key.rstrip()):
            found[key.rstrip()] = value.strip()[:MAX_TEXT]
        elif match := _PROPERTY.match(line[: 2 * MAX_TEXT]):
            found[_unescape(match[1])] = _unescape(match[2]).strip()[:MAX_TEXT]
    return found


def _logical_lines(text: str) -> Iterator[str]:
    pending = ""
    for line in text.splitlines():
        line = pending + line.lstrip()
        if (len(line) - len(line.rstrip("\\"))) % 2 and len(line) < 4 * MAX_TEXT:
            pending = line[:-1]
        else:
            yield line
            pending = ""
    yield pending


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    text = _ESCAPE.sub(lambda m: chr(int(m[1][1:], 16)) if len(m[1]) == 5 else _CONTROL.get(m[1], m[1]), text)
    return text.encode("utf-8", "replace").decode()


def pom_of_properties(data: bytes, folder: str) -> Pom | None:
    """The artifact that a pom.properties file names; None if it names none.

    `folder` is where the file stands (`META-INF/maven/GROUP/ARTIFACT`), which says the same where the file is silent.
    """
    found = parse_properties(data)
    match = _FOLDER.search(folder)
    group, artifact = (match[1], match[2]) if match else ("", "")
    group = _resolve_references(found.get("groupId", "")) or _resolve_references(group)
    artifact = _resolve_references(found.get("artifactId", "")) or _resolve_references(artifact)
    return Pom(group, artifact, _resolve_references(found.get("version", ""))) if artifact else None


def pom_of_project(data: bytes) -> Pom | None:
    """The artifact that a pom.xml describes; group and version may be its parent's. None if it names no artifact.

    Raises ValueError if it is not well-formed, or has a document type or entities.
    """
    root = _parse(data)
    own = _texts(root)
    parent = _texts(_child(root, "parent"))
    properties = _texts(_child(root, "properties"))
    properties |= {"project." + key: value for key, value in (parent | own).items()}
    properties |= {"project.parent." + key: value for key, value in parent.items()}
    group = _resolve_references(own.get("groupId", "") or parent.get("groupId", ""), properties)
    version = _resolve_references(own.get("version", "") or parent.get("version", ""), properties)
    artifact = _resolve_references(own.get("artifactId", ""), properties)
    if not artifact:
        return None
    return Pom(group, artifact, version, _licences(_child(root, "licenses")), requires_of_project(data))


def licences_of_project(data: bytes) -> tuple[str, ...]:
    """Only the licences of a pom.xml. Most have none or one plain list, which is all that is parsed then.

    Raises ValueError as `pom_of_project` does.
    """
    marks = [(match.start(), match.end()) for match, _ in zip(_LICENCES.finditer(data), range(3), strict=False)]
    if not marks:
        return ()
    start, end = marks[0][0], marks[-1][1]
    if len(marks) == 2 and data.rfind(b"<!--", 0, start) <= data.rfind(b"-->", 0, start):
        # A piece may depend on the head of the file (an encoding, a prefix): then the whole file is parsed.
        with suppress(ValueError):
            return _licences(_parse(data[start:end]))
    return _licences(_child(_parse(data), "licenses"))


def requires_of_project(data: bytes) -> bytes:
    """The properties and dependencies of a pom.xml, except those in profiles, plugins and dependencyManagement.

    Found without parsing, as most are never looked at. Raises ValueError if they are too large.
    """
    if b"<dependencies" not in data:
        return b""
    if b"<!--" in data:
        data = _COMMENT.sub(b"", data)
    found: dict[bytes, bytes] = {}
    inside, start = b"", 0
    for block in _BLOCK.finditer(data):
        closes, name, is_empty = block.groups()
        if not inside and not closes and not is_empty:
            inside, start = name, block.start()
        elif inside == name and closes:
            found.setdefault(name, data[start : block.end()])
            inside = b""
    needs = found.get(b"dependencies", b"")
    if not needs:
        return b""
    piece = b"".join((b"<p>", found.get(b"properties", b"") if b"${" in needs else b"", needs, b"</p>"))
    if len(piece) > _MAX_REQUIRES:
        raise ValueError(f"has more than {_MAX_REQUIRES:,} bytes of dependencies, which were not read")
    return piece


def dependencies_in(pom: Pom) -> Iterator[Dependency]:
    """The dependencies that a pom.xml names; nothing where they are not well-formed."""
    if not pom.requires:
        return
    try:
        root = _parse(pom.requires)
    except ValueError:
        return
    properties = _texts(_child(root, "properties"))
    for prefix in ("project.", "pom.", "project.parent.", ""):
        properties |= {
            f"{prefix}groupId": pom.group,
            f"{prefix}version": pom.version,
            f"{prefix}artifactId": pom.artifact,
        }
    for child in _children(_child(root, "dependencies")):
        said = _texts(child)
        group, artifact = (_resolve_references(said.get(key, ""), properties) for key in ("groupId", "artifactId"))
        if not artifact and "${" in said.get("artifactId", ""):
            artifact = _resolve_references(
                _REFERENCE.sub(lambda match: properties.get(match[1], "*"), said["artifactId"])
            )
        if group and artifact.strip("*"):
            yield Dependency(
                group, artifact, said.get("scope") or "compile", said.get("optional", "").lower() == "true"
            )


def _parse(data: bytes) -> _Element:
    # Few images have a jar that is read by its pom.xml; the others need no XML.
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        return fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ValueError("has a document type definition, which is not read") from error
    except (ParseError, LookupError, ValueError) as error:
        raise ValueError("is not well-formed XML") from error


def _name(element: _Element) -> str:
    return element.tag.rpartition("}")[2]


def _child(element: _Element, name: str) -> _Element | None:
    return next((child for child in element if _name(child) == name), None)


def _children(element: _Element | None) -> Iterable[_Element]:
    return () if element is None else element


def _texts(element: _Element | None) -> dict[str, str]:
    return {_name(child): (child.text or "").strip()[:MAX_TEXT] for child in _children(element)}


def _licences(element: _Element | None) -> tuple[str, ...]:
    children = list(_children(element))
    if len(children) > _MAX_LICENCES:
        raise ValueError(f"names {len(children):,} licences, which is too many")
    entries = [_texts(child) for child in children]
    return tuple(name for entry in entries if (name := " ".join((entry.get("name") or entry.get("url") or "").split())))


def _resolve_references(text: str, properties: Mapping[str, str] = MappingProxyType({})) -> str:
    """The text with its `${references}` resolved; empty if one cannot be, or if it is not a printable word."""
    for _ in range(_REFERENCE_DEPTH):
        if "${" not in text:
            break
        text = _REFERENCE.sub(lambda match: properties.get(match[1], match[0]), text)[:MAX_TEXT]
    text = text.strip()
    return text if text.isprintable() and "${" not in text and " " not in text else ""
