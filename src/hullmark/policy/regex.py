"""Regular expressions that are matched in time linear in the text, whatever the text.

The language is Python's (library reference, re) with the ASCII flag, less what cannot be matched so: no backreferences, no
looking ahead or behind, no flags but `(?i)` at the start. `^` and `$` are the ends of a line. The text comes out of an
image, so whoever made the image could otherwise keep a rule busy for ever.

An expression becomes a program of steps (Thompson, 1968); states of the program are found as the text asks for them and kept, up
to a limit.
"""

from __future__ import annotations

from collections.abc import Iterator

from hullmark.policy.regex_syntax import Assertion, Chars, Instruction, Match, Split, parse

MAX_STATES = 2000
MAX_MOVES = 50_000

_START, _WORD, _OTHER, _END = range(4)


class _State(dict[str, "_State"]):
    """A set of places in the program, and what stood before; the next states by character, found when first asked for."""

    __slots__ = ("before", "machine", "places")

    def __init__(self, machine: Machine, places: frozenset[int], before: int) -> None:
        super().__init__()
        self.machine = machine
        self.places = places
        self.before = before

    def __missing__(self, char: str) -> _State:
        following = self.machine.step(self, char)
        self[char] = following
        return following


class Machine:
    """A compiled expression."""

    def __init__(self, program: tuple[Instruction, ...], literal: str) -> None:
        self._program = program
        self._literal = literal
        self._states: dict[tuple[frozenset[int], int], _State] = {}
        self._moves = 0
        self._found = _State(self, frozenset(), _END)

    def is_in(self, text: str) -> bool:
        """Whether it fits anywhere in the text."""
        if self._literal not in text:
            return False
        found = self._found
        state = self._state(frozenset((0,)), _START)
        for char in text:
            state = state[char]
            if state is found:
                return True
        return self._ends(state.places, state.before, _END)[1]

    def first_line(self, text: str) -> int | None:
        """The number of the first line it fits in, counted from 1."""
        if self._literal not in text:
            return None
        for number, line in enumerate(text.split("\n"), 1):
            if self._literal in line and self.is_in(line.removesuffix("\r")):
                return number
        return None

    def step(self, state: _State, char: str) -> _State:
        """The state after one more character."""
        self._moves += 1
        if self._moves > MAX_MOVES or len(self._states) > MAX_STATES:
            self._forget()
        kind = _WORD if char.isascii() and (char.isalnum() or char == "_") else _OTHER
        places, is_found = self._ends(state.places, state.before, kind)
        if is_found:
            return self._found
        following = {place + 1 for place, chars in places if chars.holds(char)}
        following.add(0)
        return self._state(frozenset(following), kind)

    def _state(self, places: frozenset[int], before: int) -> _State:
        known = self._states.get((places, before))
        if known is None:
            known = self._states[places, before] = _State(self, places, before)
        return known

    def _forget(self) -> None:
        """Drop all states: a text made to produce ever new ones must not fill the memory."""
        for state in self._states.values():
            state.clear()
        self._states.clear()
        self._moves = 0

    def _ends(self, places: frozenset[int], before: int, after: int) -> tuple[list[tuple[int, Chars]], bool]:
        """The places that wait for a character, and whether the program has come to its end."""
        waiting: list[tuple[int, Chars]] = []
        todo, seen = list(places), set(places)
        while todo:
            place = todo.pop()
            instruction = self._program[place]
            if isinstance(instruction, Match):
                return [], True
            if isinstance(instruction, Chars):
                waiting.append((place, instruction))
                continue
            for target in _targets(instruction, place, before, after):
                if target not in seen:
                    seen.add(target)
                    todo.append(target)
        return waiting, False


def _targets(instruction: Split | Assertion, place: int, before: int, after: int) -> Iterator[int]:
    if isinstance(instruction, Split):
        yield from instruction.targets
    elif _holds(instruction.kind, before, after):
        yield place + 1


def _holds(kind: str, before: int, after: int) -> bool:
    if kind == "^":
        return before == _START
    if kind == "$":
        return after == _END
    is_edge = (before == _WORD) != (after == _WORD)
    return is_edge if kind == "b" else not is_edge


def compile_pattern(text: str) -> Machine:
    """Compile an expression; raises ValueError with a sentence for what it does not take."""
    program, literal = parse(text)
    return Machine(program, literal)
