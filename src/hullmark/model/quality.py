"""How much a bill of materials contains of what two specifications ask for, and what is missing."""

from __future__ import annotations

from typing import Literal

import msgspec

from hullmark.model.inventory import InventorySource
from hullmark.model.problem import Problem

Subject = Literal["document", "component"]


class ElementQuality(msgspec.Struct, frozen=True, kw_only=True):
    """One element of a specification. `have` of `of` components have it (a document: 1 of 1, or 0 of 1), `lacking` names some that do not,
    `advice` is what to do. An element that is not `required` does not count.
    """

    name: str
    subject: Subject
    required: bool
    have: int
    of: int
    lacking: tuple[str, ...] = ()
    advice: str = ""

    @property
    def is_met(self) -> bool:
        """Whether there is at least one component, and every one has the element."""
        return self.have == self.of > 0


class SpecificationQuality(msgspec.Struct, frozen=True, kw_only=True):
    """A specification: its name and version, its elements, and the score, which is 100 times the mean share over the required elements,
    rounded down.
    """

    name: str
    score: int
    elements: tuple[ElementQuality, ...]


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """The result of the measurement: what a document is about, its format, its number of components, and how it meets each
    specification.
    """

    source: InventorySource
    format: str
    components: int
    specifications: tuple[SpecificationQuality, ...]
    problems: tuple[Problem, ...] = ()
