"""What the pools of php-fpm change of PHP's own settings (PHP manual, FPM configuration: php_value, php_flag, php_admin_…)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hullmark.model.setting import Value

_ADDING = ("disable_classes", "disable_functions")


class PoolOverride(NamedTuple):
    """One line of a pool, `kind[setting] = value`."""

    pool: str
    kind: str
    setting: str
    value: Value
    path: str
    line: int


def in_effect(overrides: Iterable[PoolOverride]) -> list[PoolOverride]:
    """In the order in which php-fpm carries them out: what an administrator demands comes after what is only set, each in its order."""
    return sorted(overrides, key=lambda override: override.kind.startswith("php_admin_"))


def with_more(setting: str, before: Value, value: Value) -> Value:
    """The value that comes of one: names that are disabled are added to those of php.ini, all else replaces what was there."""
    if setting in _ADDING and isinstance(before, tuple) and isinstance(value, tuple):
        return (*before, *(name for name in value if name not in before))
    return value
