"""Regular expressions from files of rules: Go's language (RE2) → Python's, and none that hostile text could keep busy for ever.

The languages are those of https://github.com/google/re2/wiki/Syntax and of Python's library reference, re.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Collection

import msgspec

_POSIX = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "ascii": r"\x00-\x7f",
    "blank": r"\t ",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": "!-~",
    "lower": "a-z",
    "print": " -~",
    "punct": r"!-/:-@\[-`{-~",
    "space": r"\t\n\v\f\r ",
    "upper": "A-Z",
    "word": "0-9A-Za-z_",
    "xdigit": "0-9A-Fa-f",
}
_REPEAT = re.compile(r"(?:[*+?]|\{[0-9]+(?:,[0-9]*)?\})")
_OPEN_REPEAT = re.compile(r"[*+]|\{[0-9]+,\}")
_FLAGS = re.compile(r"\(\?([a-zA-Z]*(?:-[a-zA-Z]+)?)([:)])")
_NAMED = re.compile(r"\(\?P?<([A-Za-z_][A-Za-z0-9_]*)>")
_CODE = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_CLASS = re.compile(r"\[:(\^?)([a-z]+):\]")
_GROUPS = ("s", "t", "u")


def check_expression(expression: str) -> str:
    """An expression of Python's that may be tried on hostile text. Raises ValueError with a clause for one that may not."""
    if not expression.isascii():
        raise ValueError("expected ASCII; other bytes are written \\xHH")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", FutureWarning)  # a class that a later Python would read otherwise
            compiled = re.compile(expression.encode())
    except (re.error, OverflowError, RecursionError, FutureWarning) as error:
        raise ValueError(f"it cannot be read: {error}") from error
    if compiled.match(b"") is not None:
        raise ValueError("it fits the empty text")
    _refuse_nested_repeats(expression)
    return expression


def _refuse_nested_repeats(expression: str) -> None:
    """Raise ValueError for nested unbounded repeats: a few bytes could take for ever."""
    outer: list[bool] = []
    holds_open = was_open = False
    at = 0
    while at < len(expression):
        letter, repeat = expression[at], _REPEAT.match(expression, at)
        if letter in "\\[":
            at, was_open = _after_atom(expression, at), False
        elif letter == "(":
            outer.append(holds_open)
            holds_open = was_open = False
            group = re.compile(r"\(\?[^)(:=!<>]*[:=!<>]?").match(expression, at)
            at = group.end() if group else at + 1
        elif letter == ")" and outer:
            was_open = holds_open
            holds_open |= outer.pop()
            at += 1
        elif repeat is not None:
            if _OPEN_REPEAT.fullmatch(repeat[0]):
                if was_open:
                    raise ValueError("a repeat without end stands inside another one, which is not read")
                holds_open = was_open = True
            at = repeat.end() + (expression[repeat.end() : repeat.end() + 1] in ("?", "+"))
        else:
            at, was_open = at + 1, False


def _after_atom(expression: str, at: int) -> int:
    """Behind an escaped letter, or a class."""
    if expression[at] == "\\":
        return at + 2
    end = at + 1 + expression.startswith("^", at + 1)
    end += expression.startswith("]", end)
    while end < len(expression) and expression[end] != "]":
        end += 1 + (expression[end] == "\\")
    return end + 1


class _Group(msgspec.Struct):
    """A group that is being read: flags that were set inside of it, and whether `^` and `$` are the ends of lines."""

    flags: list[str]
    is_multiline: bool


def python_expression(expression: str, secret: str = "") -> str:
    """An expression of Go's in Python's language; the groups named `secret` become s, t and u, others lose their names.

    Raises ValueError with a clause for what Python cannot read.
    """
    return _Translation(expression, secret).translated()


