"""Values of settings, compared: switches in their many spellings, and amounts with units."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from hullmark.model.setting import Value as SettingValue
from hullmark.policy.values import NameGlob, Value

_ON = ("yes", "on", "true", "1")
_OFF = ("no", "off", "false", "0")
_AMOUNT = re.compile(r"([+-]?\d{1,15})(\.\d{1,9})?\s*([A-Za-z]{0,3})").fullmatch
_UNITS = {
    "": 1.0, "b": 1, "k": 2**10, "kb": 2**10, "kib": 2**10, "m": 2**20, "mb": 2**20, "mib": 2**20, "g": 2**30, "gb": 2**30,
    "gib": 2**30, "t": 2**40, "tb": 2**40,
}  # fmt: skip


def spellings(item: str) -> tuple[str, ...]:
    """The ways to write the same value: a switch has several, all else only its own."""
    lower = item.lower()
    if lower in _ON:
        return (item, *_ON)
    return (item, *_OFF) if lower in _OFF else (item,)


class SettingGlob(NameGlob):
    """A value that a setting has or must not have; switches need no quotes."""

    __slots__ = ()
    kind = "a value (* and ? are wildcards), or yes and no"
    schema: ClassVar[dict[str, Any]] = {"type": ["string", "number", "boolean"]}


def amount_of(value: SettingValue) -> float | None:
    """A value as an amount, units as 10m or 4kB undone (by powers of 1024); None for what is none."""
    if isinstance(value, bool | tuple) or value is None:
        return None
    found = _AMOUNT(str(value).strip())
    unit = _UNITS.get(found[3].lower()) if found else None
    if found is None or unit is None:
        return None
    return float(found[1] + (found[2] or "")) * unit


class Amount(Value):
    """A number, with a unit or without."""

    __slots__ = ("amount",)
    kind = "an amount, such as 4, 1024 or 10m"
    schema: ClassVar[dict[str, Any]] = {"pattern": r"^[+-]?[0-9]+(\.[0-9]+)?\s*[A-Za-z]*$"}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        amount = amount_of(text)
        if amount is None:
            raise ValueError(f"expected {self.kind}, not {text!r}")
        self.amount = amount
