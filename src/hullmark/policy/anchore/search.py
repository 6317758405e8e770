"""Looks for lines in a file that expressions fit. What is found is a place, never the text: it may be a secret."""

from __future__ import annotations

from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.regexes import Expression, Work, expression

TOO_SLOW = ("", 0)
"""Stands among a file's hits if it was not searched to its end."""

Hit = tuple[str, int]
"""An expression, as `NAME=expression`, and the number of the first line that it fits at its start."""

_WORK = 100_000
_WORK_FOR_BYTE = 300


def search(body: bytes | memoryview, named: tuple[str, ...], work: Work) -> list[Hit]:
    """Where which expressions fit. How long that may take depends on the size of the file, and on `work` for all files together."""
    text = bytes(body).decode("utf-8", "replace")
    own = Work(min(work.left, _WORK + _WORK_FOR_BYTE * len(body)))
    before = own.left
    hits: list[Hit] = []
    try:
        for each in named:
            wanted = expression(body_of(each))
            number = _first_line(text, wanted, own) if wanted.may_fit(text) else None
            if number is not None:
                hits.append((each, number))
    except RuleFailed:
        hits.append(TOO_SLOW)
    work.left -= before - max(own.left, 0)
    return hits


def _first_line(text: str, wanted: Expression, work: Work) -> int | None:
    return next((n for n, line in enumerate(text.split("\n"), 1) if wanted.matches(line, work)), None)


def name_of(named: str) -> str:
    """The name in `NAME=expression`; "" for a bare expression."""
    name, equals, _ = named.partition("=")
    return name if equals else ""


def body_of(named: str) -> str:
    """The expression in `NAME=expression`, or a bare one."""
    _, equals, body = named.partition("=")
    return body if equals else named
