"""A problem: input that could not be used. It is part of the result, and never an exception."""

from __future__ import annotations

from typing import Literal, get_args

import msgspec

ProblemKind = Literal["note", "uncovered", "unidentified", "unseen"]
"""What a problem means for whoever relies on the result.

`unseen`: something was cut short, unreadable or beyond a limit, so anything may hide there. `uncovered`: no whole and fresh advisories
speak of it. `unidentified`: it was seen, and what it is could not be told. `note`: nothing was lost; it is only worth knowing.
"""

Fact = Literal[
    "certificates",
    "configuration",
    "contents",
    "distro",
    "files",
    "malware",
    "owners",
    "packages",
    "reach",
    "secrets",
    "settings",
]
"""What is known of an image: keys and certificates, what its programs are set to, the bodies of files, its distribution, which files
there are, malware, which package each file came with, packages, what the start reaches, secrets, the image's own settings."""

IN_LAYERS: tuple[Fact, ...] = tuple(fact for fact in get_args(Fact) if fact != "settings")
"""Facts from the layers: all except the image's settings, which are in its config."""

OPEN: frozenset[ProblemKind] = frozenset(("uncovered", "unseen"))
"""The kinds that make a rule unknown."""


class Problem(msgspec.Struct, frozen=True, order=True):
    """What could not be read, where, and why.

    `path` begins with a slash (empty: the image as a whole), `layer` is an index into the image's layers (-1: none in particular), `room`
    names the part of the program that found it, `reason` is a sentence. Without a `kind`, something was not seen. `facts` are those that it
    leaves incomplete (if empty: all of them), `types` the purl types of the packages that may be missing (if empty: any), `programs` the
    first words of the keys of settings that may differ from those reported (if empty: any).
    """

    path: str
    layer: int
    room: str
    reason: str
    kind: ProblemKind = "unseen"
    facts: tuple[Fact, ...] = ()
    types: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()

    @property
    def is_open(self) -> bool:
        """Whether it makes rules that look there unknown."""
        return self.kind in OPEN
