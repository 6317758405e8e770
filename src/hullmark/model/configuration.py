"""The configuration of an image's programs: all settings in effect, and the files that they were read from."""

from __future__ import annotations

import msgspec

from hullmark.model.inventory import InventorySource
from hullmark.model.problem import Problem
from hullmark.model.setting import Setting


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """`settings` are sorted by key, `files` are the absolute paths that were read, sorted."""

    settings: tuple[Setting, ...]
    files: tuple[str, ...]


class ImageConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration of one image, and what could not be read of it."""

    source: InventorySource
    configuration: Configuration
    problems: tuple[Problem, ...]
