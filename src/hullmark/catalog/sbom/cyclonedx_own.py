"""What Hullmark itself writes into CycloneDX documents as properties: layers, problems, counts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

from hullmark.catalog.sbom.cyclonedx_parts import Property
from hullmark.catalog.sbom.document import MAX_COMPONENTS, MAX_LIST, clip_text
from hullmark.model.inventory import InventoryLayer, UnexplainedPrograms
from hullmark.model.problem import Problem, ProblemKind

OWN = "hullmark:"
_IS_NUMBER = re.compile(r"[0-9]{1,18}").fullmatch


def properties_of(found: list[Property] | None) -> dict[str, list[str]]:
    """Name → values, without empty ones."""
    values: dict[str, list[str]] = {}
    for entry in found or ():
        if entry.value:
            values.setdefault(entry.name, []).append(entry.value)
    return values


def first_of(properties: dict[str, list[str]], *names: str) -> str:
    """The value of the first of these names that is there, "" without any."""
    return next((clip_text(properties[name][0]) for name in names if name in properties), "")


def read_unexplained(found: list[Property] | None) -> UnexplainedPrograms | None:
    """The number of executables that nothing explains, where Hullmark wrote it; it does not write which these are."""
    properties = properties_of(found)
    numbers = [first_of(properties, f"{OWN}image:unexplained_{what}") for what in ("executables", "bytes")]
    if not all(_IS_NUMBER(number) for number in numbers):
        return None
    return UnexplainedPrograms(executables=int(numbers[0]), bytes=int(numbers[1]))


def own_layers(properties: dict[str, list[str]]) -> Iterator[InventoryLayer]:
    """The image's layers, bottom first."""
    for number in range(MAX_LIST):
        digest, diff_id, created_by = (
            first_of(properties, f"{OWN}layer:{number}:{name}") for name in ("digest", "diff_id", "created_by")
        )
        if not digest and not diff_id:
            return
        yield InventoryLayer(digest=digest, diff_id=diff_id, size=-1, created_by=created_by)


def own_problems(properties: dict[str, list[str]]) -> Iterator[Problem]:
    """What Hullmark could not read when it wrote the document: its list has these gaps."""
    for number in range(MAX_COMPONENTS):
        path, reason, room, kind = (
            first_of(properties, f"{OWN}problem:{number}:{key}") for key in ("path", "reason", "room", "kind")
        )
        if not reason:
            return
        kinds: tuple[ProblemKind, ...] = get_args(ProblemKind)
        yield Problem(path, -1, room, reason, next((known for known in kinds if known == kind), "unseen"))
