"""The parts that Hullmark's own JSON documents have in common. Fields are in alphabetical order, as they are written."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from hullmark.model.problem import Problem


class ToolJson(msgspec.Struct, frozen=True, gc=False):
    """Who wrote the document."""

    name: str
    version: str


class ProblemJson(msgspec.Struct, frozen=True, gc=False):
    """What could not be read; `layer` is -1 where no layer is meant. The others are those of hullmark.model.problem."""

    facts: tuple[str, ...]
    kind: str
    layer: int
    path: str
    programs: tuple[str, ...]
    reason: str
    room: str
    types: tuple[str, ...]


def problems(found: Iterable[Problem]) -> list[ProblemJson]:
    """The problems in their order."""
    return [ProblemJson(p.facts, p.kind, p.layer, p.path, p.programs, p.reason, p.room, p.types) for p in found]
