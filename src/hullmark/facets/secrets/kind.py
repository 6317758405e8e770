"""A kind of secret: how it is found, what it looks like, and how it is confirmed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from hullmark.model.late import late

if TYPE_CHECKING:
    from hullmark.model.advisory import Severity

Check = Callable[[bytes], bool]
"""Whether a secret of the right form is one: a checksum, a structure, enough randomness."""


_FLAGS = re.compile(rb"\(\?[a-z]+\)")


class Kind(msgspec.Struct, frozen=True):
    """One form that a secret has.

    `keywords` are bytes of which one stands in every secret of the kind or right beside it; where one is met, `pattern` is tried on the
    bytes around it: from `before` bytes in front of it to `after` bytes behind it. The secret itself is the group `s` of the
    pattern, or all that it fits. `check` has the last word. `any_case`: keywords count in upper and lower case.

    `tail`: what follows each of the keywords, as `Keyword` has it, where they alone are met too often.

    `is_one`: the keywords are looked for as one, as `Keyword` has it.

    `issuers`: with one of these words, here in small letters, the secret's name begins, less than `before` bytes in front of the keyword.
    Of many kinds with the same keywords only those are tried whose word is there, from that word on.

    `is_whole`: the pattern is tried on the whole body, once a keyword is met in it, or always where there are none.
    `path`: only in files whose absolute path this expression fits; "" for any.
    `names`: only in files whose last path segment ends with one of these; () for any. Where no name is known every kind is tried,
    except those that have no keywords.
    """

    id: str
    title: str
    severity: Severity
    keywords: tuple[bytes, ...]
    pattern: bytes
    check: Check | None = None
    before: int = 0
    after: int = 512
    any_case: bool = False
    tail: bytes = b""
    is_one: bool = False
    names: tuple[str, ...] = ()
    is_whole: bool = False
    path: str = ""
    issuers: tuple[bytes, ...] = ()

    def compile_pattern(self) -> re.Pattern[bytes]:
        """The pattern, compiled. What may begin in front of its keyword is the group `whole` of what fits, and begins at most `before`
        bytes behind where it is tried: a search would go on to the end of the bytes around the keyword.
        """
        if not self.before or self.is_whole or self.issuers:
            return re.compile(self.pattern)
        flags = _FLAGS.match(self.pattern)
        start = flags.end() if flags else 0
        return re.compile(
            self.pattern[:start] + rb"(?s:.{0,%d}?)(?P<whole>(?:%b))" % (self.before, self.pattern[start:])
        )


def entropy(value: bytes) -> float:
    """Shannon's entropy of the bytes, in bits a byte."""
    size = len(value)
    counts = (value.count(bytes((byte,))) for byte in set(value))
    return -sum(count / size * math.log2(count / size) for count in counts)


def random_enough(bits: float) -> Check:
    """A check that the value has at least so many bits of entropy a byte, which words and repetitions have not."""

    def check(value: bytes) -> bool:
        return entropy(value) >= bits

    return check


_PLACEHOLDER = late(
    rb"(?i)example|changeme|change[_-]me|placeholder|your[_-]|my[_-]?(?:secret|password|token)|dummy|sample|redacted|insert|replace"
    rb"|todo|foobar|xxxx|0{8}|\*{3}|\.{3}|^[<\[{($%]|[>}\])]$|\$\{|\$\(|\{\{|%\(|%s|#\{|@@"
)
_RUN = late(rb"^(.)\1*$")


def is_placeholder(value: bytes) -> bool:
    """Whether a value is a placeholder for a secret, or a variable."""
    return not value or _PLACEHOLDER.search(value) is not None or _RUN.match(value) is not None
