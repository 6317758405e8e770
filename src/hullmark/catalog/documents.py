"""JSON, TOML, YAML and XML of unknown origin → plain values, or a reported sentence that says why there are none.

Each loader bounds what a small file can cost: nesting, aliases, keys that take the square of their length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Report

JSON_LIMIT = Limit(16 * MIB, "bytes of a lock file in JSON")
YAML_LIMIT = Limit(8 * MIB, "bytes of a lock file in YAML")
TOML_LIMIT = Limit(4 * MIB, "bytes of a lock file in TOML")
XML_LIMIT = Limit(4 * MIB, "bytes of a project file in XML")
"""The largest documents that are read, in bytes: at worst they take seconds, or some hundred MiB."""

_MAX_CONTAINERS = Limit(1_000_000, "objects and lists in a lock file in JSON")
_MAX_DEPTH = Limit(64, "levels of nesting in a lock file in YAML")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))

# The parser takes the square of a key's number of parts. Versions and host names in strings have fewer dots in a row.
_PART = r"""(?:[\w-]++|"(?:[^"\\\n]|\\.)*+"|'[^'\n]*+')"""
_LONG_KEY = late(rf"""(?<![\w.\-"'])(?:{_PART}[ \t]*+\.[ \t]*+){{24}}""").search
_IS_NESTED = late(r"[\[{][\s\[{]{200}").search

Table = dict[str, Any]


class Element(Protocol):
    """The parts of an XML element that are used."""

    tag: str
    text: str | None
    attrib: dict[str, str]

    def __iter__(self) -> Iterator[Element]:
        """Its children."""


def text_of(body: memoryview) -> str:
    """The text, in UTF-8 unless a byte order mark says otherwise; invalid bytes are replaced."""
    for mark, encoding in _BOMS:
        if body[: len(mark)] == mark:
            return bytes(body[len(mark) :]).decode(encoding, "replace")
    return bytes(body).decode("utf-8", "replace")


def json_object(body: memoryview, report: Report) -> Table | None:
    """The object of a JSON document; None, with a report, if it is not one."""
    found = json_value(body, report)
    if found is None or isinstance(found, dict):
        return found
    report("it is not a JSON object")
    return None


def json_value(body: memoryview, report: Report) -> Any:
    """What a JSON document holds; None, with a report, if it is not one."""
    data = bytes(body[3:] if body[:3] == _BOMS[0][0] else body)
    # Each is sixty bytes or more in memory, and one or two in the file.
    if data.count(b"[") + data.count(b"{") > _MAX_CONTAINERS:
        report(f"it has more than {_MAX_CONTAINERS:,} objects and lists")
        return None
    try:
        found = msgspec.json.decode(data)
    except RecursionError:
        report("it is nested too deeply")
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        report(f"it is not JSON: {error}")
    else:
        if found is not None:
            return found
        report("it is null")
    return None


def json_beginning(text: str, start: int, report: Report) -> Table | None:
    """The JSON object that begins at a place in a text of another kind; None, with a report, if there is none."""
    import json  # few files need it

    if text.count("[") + text.count("{") > _MAX_CONTAINERS:
        report(f"it has more than {_MAX_CONTAINERS:,} objects and lists")
        return None
    try:
        found, _ = json.JSONDecoder().raw_decode(text, start)
    except RecursionError:
        report("it is nested too deeply")
    except ValueError as error:
        report(f"what is in it is not JSON: {error}")
    else:
        if isinstance(found, dict):
            return found
        report("what is in it is not a JSON object")
    return None


def toml_table(body: memoryview, report: Report) -> Table | None:
    """The table of a TOML document; None, with a report, if it is not one."""
    import tomllib  # few folders have a file that needs it

    text = text_of(body)
    if _LONG_KEY(text) or _IS_NESTED(text):
        report("it has keys of too many parts, or is nested too deeply")
        return None
    try:
        return tomllib.loads(text)
    except RecursionError:
        report("it is nested too deeply")
    except ValueError as error:
        report(f"it is not TOML: {error}")
    return None


def yaml_documents(body: memoryview, report: Report) -> list[Table]:
    """The documents of a YAML stream, which must be mappings. All scalars are text, so `1.10` stays as it is.

    Anchors, aliases, tags and unreadable parts are refused; documents before the fault are kept.
    """
    import yaml  # few folders have a file that needs it

    documents: list[Table] = []
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        for document in _documents(yaml.parse(text_of(body), Loader=loader)):
            if isinstance(document, dict):
                documents.append(document)
            elif document:
                report("it is not a YAML mapping")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark is not None else ""
        report(f"it is not YAML: {getattr(error, 'problem', None) or 'it cannot be read'}{where}")
    except _RefusedContent as reason:
        report(str(reason))
    return documents


class _RefusedContent(Exception):
    """Says which part of a document is not read."""


def _documents(events: Iterator[Any]) -> Iterator[Any]:
    """Each document's value, from the events of a YAML parser."""
    # The open containers, innermost last: a list, or a mapping with the key that waits for its value.
    open_: list[tuple[list[Any] | Table, list[str]]] = []
    for event in events:
        kind = type(event).__name__
        if kind == "AliasEvent" or getattr(event, "anchor", None) is not None:
            raise _RefusedContent("it has anchors or aliases, which are not read")
        if kind in ("MappingEndEvent", "SequenceEndEvent"):
            value: Any = open_.pop()[0]
        elif kind == "ScalarEvent":
            value = event.value
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            if len(open_) == _MAX_DEPTH:
                raise _RefusedContent("it is nested too deeply")
            open_.append(({} if kind == "MappingStartEvent" else [], []))
            continue
        else:
            continue
        if not open_:
            yield value
        else:
            _put(*open_[-1], value)


def _put(container: list[Any] | Table, waiting: list[str], value: Any) -> None:
    if isinstance(container, list):
        container.append(value)
    elif waiting:
        container[waiting.pop()] = value
    else:
        # A key that is itself a list or a mapping names nothing here.
        waiting.append(value if isinstance(value, str) else "")


def xml_root(body: memoryview, report: Report) -> Element | None:
    """The root element of an XML document; None, with a report, if there is none. Document types are refused."""
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root: Element = fromstring(bytes(body), forbid_dtd=True)
    except DefusedXmlException:
        report("it has a document type definition, which is not read")
    except (ParseError, LookupError, ValueError):
        report("it is not well-formed XML")
    else:
        return root
    return None
