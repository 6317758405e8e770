"""Typed look-ups into a manifest or an engine's answer: a value of the wrong type is an error, never taken as left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit

_MAX_ENTRIES = Limit(10_000, "entries of a list in a manifest or an engine's answer", "refused")
_LONGEST_TEXT = Limit(64 << 10, "characters of a text in a manifest or an engine's answer", "refused")


_NOTHING: Mapping[str, object] = {}


class InvalidWorkload(HullmarkError):
    """A workload is described in a way that its platform would not take. The message names the setting."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place} {reason}", advice="correct the manifest: its platform would refuse it")


class Section(dict[str, object]):
    """A mapping of a document that knows the lines, counted from 1, of itself and of its keys."""

    __slots__ = ("key_lines", "line")

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.key_lines: dict[str, int] = {}


class Fields:
    """The settings of one part of a document. `place` says which part, as people write it: `spec.containers[0]`.

    Each look-up raises InvalidWorkload where a value is of another type than is asked for; null is the same as left out.
    """

    __slots__ = ("data", "place")

    def __init__(self, data: Mapping[str, object], place: str) -> None:
        self.data = data
        self.place = place

    def __contains__(self, name: str) -> bool:
        return self.data.get(name) is not None

    def names(self) -> tuple[str, ...]:
        """The names that stand in it."""
        if len(self.data) > _MAX_ENTRIES:
            raise InvalidWorkload(self.place, f"has more than {_MAX_ENTRIES:,} entries")
        return tuple(self.data)

    def text(self, name: str) -> str:
        """A text; "" where it is left out."""
        value = self.data.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self._wrong(name, "a text")
        return self._check_length(name, value)

    def scalar(self, name: str) -> str:
        """A text or a number, as a text; "" where it is left out."""
        value = self.data.get(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self._wrong(name, "a text or a number")
        return self._check_length(name, str(value))

    def flag(self, name: str) -> bool | None:
        """True or false; None where it is left out."""
        value = self.data.get(name)
        if value is None or isinstance(value, bool):
            return value
        raise self._wrong(name, "true or false")

    def number(self, name: str) -> int | None:
        """A whole number; None where it is left out."""
        value = self.data.get(name)
        if isinstance(value, float) and value.is_integer():
            return int(value)
        if value is None or (isinstance(value, int) and not isinstance(value, bool)):
            return value
        raise self._wrong(name, "a whole number")

    def part(self, name: str) -> Fields:
        """A mapping; empty where it is left out."""
        value = self.data.get(name)
        if value is None:
            return Fields(_NOTHING, f"{self.place}.{name}")
        if not isinstance(value, dict | Mapping):
            raise self._wrong(name, "a mapping")
        return Fields(value, f"{self.place}.{name}")

    def parts(self, name: str) -> Iterator[Fields]:
        """The mappings of a list; none where it is left out."""
        for index, value in enumerate(self.entries(name)):
            place = f"{self.place}.{name}[{index}]"
            if not isinstance(value, dict | Mapping):
                raise InvalidWorkload(place, "is not a mapping")
            yield Fields(value, place)

    def texts(self, name: str) -> tuple[str, ...]:
        """The texts of a list; none where it is left out."""
        found = []
        for value in self.entries(name):
            if not isinstance(value, str):
                raise self._wrong(name, "a list of texts")
            found.append(self._check_length(name, value))
        return tuple(found)

    def entries(self, name: str) -> list[object]:
        """A list of anything; empty where it is left out."""
        value = self.data.get(name)
        if value is None:
            return []
        if isinstance(value, tuple):
            value = list(value)
        if not isinstance(value, list):
            raise self._wrong(name, "a list")
        if len(value) > _MAX_ENTRIES:
            raise InvalidWorkload(f"{self.place}.{name}", f"has more than {_MAX_ENTRIES:,} entries")
        return value

    def line(self, name: str = "") -> int:
        """The line that it begins in, or that a name stands in; 0 where that is not known."""
        if not isinstance(self.data, Section):
            return 0
        return self.data.key_lines.get(name, 0) if name else self.data.line

    def _check_length(self, name: str, value: str) -> str:
        if len(value) > _LONGEST_TEXT:
            raise InvalidWorkload(f"{self.place}.{name}", f"has more than {_LONGEST_TEXT:,} characters")
        return value

    def _wrong(self, name: str, expected: str) -> InvalidWorkload:
        return InvalidWorkload(f"{self.place}.{name}", f"is not {expected}")


def lines_of(asked: Mapping[str, tuple[tuple[Fields, str], ...]]) -> dict[str, int]:
    """The line that each setting is told in: that of the first of its fields that stands in the document."""
    found = {}
    for setting, places in asked.items():
        line = next((fields.line(name) for fields, name in places if name in fields), 0)
        if line:
            found[setting] = line
    return found
