"""CycloneDX as XML: elements become what the JSON of the same document has. Document types and entities are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Protocol

import msgspec

from hullmark.catalog.sbom.cyclonedx import document_of
from hullmark.catalog.sbom.cyclonedx_parts import Metadata
from hullmark.catalog.sbom.document import Document, Marks, Problems, SbomFormat, Unreadable, clip_text
from hullmark.model.limit import Limit

_MAX_BYTES = Limit(64 << 20, "bytes of a CycloneDX document in XML", "refused")
_MAX_ELEMENTS = Limit(4_000_000, "elements of a CycloneDX document in XML", "refused")
_DEEPEST = Limit(40, "levels of nesting in a CycloneDX document in XML", "refused")
_IS_BOM = re.compile(rb"<(?:[A-Za-z_][\w.-]*:)?bom[\s>]").search
_PLAIN = ("group", "name", "version", "description", "publisher", "author", "purl", "cpe")
_ENTITIES = ("supplier", "manufacturer", "manufacture")

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
        about |= _about_document(metadata)
    compositions = (_child(composition, "aggregate") for composition in _children(root, "compositions", "composition"))
    aggregates = [aggregate.text or "" for aggregate in compositions if aggregate is not None]
    about_it = msgspec.convert(about, Metadata)
    document = document_of(about_it, _components(root, 0), problems, aggregates, _dependencies(root))
    document.statements.format = f"CycloneDX {_version(root)}".rstrip()
    document.statements.uri = clip_text(root.get("serialNumber", ""))
    return document


def _version(root: _Element) -> str:
    """The version that the namespace names: `http://cyclonedx.org/schema/bom/1.6`."""
    return clip_text(str(root.tag).partition("}")[0].rpartition("/")[2]) if "}" in str(root.tag) else ""


def _about_document(metadata: _Element) -> Json:
    found: Json = {}
    for child in metadata:
        name = _local(child)
        if name == "timestamp":
            found[name] = child.text or ""
        elif name in _ENTITIES:
            found[name] = _entity(child)
    authors = _children(metadata, "authors", "author")
    return {**found, "authors": [_contact(author) for author in authors]}


def _entity(element: _Element) -> Json:
    named = _child(element, "name")
    return {
        "name": named.text if named is not None else None,
        "url": [child.text or "" for child in element if _local(child) == "url"],
        "contact": [_contact(child) for child in element if _local(child) == "contact"],
    }


def _contact(element: _Element) -> Json:
    parts = ((name, _child(element, name)) for name in ("name", "email"))
    return {name: part.text if part is not None else None for name, part in parts}


def _hashes(element: _Element) -> list[Json]:
    return [{"alg": child.get("alg", "")} for child in _children(element, "hashes", "hash")]


def _references(element: _Element) -> list[Json]:
    found = []
    for reference in _children(element, "externalReferences", "reference"):
        url = _child(reference, "url")
        found.append(
            {
                "type": reference.get("type", ""),
                "url": url.text if url is not None else None,
                "hashes": _hashes(reference),
            }
        )
    return found


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
        elif name in _ENTITIES:
            found[name] = _entity(child)
        elif name == "swid":
            found[name] = {"tagId": child.get("tagId", "")}
    found["authors"] = [_contact(author) for author in _children(element, "authors", "author")]
    found["hashes"] = _hashes(element)
    found["externalReferences"] = _references(element)
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
                    "dependsOn": [child.get("ref", "") for child in dependency if _local(child) == "dependency"],
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
