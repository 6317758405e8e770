"""Values that were masked before a rule sees them: what can still be concluded from them, and what cannot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from hullmark.facets.secrets.names import is_secret_value
from hullmark.policy.anchore.regex_program import Character, End, Look, Place, Split, Step, TooLarge, program_of
from hullmark.policy.anchore.regex_tree import parse
from hullmark.policy.globs import PathGlob
from hullmark.policy.values import NameGlob, Pattern

_MASK = re.compile(r"\*{3,}")
_FOREIGN = re.compile(r"\[\[:|\\[pPzCQ]|\(\?[a-zA-Z]*[sU-]").search
"""What RE2 has and Python's parser does not read as RE2 does."""

_PROBES = ("x", "0", "Ab1-c_9/Zz.~+", "A" * 40)
_KINDS = ("a", " ")
_MOST = 400_000

Glob = NameGlob | PathGlob


def is_masked(text: str) -> bool:
    """Whether a part of a text was masked."""
    return "***" in text


def surely_fits(pattern: Pattern, text: str) -> bool:
    """Whether an expression that matches a masked text matches whatever was masked, as far as some trial values show."""
    return not is_masked(text) or all(pattern.is_in(_MASK.sub(probe, text)) for probe in _PROBES)


def may_fit(pattern: Pattern, text: str) -> bool:
    """Whether an expression may match a text, depending on what was masked in it. True if that cannot be worked out."""
    if not is_masked(text):
        return pattern.is_in(text)
    program = _program(pattern.text)
    if program is None or len(program) * len(text) > _MOST:
        return True
    states: set[int] = set()
    at = 0
    for found in _MASK.finditer(text):
        before = _read(program, text, at, found.start(), states)
        behind = _anything(program, before) if before is not None else None
        if behind is None:
            return True
        states, at = behind, found.end()
    return _read(program, text, at, len(text), states) is None


def may_be(globs: Iterable[Glob], text: str) -> bool:
    """Whether a masked value may be one that a glob matches. Empty values, switches and well-known defaults are never masked."""
    begin, end = _MASK.split(text)[0], _MASK.split(text)[-1]
    for glob in globs:
        wanted = glob.text
        fixed = wanted.startswith(begin) and wanted.endswith(end) and len(wanted) > len(begin) + len(end)
        hidden = wanted[len(begin) : len(wanted) - len(end)]
        if any(char in wanted for char in "*?") or (fixed and is_secret_value("password", hidden.encode())):
            return True
    return False


@lru_cache(maxsize=256)
def _program(text: str) -> Sequence[Step] | None:
    if _FOREIGN(text):
        return None
    try:
        return program_of(*parse(text))
    except (re.error, RecursionError, OverflowError, TooLarge):
        return None


def _read(program: Sequence[Step], text: str, start: int, stop: int, states: set[int]) -> set[int] | None:
    """The steps at which the expression may be after reading these characters; None if it has already matched."""
    now = states
    for at in range(start, stop + 1):
        now = _spread(program, now | {0}, text, at)
        if any(isinstance(program[step], End) for step in now):
            return None
        if at < stop:
            now = {step + 1 for step in now if isinstance(held := program[step], Character) and held.holds(text[at])}
    return now


def _anything(program: Sequence[Step], states: set[int]) -> set[int] | None:
    """The steps at which the expression may be after one or more characters of any kind; None if it may match within them."""
    seen: set[int] = set()
    now = {step + 1 for step in _spread(program, states | {0}) if isinstance(program[step], Character)}
    while not now <= seen:
        seen |= now
        reached = _spread(program, seen | {0})
        if any(isinstance(program[step], End) for step in reached):
            return None
        now = {step + 1 for step in reached if isinstance(program[step], Character)}
    return None if any(isinstance(program[step], End) for step in _spread(program, seen)) else seen


def _spread(program: Sequence[Step], states: set[int], text: str = "", at: int = -1) -> set[int]:
    """All steps that can be reached without reading a character. At a position inside or next to a mask, any character counts as
    possible.
    """
    reached, todo = set(states), list(states)
    while todo:
        number = todo.pop()
        step = program[number]
        targets: tuple[int, ...] = ()
        if isinstance(step, Split):
            targets = step.targets
        elif isinstance(step, Look) or (isinstance(step, Place) and _may_be_at(step, text, at)):
            targets = (number + 1,)
        todo += [target for target in targets if target not in reached]
        reached |= set(targets)
    return reached


def _may_be_at(place: Place, text: str, at: int) -> bool:
    if at < 0:
        return any(place.fits(f"a{before}{after}a", 2) is not None for before in _KINDS for after in _KINDS)
    if "*" not in text[max(0, at - 1) : at + 1]:
        return place.fits(text, at) is not None
    return any(place.fits(text.replace("*", kind), at) is not None for kind in _KINDS)
