"""The native rules that replace an Anchore policy's rules, and how Anchore's names, paths and expressions are written in native
policies.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from hullmark.policy.anchore.regexes import expression
from hullmark.policy.anchore.select import Wildcard
from hullmark.policy.globs import PathGlob
from hullmark.policy.values import Pattern, Versions

FIRE = "fire"
"""Stands for `when_unknown`: what the rule does where it fires."""

_WILD = re.compile(r"[*?]")
_REGEXP = "regexp:"
_PIECE = re.compile(r"\\([^A-Za-z0-9])|(\.\*)|(\.)|([A-Za-z0-9_/:-])")
_OCTAL = re.compile(r"\\0[0-7]")
_ESCAPES = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|.)", re.DOTALL)
_ANY_CASE = "(?i)"
_MAX_ID = 2**32 - 1

Params = dict[str, Any]


class NoEqual(Exception):
    """There is no native equivalent; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class Native:
    """A native rule: gate, trigger, parameters, and `when_unknown`: the outcome if the rule cannot be decided ("" for the verdict
    unknown).
    """

    gate: str
    trigger: str
    params: Params = field(default_factory=dict)
    when_unknown: str = ""


def plain(text: str) -> str:
    """The name, if it is not a pattern in native policies. Raises NoEqual if it is."""
    if _WILD.search(text) or not text:
        raise NoEqual(f"the name {text!r} would be a pattern here")
    return text


def several(text: str) -> list[str]:
    """The names in a comma-separated list. Raises NoEqual."""
    return [plain(part.strip()) for part in text.split(",")]


def literal_path(text: str) -> str:
    """A path that matches exactly one file. Raises NoEqual if it does not."""
    try:
        is_path = text.startswith("/") and not text.endswith("/") and PathGlob(text).is_literal
    except ValueError:
        is_path = False
    if not is_path:
        raise NoEqual(f"{text[:100]!r} is not a path from the root, or would be a pattern here")
    return text


def numbers(texts: tuple[str, ...]) -> list[int]:
    """Numeric ids of users or groups. Raises NoEqual."""
    if any(int(text) > _MAX_ID for text in texts):
        raise NoEqual("there are no users or groups of such numbers")
    return [int(text) for text in texts]


def at_start(text: str) -> str:
    r"""The native expression that matches what a Python expression matches at the start of a text. Raises NoEqual.

    Classes (`\w`, `\d`, `\s`) and `(?i)` apply to ASCII only in native policies.
    """
    is_any_case = text.startswith(_ANY_CASE)
    body = text.removeprefix(_ANY_CASE)
    made = f"{_ANY_CASE if is_any_case else ''}^(?:{_ESCAPES.sub(_as_here, body)})"
    try:
        expression(text)
        Pattern(made)
    except ValueError as error:
        raise NoEqual(f"its expression cannot be had here: {error}") from error
    if _OCTAL.search(text):
        raise NoEqual("its expression has octal numbers, which mean something else here")
    return made


def _as_here(escape: re.Match[str]) -> str:
    """An escape of Python's, written for RE2."""
    if escape[1]:
        return f"\\x{{{escape[1]}}}"
    return r"\z" if escape[0] == r"\Z" else escape[0]


def build_version_condition(operator: str, version: str) -> str:
    """A condition on versions. Raises NoEqual."""
    text = f"{operator} {version}"
    try:
        Versions(text)
    except ValueError as error:
        raise NoEqual(f"{version[:60]!r} is not a version: {error}") from error
    if len(version.split()) != 1 or not {",", "|"}.isdisjoint(version):
        raise NoEqual(f"{version[:60]!r} is not a version")
    return text


def glob_of(wildcard: Wildcard) -> str:
    """The glob for a wildcard on names. Raises NoEqual."""
    if wildcard.is_regexp:
        return _glob_of_expression(wildcard.text[len(_REGEXP) :])
    if "?" in wildcard.text or not wildcard.text:
        raise NoEqual(f"{wildcard.text!r} is not a pattern with * alone")
    return wildcard.text


def _glob_of_expression(text: str) -> str:
    """The glob for an expression of letters, `.` and `.*` that is matched at the start."""
    body, end = text.removeprefix("^"), "*"
    if body.endswith("$") and not body.endswith("\\$"):
        body, end = body[:-1], ""
    pieces, at = [], 0
    while at < len(body):
        found = _PIECE.match(body, at)
        if found is None or found[1] in ("*", "?"):
            raise NoEqual(f"the expression {text!r} cannot be written with * and ?")
        pieces.append("*" if found[2] else "?" if found[3] else found[1] or found[4])
        at = found.end()
    if not end and (not pieces or pieces[-1] == "*"):
        end = "*" if pieces else ""
    glob = "".join(pieces).removesuffix("*") + end
    if not glob:
        raise NoEqual("nothing that has a name fits")
    return glob
