"""Converts rules of Anchore's gates `metadata` and `distro` to native rules."""

from __future__ import annotations

import re
from collections.abc import Callable

from hullmark.policy.anchore.params import Values
from hullmark.policy.convert_native import (
    FIRE,
    Native,
    NoEqual,
    Params,
    at_start,
    build_version_condition,
    plain,
    several,
)
from hullmark.versions import InvalidVersion, scheme_for

_SIZE = re.compile(r"([0-9]{1,15})([kmgt]b)?").fullmatch
_UNITS = {"kb": 2**10, "mb": 2**20, "gb": 2**30, "tb": 2**40}
_NATIVE_UNITS = (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10))
_MAX_LAYERS = 10_000
_ORDERS: dict[str, Callable[[int], bool]] = {
    "<": lambda order: order < 0,
    "<=": lambda order: order <= 0,
    "=": lambda order: order == 0,
    "!=": lambda order: order != 0,
    ">=": lambda order: order >= 0,
    ">": lambda order: order > 0,
}
_NUMBERS = {"size": "size", "layer_count": "layers"}
_TEXTS = {
    "architecture": ("architecture", ""),
    "os_type": ("os", ""),
    "distro": ("distro", "Unknown"),
    "distro_version": ("distro_version", "0"),
    "like_distro": ("like_distro", "Unknown"),
}
"""What each attribute is called here, and what the original takes it for where the image does not say it."""


def attribute(values: Values) -> tuple[Native, ...]:
    """`metadata.attribute`."""
    name, check, value = values.text("attribute"), values.text("check"), values.text("value")
    if name in _NUMBERS:
        return (Native("image", _NUMBERS[name], _numbers(name, check, value)),)
    called, otherwise = _TEXTS[name]
    params = _texts(name, check, value, otherwise)
    unknown = FIRE if _fires_on(otherwise, name, check, value) else "go"
    return (Native("image", "attribute", {"attribute": called} | params, unknown),)


def _numbers(name: str, check: str, text: str) -> Params:
    """Parameters for the smallest and the largest allowed number, or for the forbidden numbers."""
    if check in ("exists", "not_exists"):
        return _format_bounds(name, {"max": 0} if check == "exists" else {"min": 1})
    number = _number(name, text)
    if check == "=" and name == "layer_count":
        return _format_bounds(name, {"forbidden": number})
    bounds = {
        ">": {"max": number},
        ">=": {"max": number - 1},
        "<": {"min": number},
        "<=": {"min": number + 1},
        "!=": {"min": number, "max": number},
    }
    if check not in bounds or min(bounds[check].values()) < 0:
        raise NoEqual(f"the check {check} of the attribute {name} has no equal")
    return _format_bounds(name, bounds[check])


def _number(name: str, text: str) -> int:
    found = _SIZE(text.strip().lower())
    if found is None or (name == "layer_count" and found[2]):
        raise NoEqual(f"{text[:60]!r} is not a number")
    return int(found[1]) * _UNITS.get(found[2] or "", 1)


def _format_bounds(name: str, bounds: dict[str, int]) -> Params:
    if name == "size":
        return {key: _size(number) for key, number in bounds.items()}
    if max(bounds.values()) > _MAX_LAYERS:
        raise NoEqual("no image has so many layers")
    return {key: [number] if key == "forbidden" else number for key, number in bounds.items()}


def _size(number: int) -> str:
    """A number of bytes, in the largest unit that divides it."""
    unit, factor = next(((unit, factor) for unit, factor in _NATIVE_UNITS if number and number % factor == 0), ("B", 1))
    return f"{number // factor}{unit}"


def _texts(name: str, check: str, value: str, otherwise: str) -> Params:
    if check in ("exists", "not_exists"):
        if otherwise and check == "not_exists":
            raise NoEqual("it never fires: the original has a word for what is not there")
        return {"forbidden": ["*"]} if check == "exists" else {"allowed": ["*"]}
    if not value:
        raise NoEqual("it never fires: there is nothing to compare with")
    if check in ("like", "not_like"):
        return {"pattern" if check == "like" else "must_fit": at_start(value)}
    if check in ("in", "not_in"):
        return {"forbidden" if check == "in" else "allowed": several(value)}
    if name == "distro_version":
        return {"versions": build_version_condition(check, value)}
    if check in ("=", "!="):
        return {"forbidden" if check == "=" else "allowed": [plain(value)]}
    raise NoEqual(f"the check {check} of the attribute {name} has no equal")


def _fires_on(actual: str, name: str, check: str, value: str) -> bool:
    """Whether the original fires on a text."""
    if check in ("exists", "not_exists"):
        return bool(actual) is (check == "exists")
    if check in ("like", "not_like"):
        return (re.match(value, actual) is not None) is (check == "like")
    if check in ("in", "not_in"):
        return (actual in [part.strip() for part in value.split(",")]) is (check == "in")
    if name != "distro_version":
        return (actual == value) is (check == "=")
    try:
        return _ORDERS[check](scheme_for("generic").compare(actual, value))
    except InvalidVersion:
        return True  # The original's verdict is stop if a rule cannot be judged.


def deny_distro(values: Values) -> tuple[Native, ...]:
    """`distro.deny`; the distribution's name matches in any case."""
    name, check = values.text("distro").lower(), values.text("check", "=")
    if name == "unknown":
        raise NoEqual("a distribution that is not known has no name here")
    one = {"id": plain(name), "version": build_version_condition(check, values.text("version"))}
    return (Native("image", "distro", {"forbidden": [one]}, "stop"),)
