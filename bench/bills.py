"""What the libraries of the formats' makers say of a bill of materials, and the licence expressions in it."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from cyclonedx.validation.xml import XmlValidator
from defusedxml.ElementTree import fromstring
from license_expression import ExpressionError, get_spdx_licensing  # type: ignore[import-untyped]
from spdx_python_model import v3_0_1 as model
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.parser.tagvalue import parser as tag_value
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

_LICENSING = get_spdx_licensing()
# Else it reads SPDX's list anew for each expression: a minute for a thousand packages.
vars(tag_value)["get_spdx_licensing"] = lambda: _LICENSING
_REFERENCE = re.compile(r"LicenseRef-[A-Za-z0-9.\-]+").fullmatch

Said = tuple[list[str], list[str]]
"""What is not valid, and the licence expressions."""


def unread_expressions(expressions: Iterable[str]) -> Iterator[str]:
    """Those that license-expression cannot read: broken ones, and ones with a name that is neither SPDX's nor a reference."""
    for expression in sorted(set(expressions)):
        try:
            names = _LICENSING.unknown_license_keys(expression, unique=True)
        except ExpressionError:
            yield expression
            continue
        if not all(map(_REFERENCE, names)):
            yield expression


def _cyclonedx_json(file: Path, version: str) -> Said:
    text = file.read_text()
    complaint = JsonStrictValidator(SchemaVersion.from_version(version)).validate_str(text)
    document = json.loads(text)
    expressions = [choice.get("expression") or choice["license"].get("id", "") for choice in _choices(document)]
    invalid = [*([] if complaint is None else [str(complaint)]), *_unresolved(document)]
    return invalid, [expression for expression in expressions if expression]


def _choices(part: Any) -> Iterator[dict[str, Any]]:
    """Every licence choice of a document or of a part of it."""
    if isinstance(part, dict):
        choices = part.get("licenses")
        if isinstance(choices, list):
            yield from choices
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from _choices(each)


def _unresolved(document: dict[str, Any]) -> Iterator[str]:
    """References to components that the document does not have, and names that two have: what the schema of JSON cannot say."""
    names = [
        document["metadata"]["component"]["bom-ref"],
        *(component["bom-ref"] for component in document.get("components", ())),
    ]
    yield from (f"two components have the bom-ref {name}" for name, count in Counter(names).items() if count > 1)
    for dependency in document.get("dependencies", ()):
        yield from (
            f"no component has the bom-ref {name}"
            for name in {dependency["ref"], *dependency.get("dependsOn", ())} - set(names)
        )


def _cyclonedx_xml(file: Path, version: str) -> Said:
    text = file.read_text()
    complaint = XmlValidator(SchemaVersion.from_version(version)).validate_str(text)
    space = {"": f"http://cyclonedx.org/schema/bom/{version}"}
    choices = list(fromstring(text).iterfind(".//licenses", space))
    found = [
        each.text or "" for path in ("expression", "license/id") for of in choices for each in of.iterfind(path, space)
    ]
    return ([] if complaint is None else [str(complaint)]), found


def _spdx_2(file: Path, _version: str) -> Said:
    named = file.rename(file.with_suffix(".spdx.json" if "json" in file.name else ".spdx"))
    document = parse_file(str(named))
    named.rename(file)
    complaints = [message.validation_message for message in validate_full_spdx_document(document)]
    licences = [
        getattr(package, field) for package in document.packages for field in ("license_declared", "license_concluded")
    ]
    texts = [str(licence) for licence in licences if licence is not None]
    return complaints, [text for text in texts if text not in ("NOASSERTION", "NONE")]


def _spdx_3(file: Path, _version: str) -> Said:
    """Reading asks for known types, properties and forms; linking for all that is referred to; writing for what each must have."""
    elements = model.SHACLObjectSet()
    try:
        model.JSONLDDeserializer().read(io.BytesIO(file.read_bytes()), elements)
        complaints = [f"nothing has the spdxId {name}" for name in sorted(elements.link())]
        model.JSONLDSerializer().serialize_data(elements)
    except (ValueError, TypeError, KeyError) as error:
        return [str(error)], []
    licences = elements.foreach_type(model.simplelicensing_LicenseExpression)
    return complaints, [licence.simplelicensing_licenseExpression or "" for licence in licences]


VALIDATORS: dict[str, Callable[[Path, str], Said]] = {
    "cyclonedx-json": _cyclonedx_json,
    "cyclonedx-xml": _cyclonedx_xml,
    "spdx-json": _spdx_2,
    "spdx-tag-value": _spdx_2,
    "spdx3-json": _spdx_3,
}
