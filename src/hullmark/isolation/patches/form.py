"""What a form of manifest needs to be patched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

from hullmark.isolation.patches.changes import Changes
from hullmark.isolation.patches.target import Means
from hullmark.model.isolation import IsolationPatch, Workload, WorkloadContainer


class PatchForm(NamedTuple):
    """A form of manifest: what it can ask for, the language of its patches, their text, and notes on what else they take."""

    means: Means
    language: Literal["yaml", "json", "options"]
    text_of: Callable[[Changes, Workload, WorkloadContainer], str]
    notes_of: Callable[[IsolationPatch, Changes], tuple[str, ...]]
