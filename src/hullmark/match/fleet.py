"""A stored set of images in memory: which coordinates there are, under which names they are looked up, which images hold them.

Images are sets of package sets, package sets are sets of coordinates; equal ones are kept once. Every relation is two flat
arrays (compressed sparse rows), so that a million images fit into some hundred megabytes.
"""

from __future__ import annotations

import hashlib
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import compress
from typing import NamedTuple

from hullmark.match.arrays import NUMBER, PLACE, Images, Names, Rows
from hullmark.match.coordinates import Coordinate, asked, is_comparable, package_of
from hullmark.model.inventory import Distro

Key = tuple[str, str]
"""Namespace and name of a package in advisories."""

_HALF = 32


class Kind(NamedTuple):
    """What many coordinates have in common."""

    type: str
    arch: str
    module: str
    vendor: str
    space: str
    distro: Distro | None
    channels: tuple[str, ...]


class Columns(NamedTuple):
    """Coordinates by number, as numbers of texts and kinds. Text 0 is the empty one."""

    kinds: list[Kind]
    texts: list[str]
    kind: array[int]
    name: array[int]
    version: array[int]
    source_name: array[int]
    source_version: array[int]
    symbols: array[int]

    def coordinate(self, number: int) -> Coordinate:
        """One coordinate."""
        texts, kind = self.texts, self.kinds[self.kind[number]]
        return Coordinate(
            type=kind.type,
            name=texts[self.name[number]],
            version=texts[self.version[number]],
            source_name=texts[self.source_name[number]],
            source_version=texts[self.source_version[number]],
            arch=kind.arch,
            module=kind.module,
            vendor=kind.vendor,
            space=kind.space,
            symbols=texts[self.symbols[number]],
            distro=kind.distro,
            channels=kind.channels,
        )


class Holders(NamedTuple):
    """Images by number: their package sets, names, and distributions by number."""

    sets: Rows
    names: Names
    distros: dict[Distro | None, int]
    distro: array[int]


class Index(NamedTuple):
    """Coordinates by the names under which any snapshot could speak of them: sorted keys, and a row of coordinates for each."""

    spaces: dict[str, int]
    names: dict[str, int]
    keys: array[int]
    rows: Rows

    def about(self, key: Key) -> array[int]:
        """The coordinates that are looked up under this name in this namespace."""
        space, name = self.spaces.get(key[0]), self.names.get(key[1])
        if space is None or name is None:
            return array(NUMBER)
        wanted = space << _HALF | name
        at = bisect_left(self.keys, wanted)
        return self.rows.row(at) if at < len(self.keys) and self.keys[at] == wanted else array(NUMBER)

    def within(self, namespace: str) -> array[int]:
        """The coordinates that are looked up in this namespace."""
        space = self.spaces.get(namespace)
        if space is None:
            return array(NUMBER)
        low = bisect_left(self.keys, space << _HALF)
        high = bisect_left(self.keys, space + 1 << _HALF)
        return self.rows.values[self.rows.starts[low] : self.rows.starts[high]]


class Fleet:
    """What `Builder` made; it does not change."""

    def __init__(
        self, columns: Columns, index: Index, incomparable: frozenset[int], sets: Rows, images: Holders
    ) -> None:
        """`sets`: coordinates by package set."""
        self._columns, self._index, self._incomparable = columns, index, incomparable
        self._sets, self._holders = sets, images
        self._sets_by_coordinate = sets.reversed(len(columns.kind))
        self._images_by_set = images.sets.reversed(len(sets.starts) - 1)

    @property
    def coordinate_count(self) -> int:
        """How many coordinates there are; their numbers are below."""
        return len(self._columns.kind)

    @property
    def set_count(self) -> int:
        """How many package sets there are."""
        return len(self._sets.starts) - 1

    @property
    def image_count(self) -> int:
        """How many images there are; their numbers are below."""
        return len(self._holders.sets.starts) - 1

    @property
    def distros(self) -> Sequence[Distro | None]:
        """The distributions of the images, each once; None is that of images without one."""
        return tuple(self._holders.distros)

    def coordinate(self, number: int) -> Coordinate:
        """The coordinate of this number."""
        return self._columns.coordinate(number)

    def about(self, keys: Iterable[Key]) -> set[int]:
        """The coordinates that are looked up under one of these names."""
        return {number for key in keys for number in self._index.about(key)}

    def within(self, namespaces: Iterable[str]) -> set[int]:
        """The coordinates that are looked up in one of these namespaces."""
        return {number for namespace in namespaces for number in self._index.within(namespace)}

    def is_comparable(self, number: int) -> bool:
        """Whether the coordinate's version can be compared with whatever is said of it (`coordinates.is_comparable`)."""
        return number not in self._incomparable

    def sets_of(self, coordinates: Iterable[int]) -> Sequence[int]:
        """The package sets that hold one of these coordinates, sorted."""
        marks = bytearray(self.set_count)
        starts, values = self._sets_by_coordinate
        for number in coordinates:
            for each in values[starts[number] : starts[number + 1]]:
                marks[each] = 1
        return tuple(compress(range(len(marks)), marks))

    def images_of(self, coordinates: Iterable[int]) -> Images:
        """The images that hold one of these coordinates."""
        marks = bytearray(self.image_count)
        starts, values = self._images_by_set
        for each in self.sets_of(coordinates):
            for image in values[starts[each] : starts[each + 1]]:
                marks[image] = 1
        return Images(marks)

    def images_on(self, distro: Distro | None) -> Images:
        """The images of this very distribution."""
        known = self._holders.distros.get(distro, -1)
        return Images(bytearray(map(known.__eq__, self._holders.distro)))

    def coordinates_in(self, image: int) -> list[int]:
        """The coordinates of an image, sorted."""
        return sorted({number for each in self._holders.sets.row(image) for number in self._sets.row(each)})

    def name(self, image: int) -> str:
        """The name under which an image was added."""
        return self._holders.names.name(image)


