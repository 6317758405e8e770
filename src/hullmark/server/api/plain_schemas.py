"""Schemas of the API's description, put right where the framework makes something else of a type than JSON does."""

from __future__ import annotations

from typing import Any


def as_array(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type that JSON has as an array of its fields, which may end early where the rest is as usual."""
    kept = {name: value for name, value in schema.items() if name not in ("type", "properties", "required")}
    fields = list(schema["properties"].values())
    bounds = {"minItems": len(schema.get("required", ())), "maxItems": len(fields)}
    return {**kept, "type": "array", "prefixItems": fields, "items": False, **bounds}


def make_plain_list(schema: dict[str, Any]) -> None:
    """`tuple[T, ...]` is a list of T: what Litestar makes of the dots is anything at all beside it."""
    items = schema.get("items")
    if isinstance(items, dict) and len(choices := items.get("oneOf", ())) == 2 and choices[1] == {}:
        schema["items"] = choices[0]


def plain_parameter(parameter: dict[str, Any]) -> dict[str, Any]:
    """A parameter without what goes without saying."""
    kept = {name: value for name, value in parameter.items() if value is not False or name == "required"}
    schema = kept.get("schema")
    if isinstance(schema, dict) and schema.get("description") == kept.get("description"):
        kept["schema"] = {name: value for name, value in schema.items() if name != "description"}
    return kept
