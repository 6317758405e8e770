"""Regular expressions that are compiled on first use.

Every run imports every cataloger, but most images need few of them. Compiling all expressions at import would take a tenth of the time that
a small image takes.
"""

from __future__ import annotations

import re
from typing import Any, AnyStr, cast


def late(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """A pattern as from `re.compile`, compiled on first use. Its methods can be stored separately; they also compile it only when
    called.
    """
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
