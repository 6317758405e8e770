"""Parameters of Anchore's triggers: what each accepts, and what its text means.

Values are texts in Anchore's documents, even numbers and booleans. What the original refuses is refused; where the original is stricter
than needed (quirks Q8, Q13, Q20), the native profile is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hullmark.model.limit import Limit

MAX_VALUE = Limit(100_000, "characters of a parameter in Anchore's language", "refused")

_INTEGER = re.compile(r"\s*[0-9]{1,18}\s*").fullmatch
_NUMBER = re.compile(r"\s*-*[0-9]*(\.[0-9]*)?\s*").fullmatch
_PLAIN_NUMBER = re.compile(r"\s*-?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})\s*").fullmatch


class Kind(StrEnum):
    """The form that the text of a value must have."""

    TEXT = "a text"
    FLAG = "true or false"
    INTEGER = "a whole number of digits"
    NUMBER = "a number"
    CHOICE = "one of a few words"
    TEXTS = "texts with commas between"
    LOOSE_TEXTS = "texts, with commas between"
    INTEGERS = "whole numbers with commas between"


class BadValue(ValueError):
    """A text that is not of the required kind. `quirk` names the quirk without which it would be accepted; `problem_type` is the original's
    term.
    """

    def __init__(self, reason: str, quirk: str = "", problem_type: str = "ParameterValueInvalidError") -> None:
        super().__init__(reason)
        self.quirk = quirk
        self.problem_type = problem_type


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter. `aliases` are other names. `any_case`: a choice may be written in small letters too (in the native profile).

    `is_addition`: the original does not know the parameter, so the compat profile refuses it.
    """

    name: str
    kind: Kind = Kind.TEXT
    is_required: bool = False
    choices: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    any_case: bool = False
    is_addition: bool = False
    about: str = ""

    def expected(self) -> str:
        """The expected value, in words for people."""
        return f"one of {', '.join(self.choices)}" if self.kind is Kind.CHOICE else self.kind.value


@dataclass(frozen=True, slots=True)
class Values:
    """The values of a rule's parameters by name. Parameters that were not given are absent.

    `bare_false` names those given as JSON's false. Where the original checks whether they were given, it treats them as not given.
    """

    given: dict[str, Any]
    bare_false: frozenset[str] = frozenset()

    def has(self, name: str) -> bool:
        """Whether it was given."""
        return name in self.given

    def text(self, name: str, default: str = "") -> str:
        """A text or choice."""
        return str(self.given.get(name, default))

    def flag(self, name: str, *, default: bool = False) -> bool:
        """A boolean."""
        return bool(self.given.get(name, default))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(self.given.get(name, ()))

    def integer(self, name: str) -> int | None:
        """A whole number; None if it was not given."""
        value = self.given.get(name)
        return value if isinstance(value, int) else None

    def number(self, name: str) -> float | None:
        """A number; None if it was not given."""
        value = self.given.get(name)
        return value if isinstance(value, float) else None


def read_value(parameter: Parameter, raw: object) -> tuple[Any, BadValue | None]:
    """The value, and the original's objection to it if that can be overlooked. Raises BadValue if it cannot."""
    text, objection = _text(parameter, raw)
    if len(text) > MAX_VALUE:
        raise BadValue(f"expected at most {MAX_VALUE} characters")
    value, other = _READERS[parameter.kind](parameter, text)
    return value, objection or other


def _text(parameter: Parameter, raw: object) -> tuple[str, BadValue | None]:
    if isinstance(raw, str):
        return raw, None
    if isinstance(raw, bool):
        text = "true" if raw else "false"
        # The original accepts real booleans for boolean parameters, and fails on them later.
        return text, None if parameter.kind is Kind.FLAG else BadValue("expected a text in quotes", "Q20")
    if isinstance(raw, int | float):
        return str(raw), BadValue("expected a text: write the number in quotes", "Q20")
    raise BadValue(f"expected {parameter.expected()}" + ("" if parameter.kind is Kind.TEXT else ", as a text"))


_Read = tuple[Any, BadValue | None]


def _read_text(parameter: Parameter, text: str) -> _Read:
    return text, None


def _read_flag(parameter: Parameter, text: str) -> _Read:
    if text.lower() not in ("true", "false"):
        raise BadValue(f"expected true or false, not {text[:60]!r}")
    return text.lower() == "true", None


def _read_integer(parameter: Parameter, text: str) -> _Read:
    if _INTEGER(text) is None:
        raise BadValue(f"expected a whole number of digits, not {text[:60]!r}")
    return int(text), None


def _read_number(parameter: Parameter, text: str) -> _Read:
    if _PLAIN_NUMBER(text) is not None:
        return float(text), None
    # The original accepts these as numbers and fails on them when it judges (Q41).
    kind = "ValueError" if _NUMBER(text) is not None else "ParameterValueInvalidError"
    raise BadValue(f"expected a number, not {text[:60]!r}", problem_type=kind)


def _read_choice(parameter: Parameter, text: str) -> _Read:
    if text in parameter.choices:
        return text, None
    reason = f"expected {parameter.expected()}, not {text[:60]!r}"
    spelled = text.strip().upper()
    if parameter.any_case and spelled in parameter.choices:
        return spelled, BadValue(reason, "Q8")
    raise BadValue(reason)


def _read_texts(parameter: Parameter, text: str) -> _Read:
    parts = text.split(",")
    found = tuple(part.strip() for part in parts)
    if all(found):
        return found, None
    # The original accepts a blank as a text, but not an empty one; and it strips the whole value before it splits at commas.
    return found, BadValue("expected texts with commas between; one of them is empty", "!QS3" if all(parts) else "")


def _read_loose_texts(parameter: Parameter, text: str) -> _Read:
    return tuple(part.strip() for part in text.split(",")), None


def _read_integers(parameter: Parameter, text: str) -> _Read:
    parts = [part.strip() for part in text.split(",")]
    for part in parts:
        if _INTEGER(part) is None:
            objection = BadValue(f"expected whole numbers with commas between, not {part[:60]!r}")
            if part != "*" or parameter.name != "ports":
                raise objection
    return tuple("0" if part == "*" else str(int(part)) for part in parts), (
        BadValue("expected whole numbers with commas between, not '*'", "Q11") if "*" in parts else None
    )


_READERS = {
    Kind.TEXT: _read_text,
    Kind.FLAG: _read_flag,
    Kind.INTEGER: _read_integer,
    Kind.NUMBER: _read_number,
    Kind.CHOICE: _read_choice,
    Kind.TEXTS: _read_texts,
    Kind.LOOSE_TEXTS: _read_loose_texts,
    Kind.INTEGERS: _read_integers,
}
