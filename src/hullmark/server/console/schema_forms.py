"""Forms out of JSON schemas (https://json-schema.org/draft/2020-12), and what was filled in as a document again: settings of channels."""

from __future__ import annotations

import json
from typing import Any, Literal

import msgspec

from hullmark.server.api.problems import problem
from hullmark.server.console.forms import Fields

Kind = Literal["text", "secret", "number", "choice", "box", "lines", "pairs", "json"]

_LABELS = {"url": "Address (URL)", "api": "API's address", "api_key": "API key"}
_PREFIX = "setting-"
_LONGEST = 20_000


class SettingField(msgspec.Struct, frozen=True, kw_only=True):
    """A field of a form: the property that it sets, and how it is filled in. `value` is the one to begin with."""

    key: str
    label: str
    kind: Kind
    is_required: bool
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    hint: str = ""

    @property
    def name(self) -> str:
        """What the form calls it."""
        return f"{_PREFIX}{self.key}"


def fields_in(schema: dict[str, Any]) -> list[SettingField]:
    """A field for each property of an object, those that are required first."""
    main = schema.get("$defs", {}).get(str(schema.get("$ref", "")).rpartition("/")[2], schema)
    required = main.get("required", ())
    fields = [_field(key, told, key in required) for key, told in main.get("properties", {}).items()]
    return sorted(fields, key=lambda field: not field.is_required)


def _field(key: str, told: dict[str, Any], is_required: bool) -> SettingField:
    kind = _kind(told)
    default = told.get("default")
    return SettingField(
        key=key,
        label=_LABELS.get(key) or key.replace("_", " ").capitalize(),
        kind=kind,
        is_required=is_required and kind != "box",
        value=_format_default(kind, default),
        choices=tuple((str(word), str(word)) for word in told.get("enum", ())),
        hint=told.get("description", "") or _HINTS.get(kind, ""),
    )


_HINTS: dict[Kind, str] = {"lines": "One a line.", "pairs": "NAME: VALUE, one a line.", "json": "As JSON."}


def _kind(told: dict[str, Any]) -> Kind:
    if "enum" in told:
        return "choice"
    match told.get("type"):
        case "boolean":
            return "box"
        case "integer" | "number":
            return "number"
        case "array":
            return (
                "lines" if told.get("items", {}).get("type") == "string" or "enum" in told.get("items", {}) else "json"
            )
        case "object":
            return "json" if told.get("additionalProperties", {}).get("type", "string") not in ("string",) else "pairs"
        case "string":
            return "secret" if told.get("writeOnly") else "text"
    return "json"


def _format_default(kind: Kind, value: Any) -> str:
    if value in (None, [], {}, ()):
        return ""
    if kind == "box":
        return "yes" if value else ""
    if kind == "lines":
        return "\n".join(str(item) for item in value)
    if kind == "pairs":
        return "\n".join(f"{name}: {item}" for name, item in value.items())
    return json.dumps(value) if kind == "json" else str(value)


def settings_from(fields: list[SettingField], given: Fields) -> dict[str, Any]:
    """What was filled in; what was left empty is left out. Raises Refusal 422 for what is not as its field says."""
    settings: dict[str, Any] = {}
    for field in fields:
        value = _read(field, given)
        if value not in (None, "", [], {}) or field.kind == "box":
            settings[field.key] = value
    return settings


def _read(field: SettingField, given: Fields) -> Any:
    match field.kind:
        case "box":
            return given.is_set(field.name)
        case "lines":
            return given.lines(field.name, _LONGEST)
        case "pairs":
            return dict(_pair(field, line) for line in given.lines(field.name, _LONGEST))
        case "number":
            text = given.word(field.name)
            if text and not text.lstrip("-").isdigit():
                raise problem(422, f"{field.label.lower()} is not a number", "write it in digits")
            return int(text) if text else None
        case "json":
            return _document(field, given.word(field.name, _LONGEST))
    return given.text(field.name, _LONGEST).strip()


def _pair(field: SettingField, line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise problem(422, f"{field.label.lower()} holds a line without a colon", "write NAME: VALUE, one a line")
    return name.strip(), value.strip()


def _document(field: SettingField, text: str) -> Any:
    try:
        return json.loads(text) if text else None
    except (ValueError, RecursionError) as error:
        raise problem(422, f"{field.label.lower()} is not JSON", "correct it, or leave it empty") from error
