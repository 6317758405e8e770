"""An upper estimate of the work that a backtracking matcher can have with an expression on a text of a given length, from the syntax tree.

From a given place, each part of an expression can match in some number of ways (`ways`). If a later part does not match, the matcher tries
them all. A repetition of a character class has only one way if what follows cannot begin with a character of that class.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, reduce
from operator import or_
from typing import NamedTuple

from hullmark.model.limit import Limit
from hullmark.policy.anchore.regex_tree import (
    ONE_CHARACTER,
    REPETITIONS,
    Node,
    character_source,
    flags_of,
    group_of,
    kind_of,
)

NEVER = 10**15
"""Stands for all that is more."""

_ALL = (1 << 129) - 1
_OTHER = 1 << 128  # characters that are not ASCII
_MAX_DEPTH = Limit(60, "parts in each other of a regular expression whose cost is reckoned")
_WIDE = re.compile(r"\.$|\[\^|\\[dDsSwW]").search
_CODES = re.compile(r"\\U([0-9a-f]{8})").findall


class Room:
    """How far repetitions can extend: in any text of a given length or, more tightly, in one particular text."""

    def __init__(self, length: int, text: str | None = None) -> None:
        self.length = length
        self._text = text
        self._counts = Counter(text) if text is not None else None

    def run(self, source: str, flags: int) -> int:
        """The longest run of characters of a class."""
        if self._text is None:
            return self.length
        return max(map(len, re.findall(f"(?:{source})+", self._text, flags)), default=0)

    def places(self, mask: int) -> int:
        """The number of places at which a character of the mask occurs, counting the end of the text."""
        if self._counts is None:
            return self.length
        return 1 + sum(count for char, count in self._counts.items() if mask >> min(ord(char), 128) & 1)


class Cost(NamedTuple):
    """The number of ways a part may match from one place, and the steps needed to try them all."""

    ways: int
    steps: int


def work_for(tree: Sequence[Node], flags: int, room: Room) -> int:
    """The largest number of steps to match at the start of a text; at most NEVER."""
    try:
        return _sequence(tree, flags, 0, room, 0).steps
    except RecursionError:
        return NEVER


def first_characters(tree: Sequence[Node], flags: int) -> tuple[int, bool]:
    """The characters a match can begin with (one bit for each ASCII character, and one for all others), and whether a match can be
    empty.
    """
    return _first(tree, flags, 0)


def required_texts(tree: Sequence[Node], flags: int) -> tuple[str, ...]:
    """Texts, in small letters, that occur in every text that matches. Compare them in small letters, with ASCII rules."""
    found: list[str] = []
    run = ""
    for node in tree:
        if kind_of(node) == "LITERAL" and node[1] < 128:
            run += chr(node[1]).lower()
            continue
        found.append(run)
        run = ""
        if kind_of(node) == "SUBPATTERN":
            found += required_texts(list(node[1][3]), flags)
    return tuple(sorted({text for text in (*found, run) if len(text) > 1}, key=len, reverse=True))


def fragments(tree: Sequence[Node], flags: int) -> tuple[str, ...]:
    """Expressions of a fixed width that occur in this order in every text that matches."""
    found: list[str] = []
    run: list[str] = []
    for node in _flat(tree):
        kind, value = kind_of(node), node[1]
        if kind in ONE_CHARACTER:
            run.append(character_source(node))
            continue
        if kind in REPETITIONS and value[0] > 0 and len(value[2]) == 1 and kind_of(value[2][0]) in ONE_CHARACTER:
            run.append(character_source(value[2][0]))  # at least one of them, directly after the preceding part
        elif kind == "AT":
            continue
        found.append("".join(run))
        run = []
    return tuple(text for text in (*found, "".join(run)) if text)


def _flat(tree: Sequence[Node]) -> Iterator[Node]:
    """The nodes of a sequence, with plain groups replaced by their nodes."""
    for node in tree:
        if kind_of(node) == "SUBPATTERN" and not node[1][1] and not node[1][2]:
            yield from _flat(list(node[1][3]))
        else:
            yield node


@lru_cache(maxsize=4096)
def _mask(source: str, flags: int) -> int:
    """The ASCII characters in a class, one bit each. The last bit is set if the class may hold other characters."""
    fits = re.compile(source, flags).match
    mask = sum(1 << code for code in range(128) if fits(chr(code)))
    may_hold_others = flags & re.IGNORECASE or _WIDE(source) or any(int(code, 16) > 127 for code in _CODES(source))
    return mask | _OTHER if may_hold_others else mask


def _first(nodes: Sequence[Node], flags: int, depth: int) -> tuple[int, bool]:
    """The characters that the nodes can begin with, and whether they can be empty."""
    mask = 0
    for node in nodes:
        own, is_empty = _first_of(node, flags, depth)
        mask |= own
        if not is_empty:
            return mask, False
    return mask, True


def _first_of(node: Node, flags: int, depth: int) -> tuple[int, bool]:
    kind, value = kind_of(node), node[1]
    if depth > _MAX_DEPTH:
        return _ALL, True
    if kind in ONE_CHARACTER:
        return _mask(character_source(node), flags_of(flags)), False
    if kind in REPETITIONS:
        mask, is_empty = _first(list(value[2]), flags, depth + 1)
        return mask, is_empty or value[0] == 0
    if kind == "SUBPATTERN":
        return _first(*group_of(value, flags), depth + 1)
    if kind == "ATOMIC_GROUP":
        return _first(list(value), flags, depth + 1)
    if kind == "BRANCH":
        parts = [_first(list(part), flags, depth + 1) for part in value[1]]
        return _union(part[0] for part in parts), any(part[1] for part in parts)
    if kind in ("AT", "ASSERT", "ASSERT_NOT"):
        return 0, True
    return _ALL, True


def _union(masks: Iterable[int]) -> int:
    return reduce(or_, masks, 0)


def _sequence(nodes: Sequence[Node], flags: int, follow: int, room: Room, depth: int) -> Cost:
    """The cost of nodes in sequence. `follow`: the characters that may come after the nodes."""
    follows = [follow] * len(nodes)
    for i in range(len(nodes) - 2, -1, -1):
        mask, is_empty = _first_of(nodes[i + 1], flags, depth)
        follows[i] = mask | (follows[i + 1] if is_empty else 0)
    ways, steps = 1, 1
    for node, after in zip(nodes, follows, strict=True):
        cost = _one(node, flags, after, room, depth)
        steps = min(steps + ways * cost.steps, NEVER)
        ways = min(ways * cost.ways, NEVER)
    return Cost(ways, steps)


def _one(node: Node, flags: int, follow: int, room: Room, depth: int) -> Cost:
    kind, value = kind_of(node), node[1]
    if depth > _MAX_DEPTH:
        return Cost(NEVER, NEVER)
    if kind in REPETITIONS:
        return _repetition(value, flags, follow, room, depth)
    if kind == "SUBPATTERN":
        inner, inner_flags = group_of(value, flags)
        return _sequence(inner, inner_flags, follow, room, depth + 1)
    if kind == "BRANCH":
        return _branch(value[1], flags, follow, room, depth)
    if kind == "ATOMIC_GROUP":
        return Cost(1, _sequence(list(value), flags, follow, room, depth + 1).steps)
    if kind in ("ASSERT", "ASSERT_NOT"):
        return Cost(1, _sequence(list(value[1]), flags, _ALL, room, depth + 1).steps)
    if kind in ("GROUPREF", "GROUPREF_EXISTS"):
        return Cost(NEVER, NEVER) if kind == "GROUPREF_EXISTS" else Cost(1, room.length)
    return Cost(1, 1)


def _repetition(value: tuple[int, int, Sequence[Node]], flags: int, follow: int, room: Room, depth: int) -> Cost:
    low, high, body = int(value[0]), int(value[1]), list(value[2])
    mask, is_empty = _first(body, flags, depth)
    is_class = len(body) == 1 and kind_of(body[0]) in ONE_CHARACTER
    most = min(high, room.run(character_source(body[0]), flags_of(flags)) if is_class else room.length)
    inner = _sequence(body, flags, mask | follow, room, depth + 1)
    if inner.ways > 1 or (is_empty and most > 1):
        total = NEVER if most > 40 or inner.ways**most > NEVER else inner.ways**most
        return Cost(total, min((most + 1) * inner.steps * total, NEVER))
    is_certain = not mask & follow
    ways = 1 if is_certain and high > 1 else max(min(most - low + 1, room.places(follow)), 1)
    return Cost(ways, min((most + 1) * inner.steps, NEVER))


def _branch(parts: Sequence[Sequence[Node]], flags: int, follow: int, room: Room, depth: int) -> Cost:
    costs = [_sequence(list(part), flags, follow, room, depth + 1) for part in parts]
    firsts = [_first(list(part), flags, depth) for part in parts]
    seen, is_apart = 0, True
    for mask, is_empty in firsts:
        is_apart = is_apart and not mask & seen and not is_empty
        seen |= mask
    ways = max(cost.ways for cost in costs) if is_apart else min(sum(cost.ways for cost in costs), NEVER)
    return Cost(ways, min(sum(cost.steps for cost in costs), NEVER))
