"""The syntax tree of a regular expression, from Python's own parser, so that the language is the same by construction."""

from __future__ import annotations

import re
import warnings
from importlib import import_module
from typing import Any

# The parser has no public name, and no other parser reads the same language.
_PARSER: Any = import_module("re._parser")

_CATEGORIES = {
    "CATEGORY_DIGIT": r"\d", "CATEGORY_NOT_DIGIT": r"\D", "CATEGORY_SPACE": r"\s",
    "CATEGORY_NOT_SPACE": r"\S", "CATEGORY_WORD": r"\w", "CATEGORY_NOT_WORD": r"\W",
}  # fmt: skip
_PLACES = {
    "AT_BEGINNING": "^", "AT_BEGINNING_STRING": r"\A", "AT_END": "$", "AT_END_STRING": r"\Z",
    "AT_BOUNDARY": r"\b", "AT_NON_BOUNDARY": r"\B",
}  # fmt: skip

Node = tuple[Any, Any]

ONE_CHARACTER = frozenset(("LITERAL", "NOT_LITERAL", "ANY", "IN"))
REPETITIONS = frozenset(("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"))


def parse(text: str) -> tuple[list[Node], int]:
    """The tree, and the flags that apply from its start. Raises re.error, RecursionError or OverflowError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = _PARSER.parse(text)
    return list(tree), int(tree.state.flags)


def kind_of(node: Node) -> str:
    """The name of a node's kind."""
    return str(node[0])


def group_of(value: Any, flags: int) -> tuple[list[Node], int]:
    """The nodes in a group, and the flags that apply in it."""
    _, added, removed, inner = value
    return list(inner), (flags | added) & ~removed


def character_source(node: Node) -> str:
    """An expression for a node that matches one character."""
    kind, value = kind_of(node), node[1]
    if kind == "ANY":
        return "."
    if kind == "LITERAL":
        return _escape_character(value)
    if kind == "NOT_LITERAL":
        return f"[^{_escape_character(value)}]"
    return "[" + "".join(_member(kind_of(item), item[1]) for item in value) + "]"


def place_source(value: Any) -> str:
    """An expression for a place: `^`, `$` and the like."""
    return _PLACES[str(value)]


def flags_of(flags: int) -> int:
    """The flags that matter for one character or place."""
    return flags & int(re.IGNORECASE | re.MULTILINE | re.DOTALL | re.ASCII)


def _member(kind: str, value: Any) -> str:
    if kind == "NEGATE":
        return "^"
    if kind == "LITERAL":
        return _escape_character(value)
    if kind == "RANGE":
        return f"{_escape_character(value[0])}-{_escape_character(value[1])}"
    return _CATEGORIES[str(value)]


def _escape_character(code: int) -> str:
    return f"\\U{code:08x}"
