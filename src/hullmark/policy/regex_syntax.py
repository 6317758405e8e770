"""The syntax of the regular expressions of hullmark.policy.regex: text → program of steps."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hullmark.model.limit import Limit

MAX_PROGRAM = Limit(1000, "steps of a regular expression", "refused")
MAX_DEPTH = Limit(40, "groups in each other of a regular expression", "refused")
MAX_REPEAT = Limit(500, "repetitions that a regular expression asks for", "refused")

_DIGITS = ((48, 57),)
_WORDS = ((48, 57), (65, 90), (95, 95), (97, 122))
_SPACES = ((9, 13), (32, 32))
_CLASSES = {"d": _DIGITS, "w": _WORDS, "s": _SPACES}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v", "a": "\a", "0": "\0"}
_BRACES = re.compile(r"\{([0-9]*+)(,?)([0-9]*+)\}")
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})")
_GROUP = re.compile(r"\?:|\?P<[A-Za-z_][A-Za-z0-9_]*>")

Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of ranges of code points, or out of all others."""

    ranges: Ranges
    is_negated: bool = False
    any_case: bool = False

    def holds(self, char: str) -> bool:
        """Whether the character is one of them."""
        return self._has(ord(char)) != self.is_negated

    def _has(self, code: int) -> bool:
        if any(low <= code <= high for low, high in self.ranges):
            return True
        if not self.any_case or not (65 <= code <= 90 or 97 <= code <= 122):
            return False
        return any(low <= code ^ 32 <= high for low, high in self.ranges)


@dataclass(frozen=True, slots=True)
class Split:
    """Go on at any of the places."""

    targets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Assertion:
    """Go on if a condition holds here: `^`, `$`, `b` (edge of a word) or `B` (none)."""

    kind: str


@dataclass(frozen=True, slots=True)
class Match:
    """The expression fits."""


Instruction = Chars | Split | Assertion | Match

_ANY = Chars(((10, 10),), is_negated=True)


@dataclass(frozen=True, slots=True)
class _Sequence:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Choice:
    parts: tuple[_Node, ...]


@dataclass(frozen=True, slots=True)
class _Repeat:
    part: _Node
    low: int
    high: int | None


_Node = Chars | Assertion | _Sequence | _Choice | _Repeat


def parse(text: str) -> tuple[tuple[Instruction, ...], str]:
    """The program, and a literal text that stands in whatever it fits (empty if none is known)."""
    reader = _Reader(text)
    node = reader.read()
    writer = _Writer()
    writer.write(node)
    writer.add(Match())
    return tuple(writer.program), "" if reader.any_case else _literal(node)


@dataclass(slots=True)
class _Reader:
    text: str
    at: int = 0
    depth: int = 0
    any_case: bool = False

    def read(self) -> _Node:
        if self.text.startswith("(?i)"):
            self.any_case, self.at = True, 4
        node = self._choice()
        if self.at < len(self.text):
            raise self._wrong("a closing parenthesis without an opening one")
        return node

    def _wrong(self, reason: str) -> ValueError:
        return ValueError(f"expected a regular expression; there is {reason} at character {self.at + 1}")

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _take(self) -> str:
        char = self._peek()
        if not char:
            raise self._wrong("something missing")
        self.at += 1
        return char

    def _choice(self) -> _Node:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._wrong("too deep a nesting")
        branches = [self._sequence()]
        while self._peek() == "|":
            self.at += 1
            branches.append(self._sequence())
        self.depth -= 1
        return branches[0] if len(branches) == 1 else _Choice(tuple(branches))

    def _sequence(self) -> _Node:
        parts: list[_Node] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated(self._atom()))
        return parts[0] if len(parts) == 1 else _Sequence(tuple(parts))

    def _repeated(self, atom: _Node) -> _Node:
        bounds = self._bounds()
        if bounds is None:
            return atom
        low, high = bounds
        if max(low, high or 0) > MAX_REPEAT or (high is not None and high < low):
            raise self._wrong(f"a repetition that is not within 0 to {MAX_REPEAT}")
        if self._peek() == "?":  # lazy or greedy makes no difference to whether it fits
            self.at += 1
        elif self._peek() == "+" or self._bounds() is not None:
            raise self._wrong("a repetition of a repetition")
        return _Repeat(atom, low, high)

    def _bounds(self) -> tuple[int, int | None] | None:
        simple: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
        char = self._peek()
        if char in simple:
            self.at += 1
            return simple[char]
        found = _BRACES.match(self.text, self.at)
        if found is None or found[0] == "{}":
            return None
        self.at = found.end()
        low = int(found[1] or 0)
        if not found[2]:
            return low, low
        return low, int(found[3]) if found[3] else None

    def _atom(self) -> _Node:
        char = self._take()
        if char == "(":
            return self._group()
        if char == "[":
            return self._set()
        if char == "\\":
            return self._escape()
        if char == ".":
            return _ANY
        if char in "^$":
            return Assertion(char)
        if char in "*+?":
            self.at -= 1
            raise self._wrong("nothing to repeat")
        return self._chars(((ord(char), ord(char)),))

    def _group(self) -> _Node:
        if self._peek() == "?":
            found = _GROUP.match(self.text, self.at)
            if found is None:
                raise self._wrong("a kind of group that cannot be matched in linear time, or a flag not at the start")
            self.at = found.end()
        node = self._choice()
        if self._peek() != ")":
            raise self._wrong("a parenthesis that is not closed")
        self.at += 1
        return node

    def _escape(self) -> _Node:
        char = self._peek()
        if char in ("b", "B"):
            self.at += 1
            return Assertion(char)
        if char in ("A", "Z"):
            self.at += 1
            return Assertion("^" if char == "A" else "$")
        ranges, is_negated = self._escaped()
        return self._chars(ranges, is_negated)

    def _escaped(self) -> tuple[Ranges, bool]:
        """What follows a backslash: a class, or one character."""
        found = _HEX.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
            code = int(found[1] or found[2], 16)
            return ((code, code),), False
        char = self._take()
        if char.lower() in _CLASSES:
            return _CLASSES[char.lower()], char.isupper()
        if char.isdigit() and char != "0":
            raise self._wrong("a backreference, which cannot be matched in linear time,")
        if char.isalnum() and char not in _CONTROLS:
            raise self._wrong(f"an unknown escape \\{char}")
        code = ord(_CONTROLS.get(char, char))
        return ((code, code),), False

    def _set(self) -> _Node:
        is_negated = self._peek() == "^"
        self.at += is_negated
        ranges: list[tuple[int, int]] = []
        is_first = True
        while is_first or self._peek() != "]":
            is_first = False
            ranges += self._range()
        self.at += 1
        return self._chars(tuple(ranges), is_negated)

    def _range(self) -> Ranges:
        low = self._member()
        if self._peek() != "-" or self.text[self.at + 1 : self.at + 2] in ("]", ""):
            return low
        self.at += 1
        high = self._member()
        if (
            len(low) != 1
            or len(high) != 1
            or low[0][0] != low[0][1]
            or high[0][0] != high[0][1]
            or low[0][0] > high[0][0]
        ):
            raise self._wrong("a range of characters that has no sense")
        return ((low[0][0], high[0][0]),)

    def _member(self) -> Ranges:
        char = self._take()
        if char != "\\":
            return ((ord(char), ord(char)),)
        if self._peek() == "b":
            self.at += 1
            return ((8, 8),)
        ranges, is_negated = self._escaped()
        return _complement(ranges) if is_negated else ranges

    def _chars(self, ranges: Ranges, is_negated: bool = False) -> Chars:
        return Chars(ranges, is_negated, self.any_case)


