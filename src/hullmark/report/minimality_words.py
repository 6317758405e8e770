"""What the reports on what is reached have in common: kinds of programs, short names, numbers."""

from __future__ import annotations

from collections.abc import Iterable

from hullmark.model.purl import unquote
from hullmark.model.reach import REACHES, AdvisoryReach, ProgramReach, Reach

KINDS = (
    ("setuid", "setuid files"),
    ("shell", "shells"),
    ("package-manager", "package managers"),
    ("network", "network tools"),
    ("living-off-the-land", "other programs of use to intruders"),
)
"""Kinds of programs that whoever breaks in is glad to find, and what several of each are called."""


def advisories(matches: Iterable[AdvisoryReach], reach: Reach) -> int:
    """Advisories by the nearest that they come to what is started: each counts once."""
    nearest: dict[str, int] = {}
    for match in matches:
        nearest[match.advisory] = min(REACHES.index(match.reach), nearest.get(match.advisory, len(REACHES)))
    return sum(REACHES[rank] == reach for rank in nearest.values())


def of_kind(programs: Iterable[ProgramReach], kind: str, reach: Reach) -> int:
    """How many programs of a kind have this verdict."""
    return sum(kind in program.kinds and program.reach == reach for program in programs)


def short(purl: str) -> str:
    """`openssl@3.0.11` for a package URL; other texts as they are."""
    if not purl.startswith("pkg:"):
        return purl
    name = purl.partition("?")[0].partition("#")[0].removeprefix("pkg:").partition("/")[2]
    return unquote(name.rpartition("/")[2] if purl.startswith(("pkg:deb/", "pkg:rpm/", "pkg:apk/")) else name) or purl
