"""Gate `analysis`: what could not be read. Without a rule of this gate, problems are shown and do not count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.values import NameGlob


class ProblemFound(Params, frozen=True, kw_only=True):
    """Fires for each problem that the analysis met: a file that could not be read, an archive too large to open."""

    paths: Annotated[tuple[PathGlob, ...], Meta(description="Only problems with these files; none: all problems.")] = ()
    allow: Annotated[tuple[PathGlob, ...], Meta(description="Files whose problems do not count.")] = ()
    rooms: Annotated[tuple[NameGlob, ...], Meta(description="Only problems met by these parts; none: by all.")] = ()


def problem(params: ProblemFound, facts: Facts) -> Iterator[Answer]:
    """Look at the inventory's problems."""
    wanted, left_out = PathGlobs(params.paths), PathGlobs(params.allow)
    for found in facts.inventory.problems:
        is_wanted = not params.paths or wanted.match(found.path)
        is_met = not params.rooms or any(glob.matches(found.room) for glob in params.rooms)
        if is_wanted and is_met and not left_out.match(found.path):
            place = found.path or "the image"
            message = f"Not everything in {place} could be read ({found.room}): {found.reason}."
            yield Violation(found.path or found.room, message, (facts.at(found.path, found.layer, found.reason),))


TRIGGERS = (Trigger(gate="analysis", name="problem", params=ProblemFound, check=problem),)
