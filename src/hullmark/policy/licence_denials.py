"""Licence expressions (SPDX specification, annex D): whether one can be complied with where some licences are denied."""

from __future__ import annotations

import re
from collections.abc import Callable

from hullmark.model.limit import Limit

_TOKEN = re.compile(r"\(|\)|[^\s()]+")
_MAX_TOKENS = Limit(2000, "words of a licence expression")
_MAX_DEPTH = Limit(50, "brackets in each other of a licence expression")


def is_denied(text: str, is_listed: Callable[[str], bool]) -> bool:
    """Whether every way to comply uses a listed licence. Text that is not an expression is denied if it or one of its words is listed."""
    tokens = _TOKEN.findall(text)
    if is_listed(text):
        return True
    if len(tokens) <= _MAX_TOKENS and not {"AND", "OR", "WITH"}.isdisjoint(tokens):
        try:
            reader = _Reader(tokens, is_listed)
            denied = reader.choice(0)
            if reader.at == len(tokens):
                return denied
        except ValueError:
            pass
    return any(is_listed(token) for token in tokens)


class _Reader:
    """Reads an expression by recursive descent and evaluates it on the way."""

    def __init__(self, tokens: list[str], is_listed: Callable[[str], bool]) -> None:
        self.tokens, self.is_listed, self.at = tokens, is_listed, 0

    def _peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def choice(self, depth: int) -> bool:
        """OR: denied if each part is."""
        if depth > _MAX_DEPTH:
            raise ValueError("nested too deep")
        denied = self._all(depth)
        while self._peek() == "OR":
            self.at += 1
            denied = self._all(depth) and denied
        return denied

    def _all(self, depth: int) -> bool:
        denied = self._one(depth)
        while self._peek() == "AND":
            self.at += 1
            denied = self._one(depth) or denied
        return denied

    def _one(self, depth: int) -> bool:
        token = self._peek()
        self.at += 1
        if token == "(":  # noqa: S105 — a parenthesis, not a password
            denied = self.choice(depth + 1)
            if self._peek() != ")":
                raise ValueError("not closed")
            self.at += 1
            return denied
        if token in ("", ")", "AND", "OR", "WITH"):
            raise ValueError("a licence is missing")
        if self._peek() == "WITH":
            exception = self.tokens[self.at + 1 : self.at + 2]
            self.at += 2
            return self.is_listed(token) or self.is_listed(" ".join((token, "WITH", *exception)))
        return self.is_listed(token)
