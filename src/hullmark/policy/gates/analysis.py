"""Gate `analysis`: what could not be read, and what could not be identified.

Whatever was not seen keeps each rule that looks there from being judged, whether or not a policy has a rule of this gate. What was seen but
not identified counts only here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from hullmark.model.problem import ProblemKind
from hullmark.model.sizes import format_size
from hullmark.policy.facts import Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.unidentified import find_unidentified_things
from hullmark.policy.values import NameGlob, Size

_SHOWN = 5


class ProblemFound(Params, frozen=True, kw_only=True):
    """Fires for each problem that the analysis met: a file that could not be read, an archive too large to open."""

    paths: Annotated[tuple[PathGlob, ...], Meta(description="Only problems with these files; none: all problems.")] = ()
    allow: Annotated[tuple[PathGlob, ...], Meta(description="Files whose problems do not count.")] = ()
    rooms: Annotated[
        tuple[NameGlob, ...], Meta(description="Only problems found by these parts of the program; none: all.")
    ] = ()
    kinds: Annotated[
        tuple[ProblemKind, ...], Meta(description="Only problems of these kinds; none: all but notes.")
    ] = ()


class UnidentifiedThing(Params, frozen=True, kw_only=True):
    """Fires for each thing that was seen but could not be identified: an archive without coordinates, a program without a version, an
    executable that no package accounts for.
    """

    allow: Annotated[tuple[PathGlob, ...], Meta(description="Files that do not count.")] = ()
    allow_packages: Annotated[tuple[NameGlob, ...], Meta(description="Packages that do not count, by purl.")] = ()


class UnexplainedExecutables(Params, frozen=True, kw_only=True):
    """Fires if the image has more unexplained executables, or more bytes of them, than allowed. An executable is unexplained if no package
    owns it and no cataloger explains it. Shared libraries count; scripts count if they can be executed. The rule needs no list of files.
    """

    max_executables: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(description="The largest number of them; none: any number, or zero if `max_bytes` is not given either."),
    ] = None
    max_bytes: Annotated[Size | None, Meta(description="The largest size of all of them together; none: any size.")] = (
        None
    )


def problem(params: ProblemFound, facts: Facts) -> Iterator[Answer]:
    """Check the inventory's problems."""
    wanted, left_out = PathGlobs(params.paths), PathGlobs(params.allow)
    for found in facts.inventory.problems:
        is_wanted = not params.paths or wanted.match(found.path)
        is_met = not params.rooms or any(glob.matches(found.room) for glob in params.rooms)
        is_of_kind = found.kind in params.kinds if params.kinds else found.kind != "note"
        if is_wanted and is_met and is_of_kind and not left_out.match(found.path):
            place = found.path or "the image"
            message = f"Not everything in {place} could be read ({found.room}): {found.reason}."
            yield Violation(found.path or found.room, message, (facts.at(found.path, found.layer, found.reason),))


def not_identified(params: UnidentifiedThing, facts: Facts) -> Iterator[Answer]:
    """Report the things that could not be identified."""
    left_out = PathGlobs(params.allow)
    for found in find_unidentified_things(facts):
        is_allowed = any(glob.matches(found.subject) for glob in params.allow_packages)
        if not is_allowed and not any(left_out.match(place.path) for place in found.evidence):
            yield found


def check_unexplained_executables(params: UnexplainedExecutables, facts: Facts) -> Iterator[Answer]:
    """Compare the inventory's count with what is allowed."""
    found = facts.inventory.unexplained
    if found is None:
        yield CannotTell(
            "nobody counted the executables that nothing explains: this is a list of packages, or an older inventory"
        )
        return
    most = 0 if params.max_executables is None and params.max_bytes is None else params.max_executables
    are_more = most is not None and found.executables > most
    are_larger = params.max_bytes is not None and found.bytes > params.max_bytes.bytes
    if not are_more and not are_larger:
        return
    limits = ([] if most is None else [f"{most:,}"]) + ([] if params.max_bytes is None else [params.max_bytes.text])
    allowed = f"{' and '.join(limits)} may be there"
    named = ", ".join(file.path for file in found.largest[:_SHOWN])
    message = (
        f"Nothing says what {_format_count(found.executables)} of the image, {format_size(found.bytes)}, came with, and {allowed}"
        f"{f': {named}' if named else ''}{', …' if named and found.executables > _SHOWN else ''}."
    )
    evidence = tuple(facts.at(file.path, file.layer, f"{file.size} bytes") for file in found.largest[:_SHOWN])
    yield Violation("executables", message, evidence)


def _format_count(number: int) -> str:
    return "1 executable" if number == 1 else f"{number:,} executables"


def _explain(params: UnexplainedExecutables, subject: str) -> str:
    return "install them from packages, or leave them out of the image"


def _name(params: UnidentifiedThing, subject: str) -> str:
    return f"install {subject} from a package, or except it for a time"


TRIGGERS = (
    Trigger(gate="analysis", name="problem", params=ProblemFound, check=problem),
    Trigger(
        gate="analysis",
        name="unidentified",
        params=UnidentifiedThing,
        check=not_identified,
        looks_at=frozenset(("packages", "files", "owners")),
        needs=frozenset((Need.FILES,)),
        advice=_name,
    ),
    Trigger(
        gate="analysis",
        name="unexplained",
        params=UnexplainedExecutables,
        check=check_unexplained_executables,
        looks_at=frozenset(("packages", "owners")),
        advice=_explain,
    ),
)
