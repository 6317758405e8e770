"""Regular expressions that are compiled when they are first used.

Every run imports every cataloger, and most images call for few of them: compiling all expressions at once would be a tenth of the
time that a small image takes.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


def late(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """What `re.compile` gives, later. Its methods may be kept by themselves: they too wait until they are called."""
    return cast("re.Pattern[AnyStr]", _Late(pattern, flags))


class _Late:
    """A stand-in for a pattern. Methods become attributes on first use."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self._made = pattern, flags

    def __getattr__(self, name: str) -> _LateMethod:
        method = _LateMethod(*self._made, name)
        setattr(self, name, method)
        return method


class _LateMethod:
    """A method of a pattern that is compiled when the method is first called."""

    __slots__ = ("_made", "_method")

    def __init__(self, pattern: str | bytes, flags: int, name: str) -> None:
        self._made = pattern, flags, name
        self._method: Any = None

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        if self._method is None:
            pattern, flags, name = self._made
            self._method = getattr(re.compile(pattern, flags), name)
        return self._method(*arguments, **named)
