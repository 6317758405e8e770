"""CycloneDX as XML: elements become what the JSON of the same document has. Document types and entities are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from hullmark.catalog.sbom.cyclonedx import Metadata, document_of
from hullmark.catalog.sbom.document import Document, Marks, Problems, SbomFormat, Unreadable
from hullmark.model.limit import Limit

_MAX_BYTES = Limit(64 << 20, "bytes of a CycloneDX document in XML", "refused")
_MAX_ELEMENTS = Limit(4_000_000, "elements of a CycloneDX document in XML", "refused")
_DEEPEST = Limit(40, "levels of nesting in a CycloneDX document in XML", "refused")
_IS_BOM = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?bom[\s>]").search
_PLAIN = ("group", "name", "version", "description", "publisher", "purl", "cpe")

Json = dict[str, Any]


class _Element(Protocol):
    tag: Any
    text: str | None

    def get(self, key: str, default: str) -> str: ...

    def __iter__(self) -> Iterator[_Element]: ...


def read(body: bytes) -> Document:
    """What the document tells. Raises Unreadable."""
    root = _root(body)
    problems = Problems()
    metadata = _child(root, "metadata")
    about: Json = {}
    if metadata is not None:
        component = _child(metadata, "component")
        about["component"] = _component(component) if component is not None else None
        about["properties"] = _properties(metadata)
    compositions = (_child(composition, "aggregate") for composition in _children(root, "compositions", "composition"))
    aggregates = [aggregate.text or "" for aggregate in compositions if aggregate is not None]
    about_it = msgspec.convert(about, Metadata)
    return document_of(about_it, _components(root, 0), problems, aggregates, _dependencies(root))


def _root(body: bytes) -> _Element:
    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    if len(body) > _MAX_BYTES:
        raise Unreadable(f"as XML it may have {_MAX_BYTES >> 20} MiB at most")
    if body.count(b"<") > 2 * _MAX_ELEMENTS:
        raise Unreadable(f"it has more than {_MAX_ELEMENTS:,} elements")
    try:
        root: Any = fromstring(body, forbid_dtd=True)
    except DefusedXmlException:
        raise Unreadable("it has a document type definition, which is not read") from None
    except (ParseError, LookupError, ValueError) as error:
        raise Unreadable(f"it is not well-formed XML: {error}") from None
    found: _Element = root
    return found


def _local(element: _Element) -> str:
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _child(element: _Element, name: str) -> _Element | None:
    return next((child for child in element if _local(child) == name), None)


def _children(element: _Element, list_name: str, name: str) -> list[_Element]:
    parent = _child(element, list_name)
    return [child for child in parent if _local(child) == name] if parent is not None else []


def _components(element: _Element, depth: int) -> list[msgspec.Raw]:
    """The components within an element, as JSON. Below the deepest level they become one broken component."""
    found = _children(element, "components", "component")
    if found and depth > _DEEPEST:
        return [msgspec.Raw(b'"nested too deeply"')]
    return [msgspec.Raw(msgspec.json.encode(_component(component, depth + 1))) for component in found]


def _component(element: _Element, depth: int = 0) -> Json:
    found: Json = {"type": element.get("type", ""), "bom-ref": element.get("bom-ref", "")}
    for child in element:
        name = _local(child)
        if name in _PLAIN:
            found[name] = child.text or ""
        elif name == "supplier":
            named = _child(child, "name")
            found[name] = {"name": named.text if named is not None else None}
    found["licenses"] = _licenses(element)
    found["properties"] = _properties(element)
    evidence = _child(element, "evidence")
    if evidence is not None:
        places = (_child(occurrence, "location") for occurrence in _children(evidence, "occurrences", "occurrence"))
        found["evidence"] = {
            "occurrences": [{"location": location.text or ""} for location in places if location is not None],
            "licenses": _licenses(evidence),
        }
    found["components"] = _components(element, depth)
    return found


def _dependencies(root: _Element) -> list[msgspec.Raw] | None:
    if _child(root, "dependencies") is None:
        return None
    return [
        msgspec.Raw(
            msgspec.json.encode(
                {
                    "ref": dependency.get("ref", ""),
                    "dependsOn": [each.get("ref", "") for each in dependency if _local(each) == "dependency"],
                }
            )
        )
        for dependency in _children(root, "dependencies", "dependency")
    ]


def _properties(element: _Element) -> list[Json]:
    return [
        {"name": entry.get("name", ""), "value": entry.text or ""}
        for entry in _children(element, "properties", "property")
    ]


def _licenses(element: _Element) -> list[Json]:
    parent = _child(element, "licenses")
    return [choice for child in (parent if parent is not None else ()) if (choice := _license(child)) is not None]


def _license(element: _Element) -> Json | None:
    if _local(element) == "expression":
        return {"expression": element.text or "", "acknowledgement": element.get("acknowledgement", "")}
    if _local(element) != "license":
        return None
    license: Json = {"acknowledgement": element.get("acknowledgement", "")}
    for child in element:
        name = _local(child)
        if name in ("id", "name"):
            license[name] = child.text or ""
        elif name == "text":
            license["text"] = {"content": child.text or "", "encoding": child.get("encoding", "")}
    return {"license": license}


def _recognises(marks: Marks) -> bool:
    return marks.head.lstrip().startswith(b"<") and _IS_BOM(marks.head) is not None


FORMAT = SbomFormat(name="cyclonedx-xml", recognises=_recognises, read=read)
