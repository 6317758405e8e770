"""What one class file of Java names: classes, texts, and how it comes to classes whose names it makes itself.

Follows the Java Virtual Machine Specification (Java SE 21), chapter 4 (the class file format) and chapter 6 (the lengths of instructions).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

_MAGIC = b"\xca\xfe\xba\xbe"
_UTF8, _CLASS, _STRING, _METHOD, _INTERFACE_METHOD, _NAME_AND_TYPE, _HANDLE = 1, 7, 8, 10, 11, 12, 15
_SIZES = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
"""Bytes of an entry of the constant pool after its tag (4.4), those of texts aside."""
_WIDE = (5, 6)

_IN_DESCRIPTOR = re.compile(rb"L([^;<>:.()\[\s]{1,600})[;<]").findall

_CLASS_LOADS = "it loads classes whose names it makes"
_LOADS: Mapping[bytes, tuple[tuple[bytes, ...], str]] = {
    b"forName": ((b"java/lang/Class",), _CLASS_LOADS),
    b"loadClass": ((), _CLASS_LOADS),
    b"findClass": ((), _CLASS_LOADS),
    b"findSystemClass": ((), _CLASS_LOADS),
    b"defineClass": ((), "it makes classes out of bytes"),
    b"defineHiddenClass": ((), "it makes classes out of bytes"),
    b"fromMethodDescriptorString": ((b"java/lang/invoke/MethodType",), _CLASS_LOADS),
    b"getBundle": ((b"java/util/ResourceBundle",), "it loads texts by names that it makes"),
    b"readObject": ((b"java/io/ObjectInputStream", b"java/io/ObjectInput", b"java/beans/XMLDecoder"), "it reads objects of any class"),
    b"readUnshared": ((b"java/io/ObjectInputStream",), "it reads objects of any class"),
    b"lookup": ((b"javax/naming/Context", b"javax/naming/InitialContext"), "it looks up objects of any class by name (JNDI)"),
    b"eval": ((b"javax/script/ScriptEngine",), "it runs scripts, which may name any class"),
    b"load": ((b"java/lang/System", b"java/lang/Runtime"), "it loads machine code, which may name any class"),
    b"loadLibrary": ((b"java/lang/System", b"java/lang/Runtime"), "it loads machine code, which may name any class"),
}  # fmt: skip
"""Methods that come to classes without a constant that names them: whose they are (none: anybody's), and why, as a clause."""
_BY_CONSTANT = frozenset((b"forName", b"loadClass", b"findClass", b"findSystemClass", b"getBundle"))
_BY_CONSTANT_TYPE = b"(Ljava/lang/String;)"
_RESOURCES = frozenset((
    b"getResource", b"getResources", b"getResourceAsStream", b"getSystemResource", b"getSystemResources", b"getSystemResourceAsStream",
    b"resources",
))  # fmt: skip
_STARTS = frozenset(
    (
        (b"java/lang/ProcessBuilder", b"start"),
        (b"java/lang/ProcessBuilder", b"startPipeline"),
        (b"java/lang/Runtime", b"exec"),
    )
)
_TELLING = frozenset((*_LOADS, *_RESOURCES, *(name for _, name in _STARTS)))
"""Names of methods: a class whose constants have none of them calls none."""
_LIBRARY = b"loadLibrary"

_LDC, _LDC_W, _WIDE_OPCODE, _IINC, _TABLE, _LOOKUP, _INVOKES = (
    0x12,
    0x13,
    0xC4,
    0x84,
    0xAA,
    0xAB,
    (0xB6, 0xB7, 0xB8, 0xB9),
)
_BRANCHES = (*range(0x99, 0xA9), 0xC6, 0xC7)
_FAR_BRANCHES = (0xC8, 0xC9)
_LENGTHS = bytearray(b"\1" * 256)
for _opcodes, _length in (
    ((0x10, 0x12, *range(0x15, 0x1A), *range(0x36, 0x3B), 0xA9, 0xBC), 2),
    ((0x11, 0x13, 0x14, 0x84, *range(0x99, 0xA9), *range(0xB2, 0xB9), 0xBB, 0xBD, 0xC0, 0xC1, 0xC6, 0xC7), 3),
    ((0xC5,), 4),
    ((0xB9, 0xBA, 0xC8, 0xC9), 5),
):
    for _opcode in _opcodes:
        _LENGTHS[_opcode] = _length


class DamagedClass(ValueError):
    """Bytes that are not a class file, or not a whole one."""


class ClassNames(NamedTuple):
    """What a class file names. All names have slashes, as the file has them: `a/b/C`.

    `name` is the class's own. `classes` are named by constants, by types and by texts given to `Class.forName` and the like. `texts` are
    its other constant texts. `loads` says why further classes may be loaded, as a clause ("": none are). `libraries` are given to
    `System.loadLibrary`.
    """

    name: str
    classes: frozenset[str]
    texts: tuple[str, ...]
    loads: str
    is_reading: bool
    is_starting: bool
    libraries: tuple[str, ...]


class _Pool(NamedTuple):
    """The constant pool: texts by index, where all other entries stand (their tags), those of some kinds, and where the pool ends."""

    body: bytes
    texts: dict[int, bytes]
    places: dict[int, int]
    of_kind: dict[int, list[int]]
    end: int

    def number(self, place: int) -> int:
        """Two bytes at a place."""
        return self.body[place] << 8 | self.body[place + 1]

    def text_of(self, index: int) -> bytes:
        """The text that a class or a string is; b"" for what is neither."""
        place = self.places.get(index)
        if place is None or self.body[place] not in (_CLASS, _STRING):
            return b""
        return self.texts.get(self.number(place + 1), b"")

    def member(self, index: int) -> tuple[bytes, bytes, bytes]:
        """Whose a method is, its name and its type."""
        place = self.places[index]
        other = self.places.get(self.number(place + 3))
        if other is None or self.body[other] != _NAME_AND_TYPE:
            raise DamagedClass("a method has no name")
        name, kind = self.texts.get(self.number(other + 1), b""), self.texts.get(self.number(other + 3), b"")
        return self.text_of(self.number(place + 1)), name, kind


def _pool(body: bytes) -> _Pool:
    if body[:4] != _MAGIC or len(body) < 10:
        raise DamagedClass("it is not a class file")
    texts: dict[int, bytes] = {}
    places: dict[int, int] = {}
    of_kind: dict[int, list[int]] = {_CLASS: [], _STRING: [], _METHOD: [], _INTERFACE_METHOD: [], _HANDLE: []}
    count, index, place, size = body[8] << 8 | body[9], 1, 10, len(body)
    while index < count:
        if place + 3 > size:
            raise DamagedClass("its constants end too early")
        tag = body[place]
        if tag == _UTF8:
            start = place + 3
            place = start + (body[place + 1] << 8 | body[place + 2])
            texts[index] = body[start:place]
        elif (length := _SIZES.get(tag)) is not None:
            places[index] = place
            if tag in of_kind:
                of_kind[tag].append(index)
            place += 1 + length
            index += tag in _WIDE
        else:
            raise DamagedClass("it has a constant of a kind that is not known")
        index += 1
    if place + 8 > size:
        raise DamagedClass("it ends with its constants")
    return _Pool(body, texts, places, of_kind, place)


def class_names(body: bytes) -> ClassNames:
    """What a class file names. Raises DamagedClass."""
    pool = _pool(body)
    try:
        return _class_names(pool)
    except IndexError as error:
        raise DamagedClass("it ends too early") from error


def _class_names(pool: _Pool) -> ClassNames:
    classes = {pool.text_of(index) for index in pool.of_kind[_CLASS]}
    classes = {name for name in classes if not name.startswith(b"[")}
    classes.update(_IN_DESCRIPTOR(b"\n".join(pool.texts.values())))
    members: dict[int, tuple[bytes, bytes, bytes]] = {}
    if not _TELLING.isdisjoint(pool.texts.values()):
        members = {index: pool.member(index) for index in (*pool.of_kind[_METHOD], *pool.of_kind[_INTERFACE_METHOD])}
    found = _find_loads(pool, members)
    texts = dict.fromkeys(pool.text_of(index) for index in pool.of_kind[_STRING])
    return ClassNames(
        name=_text(pool.text_of(pool.number(pool.end + 2))),
        classes=frozenset(map(_text, classes | {name.replace(b".", b"/") for name in found.classes})),
        texts=tuple(map(_text, texts)),
        loads=found.reason,
        is_reading=any(name in _RESOURCES for _, name, _ in members.values()),
        is_starting=any((owner, name) in _STARTS for owner, name, _ in members.values()),
        libraries=tuple(map(_text, found.libraries)),
    )


def _text(text: bytes) -> str:
    return text.decode("utf-8", "replace")


class _LoadedNames(NamedTuple):
    """What is loaded by name: by names that are constants, and why there may be others."""

    classes: tuple[bytes, ...]
    libraries: tuple[bytes, ...]
    reason: str


def _find_loads(pool: _Pool, members: Mapping[int, tuple[bytes, bytes, bytes]]) -> _LoadedNames:
    loading = {
        index: name
        for index, (owner, name, _) in members.items()
        if name in _LOADS and (not _LOADS[name][0] or owner in _LOADS[name][0])
    }
    if not loading:
        return _LoadedNames((), (), "")
    calls: dict[int, list[bytes | None]] = {index: [] for index in loading}
    for index, constant in _calls(pool, calls.keys()):
        calls[index].append(constant)
    for index in pool.of_kind[_HANDLE]:
        target = pool.number(pool.places[index] + 2)
        if target in calls:
            calls[target].append(None)
    classes: list[bytes] = []
    libraries: list[bytes] = []
    reason = ""
    for index, name in loading.items():
        constants = [constant for constant in calls[index] if constant]
        if name == _LIBRARY:
            libraries += constants
        is_by_constant = name in _BY_CONSTANT and members[index][2].startswith(_BY_CONSTANT_TYPE)
        if is_by_constant:
            classes += constants
        if not is_by_constant or not calls[index] or len(constants) < len(calls[index]):
            reason = reason or _LOADS[name][1]
    return _LoadedNames(tuple(classes), tuple(libraries), reason)


def _calls(pool: _Pool, wanted: Collection[int]) -> Iterator[tuple[int, bytes | None]]:
    """Each call of one of these methods, with the text that is its last argument for certain: that of the instruction right before it,
    where no jump leads between the two."""
    for start, end in _code(pool):
        if any(pool.body.find(index.to_bytes(2, "big"), start, end) >= 0 for index in wanted):
            yield from _calls_in(pool, start, end, wanted)


def _calls_in(pool: _Pool, start: int, end: int, wanted: Collection[int]) -> Iterator[tuple[int, bytes | None]]:
    body, place, before = pool.body, start, -1
    targets: set[int] = set()
    calls: list[tuple[int, int, int]] = []
    while place < end:
        opcode = body[place]
        if opcode in _INVOKES and pool.number(place + 1) in wanted:
            calls.append((place, pool.number(place + 1), before))
        targets.update(_targets(pool, start, place, end))
        before, place = place, place + _length_of(pool, start, place)
    for at, index, last in calls:
        constant = b""
        if last >= 0 and at not in targets:
            if body[last] == _LDC:
                constant = pool.text_of(body[last + 1])
            elif body[last] == _LDC_W:
                constant = pool.text_of(pool.number(last + 1))
        yield index, constant or None


def _code(pool: _Pool) -> Iterator[tuple[int, int]]:
    """Where the code of each method begins and ends (4.5 to 4.7)."""
    place = pool.end + 8 + 2 * pool.number(pool.end + 6)
    for is_method in (False, True):
        count = pool.number(place)
        place += 2
        for _ in range(count):
            attributes = pool.number(place + 6)
            place += 8
            for _ in range(attributes):
                length = _four(pool.body, place + 2)
                if is_method and pool.texts.get(pool.number(place)) == b"Code":
                    start = place + 14
                    end = start + _four(pool.body, place + 10)
                    if end > place + 6 + length:
                        raise DamagedClass("its code does not end where it should")
                    yield start, end
                place += 6 + length


def _four(body: bytes, place: int) -> int:
    if place + 4 > len(body):
        raise DamagedClass("it ends too early")
    return int.from_bytes(body[place : place + 4], "big")


def _align_switch(start: int, place: int) -> int:
    """Where the numbers of a switch begin: at a multiple of four from the start of the code."""
    return place + 4 - (place - start) % 4


def _switch_words(pool: _Pool, start: int, place: int) -> int:
    """How many numbers of four bytes a switch has."""
    words = _align_switch(start, place)
    if pool.body[place] == _LOOKUP:
        return 2 + 2 * _four(pool.body, words + 4)
    count = _to_signed(_four(pool.body, words + 8)) - _to_signed(_four(pool.body, words + 4)) + 1
    return 3 + max(0, count)


def _length_of(pool: _Pool, start: int, place: int) -> int:
    opcode = pool.body[place]
    if opcode in (_TABLE, _LOOKUP):
        return _align_switch(start, place) - place + 4 * _switch_words(pool, start, place)
    if opcode == _WIDE_OPCODE:
        return 6 if pool.body[place + 1] == _IINC else 4
    return _LENGTHS[opcode]


def _to_signed(number: int, bits: int = 32) -> int:
    return number - (1 << bits) if number >> (bits - 1) else number


def _targets(pool: _Pool, start: int, place: int, end: int) -> Iterator[int]:
    """Where an instruction may jump to."""
    opcode = pool.body[place]
    if opcode in _BRANCHES:
        yield place + _to_signed(pool.number(place + 1), 16)
    elif opcode in _FAR_BRANCHES:
        yield place + _to_signed(_four(pool.body, place + 1))
    elif opcode in (_TABLE, _LOOKUP):
        words, count = _align_switch(start, place), _switch_words(pool, start, place)
        if words + 4 * count > end:
            raise DamagedClass("a switch of it is longer than its code")
        # Of a table the second and third number are not targets, nor are the keys of a look-up: a few more do no harm.
        for number in range(count):
            yield place + _to_signed(_four(pool.body, words + 4 * number))
