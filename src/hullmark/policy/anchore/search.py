"""Searches a file for lines that match expressions. The result holds places, never text, because the text may be a secret."""

from __future__ import annotations

from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.anchore.regexes import Expression, Work, expression, fold_bytes

TOO_SLOW = ("", 0)
"""Stands among a file's hits if it was not searched to its end."""

Hit = tuple[str, int]
"""An expression, as `NAME=expression`, and the number of the first line that it fits at its start."""

_WORK = 100_000
_WORK_FOR_BYTE = 300


def search(body: bytes | memoryview, named: tuple[str, ...], work: Work) -> list[Hit]:
    """The places at which the expressions match. The time this may take is limited by the size of the file, and by `work` for all files
    together.
    """
    raw = bytes(body)
    folded = fold_bytes(raw)
    own = Work(min(work.left, _WORK + _WORK_FOR_BYTE * len(raw)))
    before = own.left
    hits: list[Hit] = []
    try:
        for regex in named:
            wanted = expression(body_of(regex))
            # Most files contain none of the literal texts, so they are never decoded.
            if all(part in folded for part in wanted.required_bytes):
                number = _first_line(raw, folded, wanted, own)
                hits += [(regex, number)] if number else []
    except RuleFailed:
        hits.append(TOO_SLOW)
    work.left -= before - max(own.left, 0)
    return hits


def _first_line(raw: bytes, folded: bytes, wanted: Expression, work: Work) -> int:
    """The number of the first line that matches; 0 if no line does."""
    parts = wanted.required_bytes
    for number, (line, lowered) in enumerate(zip(raw.split(b"\n"), folded.split(b"\n"), strict=True), 1):
        if all(part in lowered for part in parts) and wanted.matches(line.decode("utf-8", "replace"), work):
            return number
    return 0


def name_of(named: str) -> str:
    """The name in `NAME=expression`; "" for an expression without a name."""
    name, equals, _ = named.partition("=")
    return name if equals else ""


def body_of(named: str) -> str:
    """The expression in `NAME=expression`, or an expression without a name."""
    _, equals, body = named.partition("=")
    return body if equals else named
