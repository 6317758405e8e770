"""How much a bill of materials says of what two specifications want to be told, and what is lacking."""

from __future__ import annotations

from typing import Literal

import msgspec

from hullmark.model.inventory import InventorySource
from hullmark.model.problem import Problem

Subject = Literal["document", "component"]


class ElementQuality(msgspec.Struct, frozen=True, kw_only=True):
    """One element of a specification. `have` of `of` components have it (a document: 1 of 1, or 0 of 1), `lacking` names some that do not,
    `advice` says what to do. What is not `required` does not count."""

    name: str
    subject: Subject
    required: bool
    have: int
    of: int
    lacking: tuple[str, ...] = ()
    advice: str = ""

    @property
    def is_met(self) -> bool:
        """Whether there is something, and nothing lacks it."""
        return self.have == self.of > 0


class SpecificationQuality(msgspec.Struct, frozen=True, kw_only=True):
    """A specification: its name and version, its elements, and the score: 100 times the mean of the shares of the required ones, rounded
    down."""

    name: str
    score: int
    elements: tuple[ElementQuality, ...]


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured: what a document is about, its format, its number of components, and how it stands by each specification."""

    source: InventorySource
    format: str
    components: int
    specifications: tuple[SpecificationQuality, ...]
    problems: tuple[Problem, ...] = ()
