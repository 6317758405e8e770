"""What a gate of an Anchore policy provides: triggers, and the answers they give."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from hullmark.model.problem import Fact
from hullmark.model.verdict import Evidence, Weakness
from hullmark.policy.anchore.facts import AnchoreFacts
from hullmark.policy.anchore.params import BadValue, Parameter, Values
from hullmark.policy.context import Context
from hullmark.policy.gate import CannotTell, Need


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerMatch:
    """A trigger fires. `message` is the original's message wherever it has one.

    `subject` is what the finding is about: a purl, a path, a line; the stable id depends on it. `legacy_id` is set where the original does
    not use the digest of the message; `legacy_message` where the original's message differs. `weakness` is the vulnerability that the
    finding is about, if any.
    """

    message: str
    subject: str
    legacy_id: str = ""
    legacy_message: str = ""
    evidence: tuple[Evidence, ...] = ()
    weakness: Weakness | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """Something that could not be used and does not affect the rest. It becomes a problem."""

    reason: str
    path: str = ""


class Scope(NamedTuple):
    """What a rule looks at. `facts` are words of `model.problem`. `types` are the purl types of the packages it is about (if empty, all but
    those in `left_out`), and `paths` the files (if empty, all).
    """

    facts: frozenset[Fact]
    types: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()
    paths: tuple[str, ...] = ()


PACKAGES: frozenset[Fact] = frozenset(("packages",))
"""The facts that a rule looks at that is about packages alone."""

Answer = TriggerMatch | CannotTell | Note
Check = Callable[[Values, AnchoreFacts], Iterator[Answer]]
Fault = tuple[str, BadValue]
"""The name of a parameter, and what is wrong with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One trigger. `check` may raise RuleFailed; answers it gave before that are discarded.

    `contents` gives paths of files whose bodies it needs, `search` names the context's expressions to look for in all files. `verify`
    checks values against each other; a fault whose quirk is `!Q26` counts where Q26 is not kept. `is_enterprise`: only format "2" has the
    trigger. `scope` is what it looks at, where that differs from the facts its needs imply. `deadlines` are times at which its answer may
    change without a change in the facts; they may include times that have passed or change nothing.
    """

    gate: str
    name: str
    check: Check
    parameters: tuple[Parameter, ...] = ()
    needs: frozenset[Need] = frozenset()
    contents: Callable[[Values, Context], Iterable[str]] | None = None
    search: str = ""
    verify: Callable[[Values], Iterator[Fault]] | None = None
    is_enterprise: bool = False
    about: str = ""
    deadlines: Callable[[Values, AnchoreFacts], Iterable[datetime]] | None = None
    scope: Callable[[Values], Scope] | None = None

    def parameter(self, name: str) -> Parameter | None:
        """The parameter with this name or alias, ignoring case."""
        wanted = name.lower()
        return next(
            (parameter for parameter in self.parameters if wanted == parameter.name or wanted in parameter.aliases),
            None,
        )


def legacy_id(gate: str, trigger: str, message: str) -> str:
    """The id as the original forms it: the MD5 of gate, trigger and message concatenated."""
    text = f"{gate}{trigger}{message}".encode("utf-8", "surrogatepass")
    return hashlib.md5(text, usedforsecurity=False).hexdigest()
