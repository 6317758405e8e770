"""Compares values of settings: switches in their many spellings, and amounts with units."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from hullmark.model.setting import Value as SettingValue
from hullmark.policy.values import NameGlob, Value

_ON = ("yes", "on", "true", "1")
_OFF = ("no", "off", "false", "0")
_AMOUNT = re.compile(r"([+-]?\d{1,15})(\.\d{1,9})?\s*([A-Za-z]{0,3})").fullmatch
_WHOLE = re.compile(r"[0-9]{2,15}|[0-9]{1,15}[KMGTkmgt][Bb]?").fullmatch
_UNITS = {
    "": 1.0, "b": 1, "k": 2**10, "kb": 2**10, "kib": 2**10, "m": 2**20, "mb": 2**20, "mib": 2**20, "g": 2**30, "gb": 2**30,
    "gib": 2**30, "t": 2**40, "tb": 2**40,
}  # fmt: skip


def spellings(item: str) -> tuple[str, ...]:
    """The ways to write the same value: several for a switch, only its own for anything else."""
    lower = item.lower()
    if lower in _ON:
        return (item, *_ON)
    return (item, *_OFF) if lower in _OFF else (item,)


def _whole_amount(text: str) -> float | None:
    """The amount of a whole number that has a unit or more than one digit, so that 8M equals 8388608; None for anything else."""
    return amount_of(text) if _WHOLE(text) else None


class SettingGlob(NameGlob):
    """A value that a setting must or must not have; switches need no quotes."""

    __slots__ = ("_folded", "_whole")
    kind = "a value (* and ? are wildcards), or yes and no"
    schema: ClassVar[dict[str, Any]] = {"type": ["string", "number", "boolean"]}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._folded = NameGlob(text.lower())
        self._whole = _whole_amount(text)

    def fits(self, item: str) -> bool:
        """Whether an item of a value matches: switches and amounts in any spelling; words, except paths, in capital or small letters."""
        if any(self.matches(spelling) for spelling in spellings(item)):
            return True
        if "/" not in item and "/" not in self.text and self._folded.matches(item.lower()):
            return True
        return self._whole is not None and self._whole == _whole_amount(item)


def amount_of(value: SettingValue) -> float | None:
    """A value as a number, with units such as 10m or 4kB resolved (by powers of 1024); None for any other text."""
    if isinstance(value, bool | tuple) or value is None:
        return None
    found = _AMOUNT(str(value).strip())
    unit = _UNITS.get(found[3].lower()) if found else None
    if found is None or unit is None:
        return None
    return float(found[1] + (found[2] or "")) * unit


class Amount(Value):
    """A number, with or without a unit."""

    __slots__ = ("amount",)
    kind = "an amount, such as 4, 1024 or 10m"
    schema: ClassVar[dict[str, Any]] = {"pattern": r"^[+-]?[0-9]+(\.[0-9]+)?\s*[A-Za-z]*$"}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        amount = amount_of(text)
        if amount is None:
            raise ValueError(f"expected {self.kind}, not {text!r}")
        self.amount = amount
