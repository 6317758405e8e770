"""What of an image is reached as JSON, `hullmark-minimality/1`: every key always there, sorted."""

from __future__ import annotations

import msgspec

from hullmark.model.reach import (
    AdvisoryReach,
    AttackPath,
    Minimality,
    ObservedUse,
    ReachAnswer,
    ReachCount,
)
from hullmark.model.seccomp import SyscallProfile
from hullmark.report.documents import encode
from hullmark.report.format import Format, RenderContext
from hullmark.report.inventory_json import SourceJson, source_json
from hullmark.report.matches_json import StepJson, steps_json
from hullmark.report.parts import ProblemJson, ToolJson, problems

SCHEMA = "hullmark-minimality/1"


class PackageJson(msgspec.Struct, frozen=True):
    """A package: `bytes` of its files, `reached_bytes` of those that are not unreachable; `witness` is the shortest way to it."""

    bytes: int
    name: str
    purl: str
    reach: str
    reached_bytes: int
    reason: str
    type: str
    version: str
    witness: list[StepJson]


class ProgramJson(msgspec.Struct, frozen=True):
    """An executable; `package` is null where none owns it."""

    bytes: int
    kinds: tuple[str, ...]
    package: str | None
    path: str
    reach: str
    reason: str
    witness: list[StepJson]


class CountJson(msgspec.Struct, frozen=True, gc=False):
    """How many there are of one verdict."""

    bytes: int
    elf_files: int
    files: int
    packages: int
    programs: int


class MatchJson(msgspec.Struct, frozen=True, gc=False):
    """An advisory that matches a package, and whether that is reached."""

    advisory: str
    package: str
    reach: str
    severity: str


class EndJson(msgspec.Struct, frozen=True, gc=False):
    """What cannot be told of a file ("": of the image's settings)."""

    path: str
    reason: str


class NeededJson(msgspec.Struct, frozen=True, gc=False):
    """A package that is not reached, and one that stays and says that it needs it."""

    needed_by: str
    purl: str


class RecipeJson(msgspec.Struct, frozen=True):
    """How to leave out what is not reached."""

    command: str
    dockerfile: str
    kept: list[NeededJson]
    purge: tuple[str, ...]


class AnswerJson(msgspec.Struct, frozen=True):
    """The answer for one file or package."""

    needed_by: tuple[str, ...]
    reach: str
    reason: str
    subject: str
    witness: list[StepJson]


class AttackStepJson(msgspec.Struct, frozen=True, gc=False):
    """A file that gives more than the service has."""

    path: str
    reach: str


class AttackPathJson(msgspec.Struct, frozen=True, gc=False):
    """From ports to a service, its user, `count` files (the first are `through`), and what is gained."""

    count: int
    gain: str
    kind: str
    ports: tuple[str, ...]
    service: str
    through: list[AttackStepJson]
    uid: int | None
    user: str


class ObservedJson(msgspec.Struct, frozen=True, gc=False):
    """What really was opened: how many files of the image, which of them were called unreachable (`missed`) or unknown; how many reachable
    ones were not opened, and of which reachable packages nothing was; how many paths are not in the image, or are unclear."""

    elsewhere: int
    idle: tuple[str, ...]
    missed: tuple[str, ...]
    opened: int
    unclear: int
    unknown: tuple[str, ...]
    unopened: int


class CallJson(msgspec.Struct, frozen=True, gc=False):
    """A system call, the file that can make it (null: the container runtime), and how."""

    name: str
    path: str | None
    why: str


class SyscallsJson(msgspec.Struct, frozen=True):
    """The system calls of the start. `refused` are those that engines refuse by default, `engines_allow` is how many these allow; `notes`
    and `unsure` say why there may be more."""

    calls: list[CallJson]
    engines_allow: int
    notes: list[EndJson]
    refused: list[CallJson]
    unsure: list[EndJson]


