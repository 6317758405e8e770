"""A matcher that tries each place of an expression at each place of a text at most once, so that its work is linear in both.

It determines only whether an expression matches at the start, which needs no groups. Expressions that need groups to match are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from hullmark.model.limit import Limit
from hullmark.policy.anchore.regex_tree import (
    ONE_CHARACTER,
    Node,
    character_source,
    flags_of,
    group_of,
    kind_of,
    place_source,
)

MAX_PROGRAM = Limit(5000, "steps of a regular expression in Anchore's language", "refused")
_MAX_DEPTH = Limit(50, "parts in each other of a regular expression in Anchore's language", "refused")


class TooLarge(ValueError):
    """An expression that this matcher refuses, with a clause that gives the reason."""


class Character:
    """Matches one character; results are cached."""

    __slots__ = ("_fits", "known")

    def __init__(self, source: str, flags: int) -> None:
        self._fits = re.compile(source, flags).match
        self.known: dict[str, bool] = {}

    def holds(self, char: str) -> bool:
        """Whether the character matches."""
        answer = self.known.get(char)
        if answer is None:
            answer = self.known[char] = self._fits(char) is not None
        return answer


class Split(NamedTuple):
    """Continue at any of these steps."""

    targets: tuple[int, ...]


class Place(NamedTuple):
    """Continue if the text is at such a place."""

    fits: Callable[[str, int], object]


class Look(NamedTuple):
    """Continue if another program matches here or, with `behind`, that many characters earlier. `is_not`: continue if it does not match."""

    program: Sequence[Step]
    behind: int
    is_not: bool


class End(NamedTuple):
    """The expression has matched."""


Step = Character | Split | Place | Look | End


def program_of(tree: Sequence[Node], flags: int) -> list[Step]:
    """The steps. Raises TooLarge."""
    steps: list[Step] = []
    try:
        _write(tree, flags, steps, 0)
    except RecursionError as error:
        raise TooLarge("it is nested too deep") from error
    steps.append(End())
    return steps


def fits(program: Sequence[Step], text: str, left: list[int]) -> bool:
    """Whether the program matches at the start. `left[0]` is the number of steps it may take, and is updated to what remains; if it is
    below 0 afterwards, the matcher gave up.
    """
    return _fits(program, text, 0, left)


def _fits(program: Sequence[Step], text: str, start: int, left: list[int]) -> bool:
    width, length = len(program), len(text)
    todo, seen = [start * width], set[int]()
    while todo:
        state = todo.pop()
        if state in seen:
            continue
        seen.add(state)
        left[0] -= 1
        if left[0] < 0:
            return False
        at, number = divmod(state, width)
        step = program[number]
        if isinstance(step, Character):
            if at < length and step.holds(text[at]):
                todo.append(state + width + 1)
        elif isinstance(step, Split):
            todo.extend(at * width + target for target in step.targets)
        elif isinstance(step, End):
            return True
        elif _holds(step, text, at, left):
            todo.append(state + 1)
    return False


def _holds(step: Place | Look, text: str, at: int, left: list[int]) -> bool:
    if isinstance(step, Place):
        return step.fits(text, at) is not None
    start = at - step.behind
    return (start >= 0 and _fits(step.program, text, start, left)) is not step.is_not


def _write(nodes: Sequence[Node], flags: int, steps: list[Step], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise TooLarge("it is nested too deep")
    for node in nodes:
        if len(steps) > MAX_PROGRAM:
            raise TooLarge("it is too large when its repetitions are written out")
        _write_one(node, flags, steps, depth)


def _write_one(node: Node, flags: int, steps: list[Step], depth: int) -> None:
    kind, value = kind_of(node), node[1]
    if kind in ONE_CHARACTER:
        steps.append(Character(character_source(node), flags_of(flags)))
    elif kind in ("MAX_REPEAT", "MIN_REPEAT"):
        _write_repetition(int(value[0]), int(value[1]), list(value[2]), flags, steps, depth)
    elif kind == "SUBPATTERN":
        inner, inner_flags = group_of(value, flags)
        _write(inner, inner_flags, steps, depth + 1)
    elif kind == "BRANCH":
        _write_branch(value[1], flags, steps, depth)
    elif kind == "AT":
        steps.append(Place(re.compile(place_source(value), flags_of(flags)).match))
    elif kind in ("ASSERT", "ASSERT_NOT"):
        inner_steps = program_of(list(value[1]), flags)
        behind = value[1].getwidth()[0] if value[0] < 0 else 0
        steps.append(Look(inner_steps, behind, kind == "ASSERT_NOT"))
    else:
        raise TooLarge("it has a backreference, an atomic group or a possessive repetition")


def _write_branch(parts: Sequence[Sequence[Node]], flags: int, steps: list[Step], depth: int) -> None:
    fork = len(steps)
    steps.append(Split(()))
    starts, exits = [], []
    for part in parts:
        starts.append(len(steps))
        _write(list(part), flags, steps, depth + 1)
        exits.append(len(steps))
        steps.append(Split(()))
    for place in exits:
        steps[place] = Split((len(steps),))
    steps[fork] = Split(tuple(reversed(starts)))


def _write_repetition(low: int, high: int, body: list[Node], flags: int, steps: list[Step], depth: int) -> None:
    if max(low, 0 if high > MAX_PROGRAM else high) > MAX_PROGRAM:
        raise TooLarge("it is too large when its repetitions are written out")
    for _ in range(low):
        _write(body, flags, steps, depth + 1)
    if high > MAX_PROGRAM:
        fork = len(steps)
        steps.append(Split(()))
        _write(body, flags, steps, depth + 1)
        steps.append(Split((fork,)))
        steps[fork] = Split((len(steps), fork + 1))
        return
    forks = []
    for _ in range(high - low):
        forks.append(len(steps))
        steps.append(Split(()))
        _write(body, flags, steps, depth + 1)
    for fork in forks:
        steps[fork] = Split((len(steps), fork + 1))
