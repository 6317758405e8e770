"""A problem: input that could not be used. It travels in the result; it is never an exception."""

from __future__ import annotations

from typing import Literal

import msgspec

ProblemKind = Literal["note", "uncovered", "unidentified", "unseen"]
"""What a problem means for whoever relies on the result.

`unseen`: something was cut short, unreadable or beyond a limit, so anything may hide there. `uncovered`: no whole and fresh advisories
speak of it. `unidentified`: it was seen, and what it is could not be told. `note`: nothing was lost; it is only worth knowing.
"""

OPEN: frozenset[ProblemKind] = frozenset(("uncovered", "unseen"))
"""The kinds that leave a rule unable to tell."""


class Problem(msgspec.Struct, frozen=True, order=True):
    """What could not be read, where, and why.

    `path` begins with a slash (empty: the image as a whole), `layer` is an index into the image's layers
    (-1: none in particular), `room` names the part of the program that found it, `reason` is a sentence. Whoever does not say of
    which `kind` it is says that something was not seen.
    """

    path: str
    layer: int
    room: str
    reason: str
    kind: ProblemKind = "unseen"
