"""Regular expressions that are matched in time linear in the text, whatever the text: RE2's (github.com/google/re2/wiki/Syntax).

The text comes out of an image, so whoever made the image could otherwise keep a rule busy for ever. What RE2 does not have
(backreferences, looking ahead or behind) is refused when the policy is read.
"""

from __future__ import annotations

import re
from typing import Any

from hullmark.model.limit import Limit

MAX_PATTERN = Limit(10_000, "characters of a regular expression in a policy", "refused")

_MEMORY = 8 << 20
_EDGES_OF_TEXT = re.compile(r"\\[AzQ]|\(\?[a-zA-Z]*[sU-]").search
_NO_CHARACTER = re.compile("[\ud800-\udfff]").sub
_OPEN_REPEAT = re.compile(r"(?<!\\)\{,[0-9]+\}").search


class Expression:
    """A compiled expression."""

    __slots__ = ("_in_lines", "_in_text", "_is_by_line")

    def __init__(self, text: str) -> None:
        self._in_text = _compile_pattern(text)
        # Where the ends of a text are spelled out, or `.` may be an end of line, lines have to be looked at one by one.
        self._is_by_line = _EDGES_OF_TEXT(text) is not None
        self._in_lines = None if self._is_by_line else _compile_pattern(text, "(?m)")

    def is_in(self, text: str) -> bool:
        """Whether it fits anywhere in the text, which is taken as one line."""
        return self._in_text.search(_bytes_of(text)) is not None

    def first_line(self, text: str) -> int | None:
        """The number of the first line it fits in, counted from 1. A carriage return at its end is not a part of a line."""
        body = _bytes_of(text).replace(b"\r\n", b"\n").removesuffix(b"\r")
        before = 0
        if self._in_lines is not None:
            found = self._in_lines.search(body)
            if found is None:
                return None
            start, end = found.span()
            before = body.count(b"\n", 0, start)
            if body.find(b"\n", start, end) < 0:
                return before + 1
            body = body[body.rfind(b"\n", 0, start) + 1 :]  # what it fits goes over an end of line, so no line may fit
        for number, line in enumerate(body.split(b"\n"), before + 1):
            if self._in_text.search(line) is not None:
                return number
        return None


def compile_pattern(text: str) -> Expression:
    """Compile an expression; raises ValueError with a sentence for what it does not take."""
    if len(text) > MAX_PATTERN:
        raise ValueError(f"expected a regular expression of at most {MAX_PATTERN} characters")
    if _OPEN_REPEAT(text):
        raise ValueError("expected a regular expression; write {0,n} for at most n times, not {,n}")
    return Expression(text)


def _compile_pattern(text: str, flags: str = "") -> Any:
    import re2  # takes its time, and not every policy has expressions

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    try:
        return re2.compile(f"{flags}{text}".encode(), options)
    except (re2.error, UnicodeEncodeError) as error:
        detail = error.args[0]
        reason = detail.decode("utf-8", "replace") if isinstance(detail, bytes) else "it is not text"
        raise ValueError(f"expected a regular expression; RE2 says: {reason}") from error


def _bytes_of(text: str) -> bytes:
    """A text as the engine takes it. What is not a character, as in names that are not UTF-8, is one that stands for any such."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _NO_CHARACTER("\ufffd", text).encode()
