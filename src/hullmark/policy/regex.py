"""Regular expressions that are matched in time linear in the text, whatever the text: RE2's (github.com/google/re2/wiki/Syntax).

Texts come from images, so the author of an image could otherwise keep a rule busy for ever. What RE2 does not support (backreferences,
lookahead and lookbehind) is refused when the policy is read.
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
        # If the expression refers to the ends of the text, or `.` may match an end of line, match line by line.
        self._is_by_line = _EDGES_OF_TEXT(text) is not None
        self._in_lines = None if self._is_by_line else _compile_pattern(text, "(?m)")

    def is_in(self, text: str) -> bool:
        """Whether it matches anywhere in the text, which is treated as one line."""
        return self._in_text.search(_bytes_of(text)) is not None

    def first_line(self, text: str) -> int | None:
        """The number of the first line it matches in, counted from 1. A carriage return at the end of a line is not part of it."""
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
            body = body[
                body.rfind(b"\n", 0, start) + 1 :
            ]  # the match spans an end of line, so possibly no single line matches
        for number, line in enumerate(body.split(b"\n"), before + 1):
            if self._in_text.search(line) is not None:
                return number
        return None


def compile_pattern(text: str) -> Expression:
    """Compile an expression. Raises ValueError, with a sentence, if it is not accepted."""
    if len(text) > MAX_PATTERN:
        raise ValueError(f"expected a regular expression of at most {MAX_PATTERN} characters")
    if _OPEN_REPEAT(text):
        raise ValueError("expected a regular expression; write {0,n} for at most n times, not {,n}")
    return Expression(text)


def _compile_pattern(text: str, flags: str = "") -> Any:
    import re2  # slow to import, and not every policy has expressions

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
    """A text in the engine's form. Surrogates, as in names that are not UTF-8, all become the same replacement character."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return _NO_CHARACTER("\ufffd", text).encode()
