"""How deeply a body of JSON (RFC 8259) is nested, counted as it comes: what is too deep is refused before anything decodes it.

Decoders descend once for each level. Thousands of levels leave no stack for what else the interpreter does there.
"""

from __future__ import annotations

import re
from itertools import accumulate

from hullmark.model.limit import Limit
from hullmark.server.api.problems import Refusal

DEEPEST = Limit(200, "levels of nesting in the body of a request", "refused")

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_ENDED = re.compile(rb'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_BRACKETS = b"[{]}"
_STEPS = bytes.maketrans(_BRACKETS, b"\x01\x01\xff\xff")
_OTHERS = bytes(set(range(256)) - set(_BRACKETS))


class Nesting:
    """The depth of one body. What is not JSON has some depth, too; whether it is JSON is for its decoder to say."""

    def __init__(self) -> None:
        self._depth = 0
        self._cut = b""

    def add(self, piece: bytes) -> None:
        """Count the next bytes, in time that is linear in their number. Raises Refusal (400) once they are too deep."""
        text = self._cut + piece
        ended = _ENDED.match(text)
        end = ended.end() if ended else 0
        steps = memoryview(_STRING.sub(b"", text[:end]).translate(_STEPS, _OTHERS)).cast("b")
        if max(accumulate(steps, initial=self._depth)) > DEEPEST:
            raise Refusal(400, "the body is nested too deeply", f"at most {DEEPEST} levels")
        self._depth += sum(steps)
        self._cut = _beginning(text[end:])


def _beginning(string: bytes) -> bytes:
    """What matters of a string that goes on in the next piece: that it has begun, and whether its next byte is escaped."""
    escapes = len(string) - len(string.rstrip(b"\\"))
    return string[:1] + b"\\" * (escapes % 2)
