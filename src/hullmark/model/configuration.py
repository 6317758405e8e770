"""The configuration of an image's programs: all settings in effect, and the files that they were read from."""

from __future__ import annotations

import msgspec

from hullmark.model.inventory import InventorySource
from hullmark.model.problem import Problem
from hullmark.model.setting import Setting


class UnsetSetting(msgspec.Struct, frozen=True, order=True):
    """A setting that nothing sets and whose value is not known. `reason` is a clause that says why.

    Without a reason, the program in this image has no such setting.
    """

    key: str
    reason: str = ""


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """`settings` are sorted by key, `files` are the absolute paths that were read, sorted; `unset` are sorted by key."""

    settings: tuple[Setting, ...]
    files: tuple[str, ...]
    unset: tuple[UnsetSetting, ...] = ()


class ImageConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of one image, and what could not be read of it."""

    source: InventorySource
    configuration: Configuration
    problems: tuple[Problem, ...]