def _complement(ranges: Ranges) -> Ranges:
    edges = [-1, *(edge for low, high in sorted(ranges) for edge in (low, high)), 0x110000]
    return tuple((edges[i] + 1, edges[i + 1] - 1) for i in range(0, len(edges), 2) if edges[i] + 1 < edges[i + 1])


@dataclass(slots=True)
class _Writer:
    program: list[Instruction] = field(default_factory=list)
    written: int = 0

    def add(self, instruction: Instruction) -> int:
        if len(self.program) >= MAX_PROGRAM:
            raise ValueError(
                "expected a regular expression; this one is too large when its repetitions are written out"
            )
        self.program.append(instruction)
        return len(self.program) - 1

    def write(self, node: _Node) -> None:
        self.written += 1  # parts that add nothing count too: they can be repeated as often
        if max(self.written, len(self.program)) > MAX_PROGRAM:
            raise ValueError(
                "expected a regular expression; this one is too large when its repetitions are written out"
            )
        if isinstance(node, _Sequence):
            for part in node.parts:
                self.write(part)
        elif isinstance(node, _Choice):
            self._write_choice(node)
        elif isinstance(node, _Repeat):
            self._write_repeat(node)
        else:
            self.add(node)

    def _write_choice(self, node: _Choice) -> None:
        fork = self.add(Split(()))
        starts, exits = [], []
        for part in node.parts:
            starts.append(len(self.program))
            self.write(part)
            exits.append(self.add(Split(())))
        end = Split((len(self.program),))
        self.program[fork] = Split(tuple(starts))
        for place in exits:
            self.program[place] = end

    def _write_repeat(self, node: _Repeat) -> None:
        for _ in range(node.low):
            self.write(node.part)
        if node.high is None:
            fork = self.add(Split(()))
            self.write(node.part)
            self.add(Split((fork,)))
            self.program[fork] = Split((fork + 1, len(self.program)))
            return
        forks = []
        for _ in range(node.high - node.low):
            forks.append(self.add(Split(())))
            self.write(node.part)
        for fork in forks:
            self.program[fork] = Split((fork + 1, len(self.program)))


def _literal(node: _Node) -> str:
    """The longest run of single characters that every fitting text must hold."""
    parts = node.parts if isinstance(node, _Sequence) else (node,)
    best, run = "", ""
    for part in parts:
        if (
            isinstance(part, Chars)
            and not part.is_negated
            and len(part.ranges) == 1
            and part.ranges[0][0] == part.ranges[0][1]
        ):
            run += chr(part.ranges[0][0])
            best = max(best, run, key=len)
            continue
        run = ""
        if isinstance(part, _Repeat) and part.low:
            best = max(best, _literal(part.part), key=len)
    return best
