"""Rules of one's own: further kinds of secrets, what does not count, and which of the program's rules do not hold."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import msgspec

from hullmark.facets.secrets.allowed import ALLOWED, Allowance
from hullmark.facets.secrets.expression import compiled_bytes
from hullmark.facets.secrets.kind import Kind
from hullmark.facets.secrets.kinds import KINDS

MAX_BLOCKS = 10_000
"""So many blocks of one body are left out."""


class Block(msgspec.Struct, frozen=True):
    """Parts of a body that are not searched: what this expression fits. `kinds`: only for these; () for all."""

    pattern: bytes
    kinds: tuple[str, ...] = ()


class OwnRules(msgspec.Struct, frozen=True, kw_only=True):
    """What is added to the program's rules and what is taken away from them; tuples of text are sorted.

    `kinds` come before the program's, and one of the same id in its place. `only`: of the program's kinds these alone hold; None: all.
    `without` are kinds that do not hold, `without_allowed` names of allowances that do not.
    """

    kinds: tuple[Kind, ...] = ()
    allowed: tuple[Allowance, ...] = ()
    blocks: tuple[Block, ...] = ()
    only: tuple[str, ...] | None = None
    without: tuple[str, ...] = ()
    without_allowed: tuple[str, ...] = ()

    def all_kinds(self) -> tuple[Kind, ...]:
        """Every kind that holds, in the order in which they count."""
        left_out = {*self.without, *(kind.id for kind in self.kinds)}
        theirs = (kind for kind in KINDS if kind.id not in left_out and (self.only is None or kind.id in self.only))
        return (*(kind for kind in self.kinds if kind.id not in self.without), *theirs)

    def all_allowed(self) -> tuple[Allowance, ...]:
        """Every allowance that holds."""
        return tuple(rule for rule in (*self.allowed, *ALLOWED) if rule.name not in self.without_allowed)

    def changes_the_search(self) -> bool:
        """Whether other secrets are found than without these rules, rather than only other ones allowed."""
        return bool(self.kinds or self.blocks or self.only is not None or self.without)


NO_RULES = OwnRules()


class Span(NamedTuple):
    """A part of a body that is not searched for these kinds of secrets; () for all."""

    start: int
    end: int
    kinds: tuple[str, ...]


def spans_of(blocks: tuple[Block, ...], body: bytes) -> list[Span]:
    """The parts of a body that are not searched."""
    return list(islice(_spans(blocks, body), MAX_BLOCKS))


def _spans(blocks: tuple[Block, ...], body: bytes) -> Iterator[Span]:
    for block in blocks:
        for fits in compiled_bytes(block.pattern).finditer(body):
            yield Span(fits.start(), fits.end(), block.kinds)
