"""What of an image is reached, as text for people."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence

from hullmark.model.limit import Limit
from hullmark.model.reach import (
    REACHES,
    AttackPath,
    Minimality,
    ObservedUse,
    OpenEnd,
    PackageReach,
    ReachAnswer,
)
from hullmark.model.seccomp import SyscallProfile
from hullmark.report.format import Format, RenderContext
from hullmark.report.minimality_words import KINDS, advisories, of_kind, short
from hullmark.report.table import columns
from hullmark.report.terminal import Paint, fact, fold, problem_lines, safe

_MAX_LISTED = Limit(25, "rows of each list in the table of what is reached; the others are counted", "shortened")
_MAX_NAMED = Limit(
    60, "names of packages in a line of the table of what is reached; the others are counted", "shortened"
)
_MANY_STEPS = 12


def render(found: Minimality, context: RenderContext) -> bytes:
    """The answers, where something was asked; else the counts, what is reached and unknown, and how to leave out the rest."""
    paint, width = Paint(context.color), context.width
    lines = [fact("Image", found.source.reference, paint, width)]
    lines += [fact("Starts", root, paint, width) for root in found.roots] or [
        fact("Starts", "nothing that it names", paint, width)
    ]
    if found.answers:
        for answer in found.answers:
            lines += ["", *_answer_lines(answer, paint, width)]
        lines += (
            ["", *_end_lines(found.open_ends, paint, width)]
            if any(answer.reach != "reachable" for answer in found.answers)
            else []
        )
    else:
        lines += ["", *_count_lines(found, paint, width), *_package_lines(found.packages, paint, width)]
        lines += _end_lines(found.open_ends, paint, width)
        lines += _observed_lines(found.observed, paint, width)
        lines += _attack_lines(found.attack_paths, paint, width)
        lines += _syscall_lines(found.syscalls, paint, width)
        lines += _recipe_lines(found, paint, width)
    if found.problems:
        lines += ["", *problem_lines(found.problems, width, paint)]
    return ("\n".join(lines) + "\n").encode()


def _answer_lines(answer: ReachAnswer, paint: Paint, width: int) -> Iterator[str]:
    yield from fold(f"{safe(short(answer.subject))} is {answer.reach}", width, "")
    if answer.reason:
        yield from fold(safe(answer.reason), width, "  ")
    steps = answer.witness
    for step in (*steps[: _MANY_STEPS // 2], *steps[-_MANY_STEPS // 2 :]) if len(steps) > _MANY_STEPS else steps:
        first, *others = fold(safe(f"{step.path}: {step.why}"), width, "     ")
        yield from ("  -> " + first[5:], *others)
    if answer.reach == "unreachable":
        needed = (
            f"packages that say that they need it: {_names(map(short, answer.needed_by))}" if answer.needed_by else ""
        )
        yield from fold(safe(needed or "no package says that it needs it"), width, "  ")


def _count_lines(found: Minimality, paint: Paint, width: int) -> Iterator[str]:
    counts = [found.counts[reach] for reach in REACHES]
    rows = [
        ["packages", *(f"{count.packages:,}" for count in counts)],
        ["programs", *(f"{count.programs:,}" for count in counts)],
        ["ELF files", *(f"{count.elves:,}" for count in counts)],
        ["files", *(f"{count.files:,}" for count in counts)],
        ["megabytes", *(f"{count.bytes / 1e6:,.1f}" for count in counts)],
    ]
    if found.matches is not None:
        rows.append(["vulnerabilities", *(str(advisories(found.matches, reach)) for reach in REACHES)])
    for kind, name in KINDS:
        rows.append([name, *(str(of_kind(found.programs, kind, reach)) for reach in REACHES)])
    yield from columns(["", *REACHES], rows, width, paint)
    yield ""


def _package_lines(packages: Sequence[PackageReach], paint: Paint, width: int) -> Iterator[str]:
    reached = [package for package in packages if package.reach == "reachable"]
    yield fact("Reachable", _names(package.name for package in reached), paint, width)
    unknown = [package for package in packages if package.reach == "unknown"]
    if unknown:
        yield fact("Unknown", f"{len(unknown):,} packages" if len(unknown) > 1 else "1 package", paint, width)
    for package in unknown[:_MAX_LISTED]:
        yield from fold(safe(f"{package.name}: {package.reason}"), width, "  ")
    if len(unknown) > _MAX_LISTED:
        yield from fold(f"and {len(unknown) - _MAX_LISTED:,} more, all of them in the JSON", width, "  ")


def _end_lines(ends: Sequence[OpenEnd], paint: Paint, width: int) -> Iterator[str]:
    if ends:
        yield fact("Open ends", f"{len(ends):,} (what these lead to cannot all be told)", paint, width)
    for end in ends[:_MAX_LISTED]:
        yield from fold(safe(f"{end.path or 'image'}: {end.reason}"), width, "  ")
    if len(ends) > _MAX_LISTED:
        yield from fold(f"and {len(ends) - _MAX_LISTED:,} more, all of them in the JSON", width, "  ")


def _observed_lines(use: ObservedUse | None, paint: Paint, width: int) -> Iterator[str]:
    """What was opened and called unreachable, by name; how much was reachable and not opened."""
    if use is None:
        return
    others = f"; not in the image: {use.elsewhere:,}" if use.elsewhere else ""
    unclear = f"; names of no certain file: {use.unclear:,}" if use.unclear else ""
    told = f"files opened: {use.opened:,}, of them called unreachable {len(use.missed):,}, unknown {len(use.unknown):,}"
    yield fact("Observed", f"{told}{others}{unclear}", paint, width)
    for path in use.missed[:_MAX_LISTED]:
        yield from fold(safe(f"opened, but called unreachable: {path}"), width, "  ")
    if len(use.missed) > _MAX_LISTED:
        yield from fold(f"and {len(use.missed) - _MAX_LISTED:,} more, all of them in the JSON", width, "  ")
    idle = f", and nothing of these reachable packages: {_names(map(short, use.idle))}" if use.idle else ""
    yield from fold(safe(f"reachable and not opened: {use.unopened:,}{idle}"), width, "  ")


def _attack_lines(paths: Sequence[AttackPath], paint: Paint, width: int) -> Iterator[str]:
    """Each path in a line: what may be left out ends it."""
    for path in paths:
        ports = ", ".join(path.ports) or "no exposed port"
        steps = [ports, path.service, f"user {path.user}", *_through(path), path.gain]
        yield fact("Attack", safe(" -> ".join(steps)), paint, width)


_MEANS = {"setuid": "setuid", "capability": "file capabilities", "start-up": "writable start-up files", "root": ""}


def _through(path: AttackPath) -> Iterator[str]:
    if not path.count:
        return
    names = ", ".join(step.path for step in path.through[: _MANY_STEPS // 4])
    more = f" and {path.count - _MANY_STEPS // 4} more" if path.count > _MANY_STEPS // 4 else ""
    idle = sum(step.reach == "unreachable" for step in path.through)
    left = "" if not idle else "; all unreachable" if idle == path.count else f"; {idle} of them unreachable"
    yield f"{_MEANS[path.kind]} {names}{more}{left}"


def _syscall_lines(profile: SyscallProfile | None, paint: Paint, width: int) -> Iterator[str]:
    if profile is None:
        return
    count = f"{len(profile.calls):,} system calls, of {len(profile.default):,} that engines allow by default"
    yield fact("Calls", count if not profile.unsure else f"not all can be told; at least {count}", paint, width)
    for doubt in profile.unsure[:_MAX_LISTED]:
        yield from fold(safe(f"{doubt.path or 'image'}: {doubt.reason}"), width, "  ")
    if len(profile.unsure) > _MAX_LISTED:
        yield from fold(f"and {len(profile.unsure) - _MAX_LISTED:,} more, all of them in the JSON", width, "  ")
    if profile.refused:
        refused = ", ".join(call.name for call in profile.refused)
        yield from fold(f"engines refuse by default, and so does the profile: {refused}", width, "  ")


def _recipe_lines(found: Minimality, paint: Paint, width: int) -> Iterator[str]:
    recipe = found.recipe
    if recipe.purge:
        # All of them: the line is there to be copied.
        yield fact("Remove", safe(f"{recipe.command} {shlex.join(recipe.purge)}"), paint, width)
    if recipe.kept:
        yield from fold(f"not reached, but needed by packages that stay: {len(recipe.kept):,}", width, "  ")
    yield from fold("--emit DIR writes what is left as an OCI layout, with a Dockerfile that makes it", width, "  ")


def _names(names: Iterable[str]) -> str:
    found = list(dict.fromkeys(names))
    more = f" and {len(found) - _MAX_NAMED:,} more" if len(found) > _MAX_NAMED else ""
    return (", ".join(found[:_MAX_NAMED]) or "nothing") + more


FORMAT = Format(
    kind="minimality", name="table", media_type="text/plain; charset=utf-8", file_name="minimality.txt", render=render
)
