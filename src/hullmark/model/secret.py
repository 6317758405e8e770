"""Secrets that were found in an image: where and of which kind, but never the secret itself."""

from __future__ import annotations

from typing import Literal

import msgspec

from hullmark.model.advisory import Severity
from hullmark.model.inventory import InventorySource
from hullmark.model.problem import Problem

Place = Literal["file", "env", "label", "history", "command"]
"""A file of a layer, or one of the image's settings: a variable, a label, a build instruction, what it starts."""


class Secret(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One secret.

    `kind` names its form, `title` describes that in words. `path` is the file's ("" for settings), `name` that of the variable, label or
    instruction ("" for files). `line` counts from 1. `digest` is 16 hex digits of a keyed hash: equal secrets have equal digests as long as
    the salt is the same, and without the salt nobody can test guesses. `is_ghost`: a later layer has deleted or replaced the file.
    `allowed` is "" for one that counts, otherwise the reason why it does not.
    """

    place: Place
    path: str
    name: str
    line: int
    kind: str
    title: str
    severity: Severity
    digest: str
    layer: int = -1
    is_ghost: bool = False
    allowed: str = ""


class ImageSecrets(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets of one image, sorted, and what could not be searched."""

    source: InventorySource
    secrets: tuple[Secret, ...]
    problems: tuple[Problem, ...]