class MinimalityJson(msgspec.Struct, frozen=True):
    """The whole document. `matches` and `vanish` are null where there are no advisories; `vanish` are those that match nothing but what is
    unreachable. `syscalls` is null where they were not asked for."""

    answers: list[AnswerJson]
    attack_paths: list[AttackPathJson]
    matches: list[MatchJson] | None
    observed: ObservedJson | None
    open_ends: list[EndJson]
    packages: list[PackageJson]
    problems: list[ProblemJson]
    programs: list[ProgramJson]
    recipe: RecipeJson
    roots: tuple[str, ...]
    schema: str
    source: SourceJson
    syscalls: SyscallsJson | None
    tool: ToolJson
    totals: dict[str, CountJson]
    vanish: list[str] | None


def render(found: Minimality, context: RenderContext) -> bytes:
    """The document as one line."""
    document = MinimalityJson(
        answers=[_answer(answer) for answer in found.answers],
        attack_paths=[_attack(attack_path) for attack_path in found.attack_paths],
        matches=None if found.matches is None else [_match(match) for match in found.matches],
        observed=_build_observed_use(found.observed) if found.observed is not None else None,
        open_ends=[EndJson(open_end.path, open_end.reason) for open_end in found.open_ends],
        packages=[
            PackageJson(
                package.bytes,
                package.name,
                package.purl,
                package.reach,
                package.reached_bytes,
                package.reason,
                package.type,
                package.version,
                steps_json(package.witness),
            )
            for package in found.packages
        ],
        problems=problems(found.problems),
        programs=[
            ProgramJson(
                program.bytes,
                program.kinds,
                program.package or None,
                program.path,
                program.reach,
                program.reason,
                steps_json(program.witness),
            )
            for program in found.programs
        ],
        recipe=RecipeJson(
            found.recipe.command,
            found.recipe.dockerfile,
            [NeededJson(by, purl) for purl, by in found.recipe.kept],
            found.recipe.purge,
        ),
        roots=found.roots,
        schema=SCHEMA,
        source=source_json(found.source),
        syscalls=None if found.syscalls is None else _syscalls(found.syscalls),
        tool=ToolJson("hullmark", context.tool_version),
        totals={reach: _count(count) for reach, count in found.counts.items()},
        vanish=None if found.vanish is None else list(found.vanish),
    )
    return encode(document)


def _attack(path: AttackPath) -> AttackPathJson:
    steps = [AttackStepJson(step.path, step.reach) for step in path.through]
    return AttackPathJson(path.count, path.gain, path.kind, path.ports, path.service, steps, path.uid, path.user)


def _build_observed_use(use: ObservedUse) -> ObservedJson:
    return ObservedJson(use.elsewhere, use.idle, use.missed, use.opened, use.unclear, use.unknown, use.unopened)


def _count(count: ReachCount) -> CountJson:
    return CountJson(count.bytes, count.elves, count.files, count.packages, count.programs)


def _match(match: AdvisoryReach) -> MatchJson:
    return MatchJson(match.advisory, match.purl, match.reach, match.severity)


def _answer(answer: ReachAnswer) -> AnswerJson:
    return AnswerJson(answer.needed_by, answer.reach, answer.reason, answer.subject, steps_json(answer.witness))


def _syscalls(profile: SyscallProfile) -> SyscallsJson:
    return SyscallsJson(
        calls=[CallJson(call.name, call.path or None, call.why) for call in profile.calls],
        engines_allow=len(profile.default),
        notes=[EndJson(doubt.path, doubt.reason) for doubt in profile.notes],
        refused=[CallJson(call.name, call.path or None, call.why) for call in profile.refused],
        unsure=[EndJson(doubt.path, doubt.reason) for doubt in profile.unsure],
    )


FORMAT = Format(
    kind="minimality",
    name="json",
    media_type="application/vnd.hullmark.minimality.v1+json",
    file_name="minimality.json",
    render=render,
)