class _Translation:
    """One expression on its way from one language to the other."""

    def __init__(self, expression: str, secret: str) -> None:
        self._text, self._secret = expression, secret
        self._names = iter(_GROUPS)
        self._at = 0
        self._out: list[str] = []
        self._groups = [_Group([], False)]

    def translated(self) -> str:
        """All of it."""
        text = self._text
        while self._at < len(text):
            letter = text[self._at]
            if letter == "\\":
                self._escape()
            elif letter == "[":
                self._class()
            elif letter == "(":
                self._open()
            elif letter in ")|":
                self._close(letter)
            else:
                self._plain(letter)
        self._out.append(")" * len(self._groups[-1].flags))
        return "".join(self._out)

    def _take(self, count: int, translated: str) -> None:
        self._at += count
        self._out.append(translated)

    def _plain(self, letter: str) -> None:
        repeat = _REPEAT.match(self._text, self._at)
        if repeat is None:
            self._take(1, r"\Z" if letter == "$" and not self._groups[-1].is_multiline else letter)
            return
        following = self._text[repeat.end() : repeat.end() + 2]
        if following[:1] in ("*", "+") or following == "??" or (following[:1] == "?" and following[1:] in ("*", "+")):
            raise ValueError("two repeats stand side by side, which Go does not read")
        lazy = following[:1] == "?"
        self._take(len(repeat[0]) + lazy, repeat[0] + "?" * lazy)

    def _escape(self) -> None:
        text, at = self._text, self._at
        letter = text[at + 1 : at + 2]
        code = _CODE.match(text, at)
        if letter == "Q":
            literal = text[at + 2 :].partition(r"\E")[0]
            self._take(len(literal) + 4, re.escape(literal))
        elif code is not None:
            if int(code[1], 16) > 0x7F:
                raise ValueError(f"{code[0]} is no ASCII, and not read")
            self._take(len(code[0]), f"\\x{int(code[1], 16):02x}")
        elif letter in ("p", "P"):
            raise ValueError(f"\\{letter} (classes of Unicode) is not read")
        elif letter == "C" or (letter in set("123456789") and not text[at + 2 : at + 4].isdigit()):
            raise ValueError(f"\\{letter} is not read")
        else:
            self._take(2, r"\Z" if letter == "z" else text[at : at + 2])

    def _class(self) -> None:
        text = self._text
        head = re.compile(r"\[\^?\]?").match(text, self._at)
        self._take(head.end() - head.start(), head[0]) if head else None
        while self._at < len(text) and text[self._at] != "]":
            named = _CLASS.match(text, self._at)
            if text[self._at] == "\\":
                self._escape()
            elif named is not None:
                if named[1] or named[2] not in _POSIX:
                    raise ValueError(f"{named[0]} is not read")
                self._take(len(named[0]), _POSIX[named[2]])
            else:
                # To Python some of them would look like a set in a set.
                letter = text[self._at]
                self._take(1, f"\\{letter}" if letter in "[&|~" else letter)
        if self._at < len(text):
            self._take(1, "]")

    def _open(self) -> None:
        named, flags = _NAMED.match(self._text, self._at), _FLAGS.match(self._text, self._at)
        group = self._groups[-1]
        if named is not None:
            self._take(len(named[0]), f"(?P<{self._group_name()}>" if named[1] == self._secret else "(?:")
            self._groups.append(_Group([], group.is_multiline))
        elif flags is not None:
            self._set_flags(flags)
        elif self._text.startswith("(?", self._at):
            raise ValueError(f"{self._text[self._at : self._at + 4]} is not in Go's language")
        else:
            self._take(1, "(")
            self._groups.append(_Group([], group.is_multiline))

    def _set_flags(self, flags: re.Match[str]) -> None:
        on, _, off = flags[1].partition("-")
        if set(on + off) - set("ims"):
            raise ValueError(f"the flags of {flags[0]} are not all read")
        group = self._groups[-1]
        is_multiline = ("m" in on) or (group.is_multiline and "m" not in off)
        if flags[2] == ":":
            self._take(len(flags[0]), flags[0])
            self._groups.append(_Group([], is_multiline))
        else:
            opened = f"(?{flags[1]}:"
            self._take(len(flags[0]), opened)
            group.flags.append(opened)
            group.is_multiline = is_multiline

    def _group_name(self) -> str:
        name = next(self._names, None)
        if name is None:
            raise ValueError(f"more than {len(_GROUPS)} groups are named {self._secret}")
        return name

    def _close(self, letter: str) -> None:
        flags = self._groups[-1].flags
        self._take(1, ")" * len(flags) + letter + ("".join(flags) if letter == "|" else ""))
        if letter == ")" and len(self._groups) > 1:
            self._groups.pop()


def sorted_names(names: Collection[str]) -> tuple[str, ...]:
    """Names without repeats, in order."""
    return tuple(sorted(set(names)))
