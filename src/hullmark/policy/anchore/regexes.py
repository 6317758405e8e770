"""Python's regular expressions, matched at the start of a text, in bounded time whatever the expression and the text.

Expressions come from other people's policies and texts come from images; together they could keep Python's matcher busy for ever. The work
that an expression can cost on a text of a given length is therefore estimated from its syntax tree. If it is small, Python matches. If it
may be large, a matcher of our own is used, which tries each place of the expression at each place of the text once (linear in both). It
cannot backtrack into groups, so it refuses backreferences, atomic groups and possessive repetitions. Both count their work against a
budget.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from hullmark.model.limit import Limit
from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.regex_cost import NEVER, Room, first_characters, fragments, required_texts, work_for
from hullmark.policy.anchore.regex_program import TooLarge, fits, program_of
from hullmark.policy.anchore.regex_tree import flags_of, parse

MAX_PATTERN = Limit(2000, "characters of a regular expression in Anchore's language", "refused")
MAX_TEXT = Limit(1 << 20, "characters of a text that a regular expression in Anchore's language is tried on")

_QUICK = 50_000
_MAX_LOOKED_AT = 20_000  # characters of the longest text that is examined more closely before it is matched
_BUDGET = 200_000_000
_FOLDED = (("\u0130", "i"), ("\u0131", "i"), ("\u017f", "s"), ("\u212a", "k"))
"""What also fits i, s and k where case does not count."""

_FOLDED_BYTES = tuple((wide.encode(), narrow.encode()) for wide, narrow in _FOLDED)
_STEP_OF_OURS = 10  # a step of our own matcher takes as long as several of Python's


class Work:
    """The amount of matching one rule may still do, in steps of Python's matcher."""

    def __init__(self, budget: int = _BUDGET) -> None:
        self.left = budget

    def spend(self, steps: int) -> None:
        """Deduct work from the budget. Raises RuleFailed once it is used up."""
        self.left -= steps
        if self.left < 0:
            raise RuleFailed("its regular expression takes too long on this image; write it with fewer repetitions")


class Expression:
    """A compiled expression. Raises ValueError for an invalid one."""

    def __init__(self, text: str) -> None:
        if len(text) > MAX_PATTERN:
            raise ValueError(f"expected a regular expression of at most {MAX_PATTERN} characters")
        try:
            self._tree, self._flags = parse(text)
            self._match = re.compile(text).match
        except (re.error, RecursionError, OverflowError) as error:
            raise ValueError(f"expected a regular expression, not {text[:60]!r}: {error}") from error
        self.text = text
        self._first = first_characters(self._tree, self._flags)
        self._required = required_texts(self._tree, self._flags)
        self._required_bytes = tuple(part.encode() for part in self._required)
        parts = fragments(self._tree, self._flags)
        self._fragments = tuple(re.compile(part, flags_of(self._flags)) for part in parts)
        self._costs: dict[int, int] = {}
        self._program: Sequence[Any] | None = None

    def may_fit(self, text: str) -> bool:
        """Whether all the literal parts occur in the text; quickly rules out most texts, of any length."""
        if not self._required:
            return True
        if not text.isascii():
            for wide, narrow in _FOLDED:
                text = text.replace(wide, narrow)
        lowered = text.lower()
        return all(part in lowered for part in self._required)

    @property
    def required_bytes(self) -> tuple[bytes, ...]:
        """Folded bytes that occur in every text that matches, once the text is folded too."""
        return self._required_bytes

    def matches(self, text: str, work: Work) -> bool:
        """Whether it matches at the start of the text, like `re.match`. Raises RuleFailed if that takes too long."""
        if not self._may_begin(text) or not self.may_fit(text):
            return False
        steps = self._cost(len(text))
        if steps > _QUICK and len(text) <= _MAX_LOOKED_AT:
            steps = work_for(self._tree, self._flags, Room(len(text), text))
        if steps <= _QUICK:
            work.spend(steps // 8 + 1)  # the worst case is rare, and Python's steps are short
            return self._match(text) is not None
        if not self._has_fragments(text):
            work.spend(len(text))
            return False
        if len(text) > MAX_TEXT:
            raise RuleFailed(f"a text of {len(text)} characters is too long for its regular expression")
        try:
            if self._program is None:
                self._program = program_of(self._tree, self._flags)
            limit = work.left // _STEP_OF_OURS
            left = [limit]
            found = fits(self._program, text, left)
        except TooLarge as error:
            raise RuleFailed(f"its regular expression may take too long, and {error}") from error
        work.spend((limit - left[0]) * _STEP_OF_OURS if left[0] >= 0 else work.left + 1)
        return found

    def _may_begin(self, text: str) -> bool:
        mask, is_empty = self._first
        return is_empty or (text != "" and bool(mask >> min(ord(text[0]), 128) & 1))

    def _has_fragments(self, text: str) -> bool:
        """Whether the parts of a fixed width occur in their order; another quick way to rule texts out."""
        at = 0
        for fragment in self._fragments:
            found = fragment.search(text, at)
            if found is None:
                return False
            at = found.end()
        return True

    def _cost(self, length: int) -> int:
        rounded = 1 << length.bit_length()
        if rounded not in self._costs:
            self._costs[rounded] = min(work_for(self._tree, self._flags, Room(rounded)), NEVER)
        return self._costs[rounded]


def fold_bytes(body: bytes) -> bytes:
    """UTF-8 with ASCII capitals, and other characters that count as the same letter, replaced by small letters."""
    for wide, narrow in _FOLDED_BYTES:
        body = body.replace(wide, narrow)
    return body.lower()


@lru_cache(maxsize=512)
def expression(text: str) -> Expression:
    """The compiled expression, cached. Raises ValueError for an invalid one."""
    return Expression(text)


def compile_expression(text: str) -> Expression:
    """The expression of a rule. Raises RuleFailed for an invalid one."""
    try:
        return expression(text)
    except ValueError as error:
        raise RuleFailed(str(error)) from error
