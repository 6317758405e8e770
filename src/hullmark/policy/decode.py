"""Documents → typed values. Every mistake is collected, with its place, the expected value, and the nearest valid name."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from hullmark.policy.document import Node
from hullmark.policy.values import Value

_INTEGER = re.compile(r"-?[0-9]{1,18}").fullmatch
_BOOLEANS = {"true": True, "false": False, "yes": True, "no": False}
_SHOWN = 60
S = TypeVar("S", bound=msgspec.Struct)


class Mistake(msgspec.Struct, frozen=True, order=True):
    """A mistake in a document: where it is (`rules[3].params.mode`), in which line (0: unknown), and what was expected.

    `file` names the document if there are several.
    """

    line: int
    where: str
    reason: str
    file: str = ""

    def __str__(self) -> str:
        line = f"line {self.line}" if self.line else ""
        place = ", ".join(part for part in (self.file, line) if part)
        place = f"{place}: " if place else ""
        return f"{place}{self.where or 'the policy'}: {self.reason}"


@dataclass(slots=True)
class Mistakes:
    """Collects mistakes. `file` is the document being read, "" if it is the only one."""

    found: list[Mistake] = field(default_factory=list)
    file: str = ""

    def add(self, node: Node, where: str, reason: str) -> None:
        """Record a mistake."""
        self.found.append(Mistake(node.line, where, reason, self.file))


class _Wrong:
    """Placeholder for a value that could not be read; the reason is among the mistakes."""


_WRONG = _Wrong()


def nearest(name: str, names: Iterable[str]) -> str:
    """`; did you mean …?` with the nearest of the names or, if none is near, all of them."""
    known = sorted(names)
    close = difflib.get_close_matches(name[:100], known, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(known)}" if known else ""


def read_struct(node: Node, kind: type[S], where: str, mistakes: Mistakes) -> S | None:
    """Read a Struct from a mapping; None if it has mistakes. A missing mapping counts as an empty one."""
    made = _struct(node, kind, where, mistakes)
    return None if isinstance(made, _Wrong) else made


@cache
def _fields_of(kind: type[msgspec.Struct]) -> Mapping[str, msgspec.structs.FieldInfo]:
    """The fields of a Struct by name. Cached, because finding them takes longer than everything else done for a rule."""
    return {known.name: known for known in msgspec.structs.fields(kind)}


def _struct(node: Node, kind: type[S], where: str, mistakes: Mistakes) -> S | _Wrong:
    entries = {} if node.value is None else node.value
    if not isinstance(entries, dict):
        mistakes.add(node, where, f"expected a mapping, not {_describe_node(node)}")
        return _WRONG
    fields = _fields_of(kind)
    before = len(mistakes.found)
    values: dict[str, Any] = {}
    for name, entry in entries.items():
        if name in fields:
            values[name] = _value(entry, fields[name].type, _below(where, name), mistakes)
        else:
            mistakes.add(entry, _below(where, name[:_SHOWN]), f"there is no such key{nearest(name, fields)}")
    for name, known in fields.items():
        if known.required and name not in entries:
            mistakes.add(node, _below(where, name), f"is missing; expected {kind_of(known.type)}")
    if len(mistakes.found) > before:
        return _WRONG
    try:
        return kind(**values)
    except ValueError as error:
        mistakes.add(node, where, str(error))
        return _WRONG


def _value(node: Node, kind: Any, where: str, mistakes: Mistakes) -> Any:
    kind, bounds = _unwrap_type(kind)
    if kind is Node:
        return node
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        options = [option for option in inner if option is not type(None)]
        return None if node.value is None else _value(node, options[0], where, mistakes)
    if origin is tuple:
        return _list(node, inner[0], where, mistakes)
    if origin is dict:
        return _mapping(node, inner[1], where, mistakes)
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return _struct(node, kind, where, mistakes)
    if not isinstance(node.value, str):
        mistakes.add(node, where, f"expected {kind_of(kind)}, not {_describe_node(node)}")
        return _WRONG
    try:
        return _within(_scalar(node.value, kind), bounds)
    except ValueError as error:
        mistakes.add(node, where, str(error))
        return _WRONG


def _unwrap_type(kind: Any) -> tuple[Any, msgspec.Meta | None]:
    """The type inside an Annotated, and its Meta if that sets bounds."""
    if get_origin(kind) is not Annotated:
        return kind, None
    inner, *notes = get_args(kind)
    metas = [note for note in notes if isinstance(note, msgspec.Meta)]
    return inner, next((meta for meta in metas if meta.ge is not None or meta.le is not None), None)


def _within(value: Any, bounds: msgspec.Meta | None) -> Any:
    if bounds is None or (bounds.ge or 0) <= value <= (value if bounds.le is None else bounds.le):
        return value
    raise ValueError(f"expected a whole number from {bounds.ge or 0} to {bounds.le}, not {value}")


def _list(node: Node, kind: Any, where: str, mistakes: Mistakes) -> Any:
    if not isinstance(node.value, list):
        mistakes.add(node, where, f"expected a list, not {_describe_node(node)}")
        return _WRONG
    return tuple(_value(item, kind, f"{where}[{index}]", mistakes) for index, item in enumerate(node.value))


def _mapping(node: Node, kind: Any, where: str, mistakes: Mistakes) -> Any:
    if not isinstance(node.value, dict):
        mistakes.add(node, where, f"expected a mapping, not {_describe_node(node)}")
        return _WRONG
    return {name: _value(entry, kind, _below(where, name[:_SHOWN]), mistakes) for name, entry in node.value.items()}


def _scalar(text: str, kind: Any) -> Any:
    """One value from its text. Raises ValueError, with a sentence, for an invalid one."""
    if get_origin(kind) is Literal:
        return _one_of(text, {str(choice): choice for choice in get_args(kind)})
    if issubclass(kind, Enum):
        return _one_of(text, {str(choice.value): choice for choice in kind})
    if issubclass(kind, Value):
        return kind(text)
    return _SCALARS[kind](text)


def _one_of(text: str, choices: dict[str, Any]) -> Any:
    if text not in choices:
        raise ValueError(f"expected one of {', '.join(sorted(choices))}, not {text[:_SHOWN]!r}")
    return choices[text]


def _integer(text: str) -> int:
    if _INTEGER(text) is None:
        raise ValueError(f"expected a whole number, not {text[:_SHOWN]!r}")
    return int(text)


def _boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError(f"expected true or false, not {text[:_SHOWN]!r}")
    return _BOOLEANS[text.lower()]


_SCALARS: dict[Any, Callable[[str], Any]] = {int: _integer, bool: _boolean, str: str}
_KINDS = {int: "a whole number", bool: "true or false", str: "a text"}


def kind_of(kind: Any) -> str:
    """A type in words."""
    kind, _ = _unwrap_type(kind)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return kind_of(inner[0])
    if origin is tuple:
        return f"a list, each {kind_of(inner[0])}"
    if origin is dict:
        return f"a mapping of names, each to {kind_of(inner[1])}"
    if origin is Literal:
        return f"one of {', '.join(sorted(map(str, inner)))}"
    if issubclass(kind, Enum):
        return f"one of {', '.join(sorted(str(choice.value) for choice in kind))}"
    if issubclass(kind, Value):
        return str(kind.kind)
    return _KINDS.get(kind, "a mapping")


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _describe_node(node: Node) -> str:
    if node.value is None:
        return "nothing"
    if isinstance(node.value, str):
        return repr(node.value[:_SHOWN])
    return "a list" if isinstance(node.value, list) else "a mapping"