class Builder:
    """Takes images one by one; `fleet` makes the set of all that it was given. It needs more memory than what it makes."""

    def __init__(self) -> None:
        self._columns = Columns([], [""], *(array(NUMBER) for _ in range(6)))
        self._texts = {"": 0}
        self._kinds: dict[Kind, int] = {}
        self._numbers: dict[bytes, int] = {}
        self._set_numbers: dict[bytes, int] = {}
        self._sets = Rows(array(PLACE, (0,)), array(NUMBER))
        self._holders = Holders(Rows(array(PLACE, (0,)), array(NUMBER)), Names(), {}, array(NUMBER))
        self._spaces: dict[str, int] = {}
        self._postings: dict[int, array[int]] = {}
        self._incomparable: set[int] = set()

    def add(self, image: str, sets: Iterable[Iterable[Coordinate]], distro: Distro | None = None) -> int:
        """Add an image with the package sets that it is made of (one for each layer, or one in all); answers its number."""
        return self.add_image(image, [self.add_set(map(self.add_coordinate, each)) for each in sets], distro)

    def add_image(self, image: str, sets: Iterable[int], distro: Distro | None = None) -> int:
        """Add an image of a distribution with the numbers of its package sets; answers its number."""
        rows, names, distros, column = self._holders
        names.add(image)
        column.append(distros.setdefault(distro, len(distros)))
        rows.values.extend(sorted(set(sets)))
        rows.starts.append(len(rows.values))
        return len(rows.starts) - 2

    def add_set(self, coordinates: Iterable[int]) -> int:
        """The number of the package set of these coordinates, which is added if it is new."""
        content = array(NUMBER, sorted(set(coordinates)))
        digest = hashlib.blake2b(content.tobytes(), digest_size=16).digest()
        known = self._set_numbers.get(digest)
        if known is None:
            known = self._set_numbers[digest] = len(self._set_numbers)
            self._sets.values.extend(content)
            self._sets.starts.append(len(self._sets.values))
        return known

    def add_coordinate(self, coordinate: Coordinate) -> int:
        """The number of a coordinate, which is added if it is new."""
        row = array(NUMBER, (self._kind(coordinate), self._text(coordinate.name), self._text(coordinate.version),
                              self._text(coordinate.source_name), self._text(coordinate.source_version),
                              self._text(coordinate.symbols)))  # fmt: skip
        known = self._numbers.get(raw := row.tobytes())
        if known is None:
            known = self._numbers[raw] = len(self._numbers)
            for column, value in zip(self._columns[2:], row, strict=True):
                column.append(value)
            self._post(known, coordinate)
        return known

    def _kind(self, coordinate: Coordinate) -> int:
        kind = Kind(coordinate.type, coordinate.arch, coordinate.module, coordinate.vendor, coordinate.space,
                    coordinate.distro, coordinate.channels)  # fmt: skip
        known = self._kinds.get(kind)
        if known is None:
            known = self._kinds[kind] = len(self._kinds)
            self._columns.kinds.append(kind)
        return known

    def _text(self, text: str) -> int:
        known = self._texts.get(text)
        if known is None:
            known = self._texts[text] = len(self._texts)
            self._columns.texts.append(text)
        return known

    def _post(self, number: int, coordinate: Coordinate) -> None:
        package = package_of(coordinate)
        lookups = asked(package, coordinate)
        for space, name in {(lookup.ask.namespace, lookup.ask.name): None for lookup in lookups}:
            key = self._spaces.setdefault(space, len(self._spaces)) << _HALF | self._text(name)
            posting = self._postings.get(key)
            if posting is None:
                posting = self._postings[key] = array(NUMBER)
            posting.append(number)
        if not is_comparable(package, lookups):
            self._incomparable.add(number)

    def fleet(self) -> Fleet:
        """The stored set. The builder's own tables go; it takes no more."""
        self._numbers.clear()
        self._set_numbers.clear()
        keys = array(PLACE, sorted(self._postings))
        rows = Rows(array(PLACE, (0,)), array(NUMBER))
        texts, names = self._columns.texts, {}
        for key in keys:
            rows.values.extend(self._postings.pop(key))
            rows.starts.append(len(rows.values))
            number = key & ((1 << _HALF) - 1)
            names[texts[number]] = number
        self._texts.clear()
        index = Index(self._spaces, names, keys, rows)
        return Fleet(self._columns, index, frozenset(self._incomparable), self._sets, self._holders)
