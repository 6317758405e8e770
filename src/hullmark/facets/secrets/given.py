"""Secrets by the name that they are given to: what a variable is called, and what it is given."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from hullmark.facets.secrets.kind import is_placeholder

_NAME = re.compile(
    r"(?:^|[_.-])(?:password|passwd|passphrase|secret|token|credentials?|api_?key|access_?key|secret_?key|private_?key)(?:$|[_.-]?[0-9]*$)",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(r"(?:^|[\s|\"'])([A-Za-z_][A-Za-z0-9_.-]{0,99})=(?:\"([^\"]*)\"|'([^']*)'|([^\s\"']+))")
_NO_VALUES = frozenset(("", "true", "false", "yes", "no", "none", "null", "0", "1"))


def is_secrets_name(name: str) -> bool:
    """Whether a variable, a label or an argument is called as those are that hold a secret."""
    return _NAME.search(name) is not None


def is_switch_or_place(value: str) -> bool:
    """Whether a value only turns something on or off, or says where something is."""
    return value.lower() in _NO_VALUES or value.startswith(("/", "file:"))


class GivenSecret(NamedTuple):
    """A secret, the name it is assigned to, and where the value begins."""

    name: str
    start: int
    value: str


def find_given_secrets(text: str) -> Iterator[GivenSecret]:
    """Each value in a text whose name says that it is a secret."""
    for found in _ASSIGNED.finditer(text):
        group = next((number for number in (2, 3, 4) if found[number]), 0)
        if group and is_secrets_name(found[1]) and _is_value(found[group].strip()):
            yield GivenSecret(found[1], found.start(group), found[group])


def _is_value(value: str) -> bool:
    return not is_switch_or_place(value) and not is_placeholder(value.encode("utf-8", "replace"))
