"""The ways that a script may go: several at once where a condition cannot be known, and fewer again where they come together."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import NamedTuple

from hullmark.facets.configuration.shell_expansion import ShellState, join_word
from hullmark.facets.configuration.shell_syntax import CompoundCommand, Node, SimpleCommand
from hullmark.facets.configuration.shell_words import ShellWord, WordPart
from hullmark.model.limit import Limit

MAX_WAYS = Limit(16, "ways that a start script may go")


class Way(NamedTuple):
    """A shell that goes on, and whether its last command succeeded; None: nobody knows."""

    state: ShellState
    success: bool | None = None


def is_option(node: SimpleCommand) -> bool:
    """Whether `set` only switches something, as in `set -e`."""
    second = node.words[1][0] if len(node.words) > 1 and node.words[1] else WordPart("unknown")
    return len(node.words) == 2 and second.text[:1] in ("-", "+") and second.text != "--"


def every(parts: Iterable[list[Node]]) -> Iterable[Node]:
    for part in parts:
        for node in part:
            yield node
            if isinstance(node, CompoundCommand):
                yield from every(node.parts)


def fits(text: str | None, patterns: ShellWord, state: ShellState) -> bool | None:
    """Whether a branch of a case is taken."""
    one: list[WordPart] = []
    answers: list[bool | None] = []
    for part in (*patterns[1:], WordPart("pattern")):
        if part.kind != "pattern":
            one.append(part)
            continue
        pattern = join_word(tuple(one), state)
        is_any = pattern is not None and set(pattern) == {"*"}
        answers.append(True if is_any else None if text is None or pattern is None else fnmatchcase(text, pattern))
        one = []
    return True if True in answers else None if None in answers else False


def merge_ways(ways: list[Way]) -> list[Way]:
    """The ways, those with the same arguments and success as one. What their variables differ in is not known."""
    found: dict[object, Way] = {}
    for way in ways:
        arguments = way.state.arguments
        key = (None if arguments is None else tuple(word.text for word in arguments), way.success)
        known = found.setdefault(key, way)
        if known is not way:
            _join(known.state, way.state)
    kept = list(found.values())
    if len(kept) <= MAX_WAYS:
        return kept
    for way in kept[1:]:
        _join(kept[0].state, way.state)
    kept[0].state.arguments = None
    return [Way(kept[0].state)]


def _join(state: ShellState, other: ShellState) -> None:
    for name in other.variables.keys() | state.variables.keys():
        if name not in state.variables or name not in other.variables or state.variables[name] != other.variables[name]:
            state.variables[name] = None
    state.exported |= other.exported
    state.places = {**other.places, **state.places}
