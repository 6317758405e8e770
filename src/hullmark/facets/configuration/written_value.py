"""A value of a configuration file to which further lines may add items."""

from __future__ import annotations

import msgspec

from hullmark.facets.configuration.source_line import SourceLine
from hullmark.model.setting import Value


class WrittenValue(msgspec.Struct):
    """A value, where it is written first, and the further lines that add to it."""

    value: Value
    path: str
    line: int
    more: list[SourceLine] = []
    grown: list[str] | None = None
    """While files are read: the items of a value to which a line has added."""

    def grow(self, items: tuple[str, ...], at: SourceLine, most: int) -> bool:
        """Add a line's items to a value that has some; whether there was room for them, up to so many."""
        if not isinstance(self.value, tuple):
            return True
        if self.grown is None:
            self.grown = [*self.value]
        if len(self.grown) + len(items) > most:
            return False
        self.grown += items
        self.more.append(at)
        return True

    def settle(self) -> None:
        """Once all is read: have the value be all that was added."""
        if self.grown is not None:
            self.value = tuple(self.grown)
