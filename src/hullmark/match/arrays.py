"""Flat arrays that a stored set of images is made of: relations between numbers, sets of images, names."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from itertools import accumulate, compress
from typing import NamedTuple

NUMBER = "I"
"""Type code of numbers of coordinates, sets, images and texts: below 2^32."""
PLACE = "Q"
"""Type code of places in an array."""

_SHA256 = "sha256:"
_HEX = 64


class Images:
    """A set of images by number. Unions are `|`."""

    __slots__ = ("_marks",)

    def __init__(self, marks: bytearray) -> None:
        """One byte for each image of the fleet: 1 if it is in the set."""
        self._marks = marks

    def __len__(self) -> int:
        return self._marks.count(1)

    def __iter__(self) -> Iterator[int]:
        return compress(range(len(self._marks)), self._marks)

    def __contains__(self, number: int) -> bool:
        return 0 <= number < len(self._marks) and self._marks[number] == 1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Images) and self._marks == other._marks

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: Images) -> Images:
        size = len(self._marks)
        both = int.from_bytes(self._marks, "little") | int.from_bytes(other._marks, "little")
        return Images(bytearray(both.to_bytes(size, "little")))


class Rows(NamedTuple):
    """Numbers by number: those of row `i` are `values[starts[i] : starts[i + 1]]`."""

    starts: array[int]
    values: array[int]

    def row(self, number: int) -> array[int]:
        """The numbers of one row."""
        return self.values[self.starts[number] : self.starts[number + 1]]

    def reversed(self, count: int) -> Rows:
        """The same relation from the other side, whose numbers are below `count`. Rows are sorted."""
        sizes = array(PLACE, bytes(8 * (count + 1)))
        for value in self.values:
            sizes[value + 1] += 1
        starts = array(PLACE, accumulate(sizes))
        places = starts[:]
        values = array(NUMBER, bytes(4 * len(self.values)))
        for number in range(len(self.starts) - 1):
            for value in self.values[self.starts[number] : self.starts[number + 1]]:
                values[places[value]] = number
                places[value] += 1
        return Rows(starts, values)


class Names:
    """The names of images, by number; digests are kept as bytes."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._starts = array(PLACE, (0,))

    def add(self, name: str) -> None:
        """Append one."""
        self._bytes += _packed(name)
        self._starts.append(len(self._bytes))

    def name(self, number: int) -> str:
        """The name of this number."""
        raw = self._bytes[self._starts[number] : self._starts[number + 1]]
        return raw[1:].decode("utf-8", "surrogatepass") if raw[0] else _SHA256 + raw[1:].hex()


def _packed(name: str) -> bytes:
    if name.startswith(_SHA256) and len(name) == len(_SHA256) + _HEX:
        try:
            raw = bytes.fromhex(name[len(_SHA256) :])
        except ValueError:
            raw = b""
        if _SHA256 + raw.hex() == name:
            return b"\0" + raw
    return b"\1" + name.encode("utf-8", "surrogatepass")
