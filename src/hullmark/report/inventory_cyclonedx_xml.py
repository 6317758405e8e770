"""CycloneDX as XML (https://cyclonedx.org/docs/1.6/xml/): what the JSON says, in the order that the schema asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from hullmark.model.inventory import Inventory
from hullmark.report import inventory_cyclonedx_json
from hullmark.report.cyclonedx_versions import VERSIONS
from hullmark.report.format import Format, RenderContext
from hullmark.report.xml import Element, add, document

Json = dict[str, Any]

_PLAIN = ("name", "version", "description")


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """The document. Characters that XML cannot hold are written as U+FFFD. Raises HullmarkError for a version that is not written."""
    bill: Json = msgspec.to_builtins(inventory_cyclonedx_json.document_of(inventory, context))
    space = f"http://cyclonedx.org/schema/bom/{bill['specVersion']}"
    root = Element("bom", {"xmlns": space, "serialNumber": bill["serialNumber"], "version": str(bill["version"])})
    _metadata(root, bill["metadata"])
    _components(root, bill["components"])
    if "dependencies" in bill:
        _dependencies(add(root, "dependencies"), bill["dependencies"])
    _compositions(add(root, "compositions"), bill["compositions"])
    return document(root)


def _metadata(parent: Element, metadata: Json) -> None:
    element = add(parent, "metadata")
    _text(element, "timestamp", metadata.get("timestamp"))
    tools = add(element, "tools")
    if isinstance(metadata["tools"], list):
        for tool in metadata["tools"]:
            _plain(add(tools, "tool"), tool)
    else:
        _components(tools, metadata["tools"]["components"])
    _list(element, "authors", metadata.get("authors"), lambda parent, author: _contact(parent, "author", author))
    _component(element, metadata["component"])
    _entity(element, "manufacturer", metadata.get("manufacturer"))
    _properties(element, metadata.get("properties"))


def _components(parent: Element, components: Iterable[Json]) -> None:
    element = add(parent, "components")
    for component in components:
        _component(element, component)


def _component(parent: Element, component: Json) -> None:
    names: dict[str, str] = {name: component[name] for name in ("type", "bom-ref") if name in component}
    element = add(parent, "component", names)
    _entity(element, "supplier", component.get("supplier"))
    _plain(element, component)
    _list(element, "hashes", component.get("hashes"), _hash)
    _list(element, "licenses", component.get("licenses"), _license)
    _text(element, "cpe", component.get("cpe"))
    _text(element, "purl", component.get("purl"))
    _properties(element, component.get("properties"))
    if "evidence" in component:
        evidence = add(element, "evidence")
        _list(evidence, "occurrences", component["evidence"].get("occurrences"), _occurrence)
        _list(evidence, "licenses", component["evidence"].get("licenses"), _license)


def _entity(parent: Element, name: str, entity: Json | None) -> None:
    if entity is None:
        return
    element = add(parent, name)
    _text(element, "name", entity["name"])
    for url in entity.get("url", ()):
        _text(element, "url", url)
    for contact in entity.get("contact", ()):
        _contact(element, "contact", contact)


def _contact(parent: Element, name: str, contact: Json) -> None:
    element = add(parent, name)
    _text(element, "name", contact.get("name"))
    _text(element, "email", contact.get("email"))


def _plain(element: Element, values: Json) -> None:
    for name in _PLAIN:
        _text(element, name, values.get(name))


def _hash(parent: Element, digest: Json) -> None:
    add(parent, "hash", {"alg": digest["alg"]}, digest["content"])


def _license(parent: Element, choice: Json) -> None:
    told = choice.get("license", choice)
    names = {"acknowledgement": told["acknowledgement"]} if "acknowledgement" in told else {}
    if "expression" in choice:
        add(parent, "expression", names, choice["expression"])
        return
    element = add(parent, "license", names)
    _text(element, "id", told.get("id"))
    _text(element, "name", told.get("name"))
    if "text" in told:
        add(element, "text", {"content-type": told["text"]["contentType"]}, told["text"]["content"])


def _occurrence(parent: Element, occurrence: Json) -> None:
    _text(add(parent, "occurrence"), "location", occurrence["location"])


def _properties(parent: Element, properties: Iterable[Json] | None) -> None:
    _list(parent, "properties", properties, _property)


def _property(parent: Element, entry: Json) -> None:
    add(parent, "property", {"name": entry["name"]}, entry["value"])


def _dependencies(element: Element, dependencies: Iterable[Json]) -> None:
    for entry in dependencies:
        dependent = add(element, "dependency", {"ref": entry["ref"]})
        for ref in entry.get("dependsOn", ()):
            add(dependent, "dependency", {"ref": ref})


def _compositions(element: Element, compositions: Iterable[Json]) -> None:
    for entry in compositions:
        composition = add(element, "composition")
        _text(composition, "aggregate", entry["aggregate"])
        assemblies = add(composition, "assemblies")
        for ref in entry["assemblies"]:
            add(assemblies, "assembly", {"ref": ref})


def _list(parent: Element, name: str, entries: Iterable[Json] | None, write: Callable[[Element, Json], None]) -> None:
    """A list, which is left out where it is empty."""
    if entries:
        element = add(parent, name)
        for entry in entries:
            write(element, entry)


def _text(parent: Element, name: str, text: str | None) -> None:
    if text is not None:
        add(parent, name, {}, text)


FORMAT = Format(
    kind="inventory",
    name="cyclonedx-xml",
    media_type="application/vnd.cyclonedx+xml; version=1.6",
    file_name="bom.cdx.xml",
    render=render,
    is_single=True,
    tells_relations=True,
    tells_licences=True,
    spec_versions=VERSIONS,
)
