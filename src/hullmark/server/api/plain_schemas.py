"""Corrects schemas of the API's description where the framework describes a type in another way than JSON has it."""

from __future__ import annotations

from typing import Any


def as_array(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type that is an array of its fields in JSON. Trailing fields that have their defaults may be missing."""
    kept = {name: value for name, value in schema.items() if name not in ("type", "properties", "required")}
    fields = list(schema["properties"].values())
    bounds = {"minItems": len(schema.get("required", ())), "maxItems": len(fields)}
    return {**kept, "type": "array", "prefixItems": fields, "items": False, **bounds}


def make_plain_list(schema: dict[str, Any]) -> None:
    """Makes `tuple[T, ...]` a list of T. Litestar reads the dots as a second type that allows anything."""
    items = schema.get("items")
    if isinstance(items, dict) and len(choices := items.get("oneOf", ())) == 2 and choices[1] == {}:
        schema["items"] = choices[0]


def plain_parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter without fields that are false, and without a description that its schema repeats."""
    kept = {name: value for name, value in parameter.items() if value is not False or name == "required"}
    schema = kept.get("schema")
    if isinstance(schema, dict) and schema.get("description") == kept.get("description"):
        kept["schema"] = {name: value for name, value in schema.items() if name != "description"}
    return kept
