"""What rules can be made of, for people and for editors: rows about the triggers, and the JSON schema of native policies."""

from __future__ import annotations

import inspect
from inspect import cleandoc
from typing import Annotated, Any, get_args, get_origin

import msgspec

from hullmark.model.verdict import Action
from hullmark.policy.decode import kind_of
from hullmark.policy.gate import Trigger
from hullmark.policy.gates import TRIGGERS
from hullmark.policy.rollout import Grace, Selector, Stage
from hullmark.policy.rules import NATIVE_SCHEMA, PolicyException, WhenUnknown, encode_value
from hullmark.policy.values import Value


class ParamRow(msgspec.Struct, frozen=True, kw_only=True):
    """A parameter: its name, the values it takes in words, whether it is required, its default (as JSON), and its meaning."""

    name: str
    takes: str
    required: bool
    default: str
    description: str


class TriggerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger: when it fires, its parameters, which facts it needs, and its module."""

    gate: str
    trigger: str
    description: str
    params: tuple[ParamRow, ...]
    needs: tuple[str, ...]
    module: str


def describe() -> tuple[TriggerRow, ...]:
    """A row for each trigger, sorted by gate and name."""
    rows = [
        TriggerRow(
            gate=trigger.gate,
            trigger=trigger.name,
            description=inspect.getdoc(trigger.params) or "",
            params=params_of(trigger.params),
            needs=tuple(sorted(trigger.needs)),
            module=trigger.check.__module__,
        )
        for trigger in TRIGGERS
    ]
    return tuple(sorted(rows, key=lambda row: (row.gate, row.trigger)))


def params_of(kind: type[msgspec.Struct]) -> tuple[ParamRow, ...]:
    """A row for each key in the written form of a struct."""
    return tuple(_param(field) for field in msgspec.structs.fields(kind))


def _param(field: msgspec.structs.FieldInfo) -> ParamRow:
    default = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
    return ParamRow(
        name=field.name,
        takes=kind_of(field.type),
        required=field.required,
        default="" if field.required else msgspec.json.encode(default, enc_hook=encode_value).decode(),
        description=_description(field.type),
    )


def _description(kind: Any) -> str:
    """The descriptions in a type's nested Annotated, innermost first."""
    if get_origin(kind) is not Annotated:
        return ""
    inner, *notes = get_args(kind)
    own = [note.description for note in notes if isinstance(note, msgspec.Meta) and note.description]
    return " ".join(filter(None, (_description(inner), *own)))


def policy_schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12) of native policies. It is generated from the triggers, so it is never out of date.

    It describes a document that is a complete policy; a document in a folder may leave the name or the rules to other documents.
    """
    rules = {"type": "array", "items": {"oneOf": [_rule_schema(trigger) for trigger in TRIGGERS]}}
    components: dict[str, Any] = {"exception": _schema_of(PolicyException), "rules": rules, "rule_set": _SET}
    components |= {"selector": _schema_of(Selector), "grace": _schema_of(Grace)}
    for trigger in TRIGGERS:
        components[_component(trigger)] = _schema_of(trigger.params)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{NATIVE_SCHEMA.replace('/', ':')}",
        "title": "Hullmark policy",
        "type": "object",
        "additionalProperties": False,
        "required": ["schema", "name"],
        "anyOf": [{"required": ["rules"]}, {"required": ["rule_sets"]}],
        "properties": {
            "schema": {"const": NATIVE_SCHEMA},
            "name": {"type": "string", "minLength": 1},
            "version": {"type": ["string", "number"]},
            "description": {"type": "string"},
            "stage": _STAGE,
            "rules": {"$ref": "#/$defs/rules", "minItems": 1},
            "rule_sets": {"type": "object", "additionalProperties": {"$ref": "#/$defs/rule_set"}},
            "apply": {"type": "array", "items": {"$ref": "#/$defs/selector"}},
            "unmatched": {"enum": [action.value for action in Action]},
            "grace": {"$ref": "#/$defs/grace"},
            "exceptions": {"type": "array", "items": {"$ref": "#/$defs/exception"}},
        },
        "$defs": components,
    }


_RULES = {"$ref": "#/$defs/rules"}
_STAGE = {"enum": [stage.value for stage in Stage]}
_SET: dict[str, Any] = {
    "oneOf": [
        _RULES,
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["rules"],
            "properties": {"rules": _RULES, "stage": _STAGE, "description": {"type": "string"}},
        },
    ]
}


def _component(trigger: Trigger[Any]) -> str:
    return f"params.{trigger.full_name}"


def _rule_schema(trigger: Trigger[Any]) -> dict[str, Any]:
    must = [field.name for field in msgspec.structs.fields(trigger.params) if field.required]
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["id", "gate", "trigger", "action", *(["params"] if must else [])],
        "properties": {
            "id": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"},
            "gate": {"const": trigger.gate},
            "trigger": {"const": trigger.name},
            "action": {"enum": [action.value for action in Action]},
            "params": {"$ref": f"#/$defs/{_component(trigger)}"},
            "message": {"type": "string"},
            "when_unknown": {"enum": [unknown.value for unknown in WhenUnknown]},
            "source": {"type": "string"},
        },
    }


def _schema_of(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """A self-contained schema, with references replaced by what they refer to."""
    (schema,), components = msgspec.json.schema_components([kind], schema_hook=_value_schema)
    inlined: dict[str, Any] = _inline(schema, components)
    return inlined


def _inline(schema: Any, components: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inline(components[schema["$ref"].rpartition("/")[2]], components)
        inlined = {key: _inline(value, components) for key, value in schema.items()}
        # Before Python 3.13, docstrings keep the indentation of the code around them.
        if isinstance(inlined.get("description"), str):
            inlined["description"] = cleandoc(inlined["description"])
        return inlined
    if isinstance(schema, list):
        return [_inline(value, components) for value in schema]
    return schema


def _value_schema(kind: type) -> dict[str, Any]:
    if not issubclass(kind, Value):
        raise TypeError(f"a {kind.__name__} has no schema")
    # Editors read `80` and `1.2` as numbers; policies keep them as the texts that were written.
    return {"type": ["string", "number"], "description": kind.kind, **kind.schema}
