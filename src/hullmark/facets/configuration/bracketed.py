"""Names in the brackets of keys."""

from __future__ import annotations

import hashlib
import re

_LONGEST = 200
_UNFIT = re.compile(r"[\[\]\x00-\x1f\x7f]")


class BracketedNames:
    """Gives each thing a name of its own: the second `root` is `root#2`. Brackets and control characters are written `\\xNN`."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def name(self, text: str) -> str:
        """A name that was not given before."""
        plain = escape_brackets(text)
        count = self._counts.get(plain, 0)
        while True:
            count += 1
            name = plain if count == 1 else f"{plain}#{count}"
            if count == 1 or name not in self._counts:
                break
        self._counts[plain] = count
        self._counts.setdefault(name, 1)
        return name


def escape_brackets(text: str) -> str:
    """A name that closes no bracket, and is not long. Of a longer one its digest follows the beginning: no other hides behind it."""
    end = "" if len(text) <= _LONGEST else f"~{hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"
    return _UNFIT.sub(lambda found: f"\\x{ord(found[0]):02x}", text[:_LONGEST]) + end
