"""Parses a Dockerfile's bytes into stages of instructions.

Follows the Dockerfile reference (docs.docker.com/reference/dockerfile). Whatever BuildKit builds is accepted. What it refuses is refused
only if the meaning of the file would be unclear, and otherwise accepted (an unknown flag).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from hullmark.model.dockerfile import Dockerfile, Instruction, Stage
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.policy.dockerfile.lines import JoinedInstruction, Lines, fault
from hullmark.policy.dockerfile.words import (
    BadSubstitution,
    ExpandedText,
    Variables,
    exec_form,
    expand,
    pairs,
    split_words,
    strip_blanks,
)

KEYWORDS = (
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD",
    "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
)  # fmt: skip
"""The instructions that there are."""

MAX_INSTRUCTIONS = Limit(2_000, "instructions of a Dockerfile, or of one that is guessed from an image's history")
"""As many instructions may a Dockerfile have, each FROM among them."""

_MAX_ARGUMENTS = Limit(1_000, "arguments of a Dockerfile")
_KNOWN = frozenset(KEYWORDS)
_HAS_HEREDOCS = frozenset(("RUN", "COPY", "ADD"))
_HAS_JSON = frozenset(("RUN", "CMD", "ENTRYPOINT", "SHELL", "COPY", "ADD", "VOLUME"))
_MAY_BE_EMPTY = frozenset(("RUN", "CMD", "ENTRYPOINT"))  # as in BuildKit
_NOT_ON_BUILD = frozenset(("ONBUILD", "FROM", "MAINTAINER"))
_STAGE_NAME = re.compile(r"[a-z][a-z0-9._-]*").fullmatch
_FLAG = re.compile(r"""\s*(--(?:\\.|"(?:\\.|[^"\\])*(?:"|\Z)|'[^']*(?:'|\Z)|[^\s"'\\])*)""", re.DOTALL)
_BLANK = re.compile(r"[\t\v\f\r ]+")
_UNQUOTED = re.compile(r"""\\(.)|["']""", re.DOTALL)


def parse_dockerfile(text: bytes) -> Dockerfile:
    """The Dockerfile. Raises HullmarkError, naming the line, if the text is not a Dockerfile or is too large."""
    lines = Lines(text)
    instructions: list[Instruction] = []
    while (joined := lines.next()) is not None:
        if len(instructions) == MAX_INSTRUCTIONS:
            raise fault(joined.number, f"there are more than {MAX_INSTRUCTIONS} instructions")
        instructions.append(_instruction(joined, lines))
    return _build_dockerfile(instructions, lines.directives)


def instruction_of(joined: JoinedInstruction, escape: str = "\\") -> Instruction:
    """One instruction from its line, without its here-documents. Raises HullmarkError."""
    word, *rest = _BLANK.split(joined.line, maxsplit=1)
    keyword = word.upper()
    if keyword not in _KNOWN:
        raise fault(joined.number, f"{word[:50]!r} is not an instruction")
    flags, value = _flags(rest[0] if rest else "")
    if not value and keyword not in _MAY_BE_EMPTY:
        raise fault(joined.number, f"{keyword} says nothing")
    instruction = Instruction(
        keyword=keyword, value=value, flags=flags, line=joined.number, text="\n".join(joined.written)
    )
    try:
        _check(instruction, escape)
    except ValueError as error:
        raise fault(joined.number, f"{keyword}: {error}") from error
    return instruction


def on_build(instruction: Instruction, escape: str = "\\") -> Instruction:
    """The instruction inside an ONBUILD, which runs in builds that are based on the image."""
    inner = instruction_of(JoinedInstruction(instruction.line, instruction.value, [instruction.text]), escape)
    return msgspec.structs.replace(inner, heredocs=instruction.heredocs)


def _flags(text: str) -> tuple[tuple[str, ...], str]:
    """The leading flags, without their quotes, and the rest of the text."""
    flags = []
    at = 0
    while (found := _FLAG.match(text, at)) is not None:
        at = found.end()
        if found[1] == "--":
            break
        flags.append(_UNQUOTED.sub(lambda mark: mark[1] or "", found[1]))
    return tuple(flags), strip_blanks(text[at:])


def _check(instruction: Instruction, escape: str) -> None:
    keyword, value = instruction.keyword, instruction.value
    if keyword in ("ENV", "LABEL"):
        pairs(value, escape)
    elif keyword in _HAS_JSON:
        found = exec_form(value)
        if keyword == "SHELL" and not found:
            raise ValueError("it must be a list in JSON form")
    elif keyword == "HEALTHCHECK":
        kind, command = health_command(value)
        if kind not in ("NONE", "CMD"):
            raise ValueError("it must be followed by CMD or NONE")
        exec_form(command)
    elif keyword == "ONBUILD":
        # Check this before parsing the inner instruction: nested ONBUILDs would recurse without end.
        if _BLANK.split(value, maxsplit=1)[0].upper() in _NOT_ON_BUILD:
            raise ValueError("this cannot be put off")
        on_build(instruction, escape)


def health_command(value: str) -> tuple[str, str]:
    """The parts of a HEALTHCHECK: NONE or CMD, and the command."""
    kind, *command = _BLANK.split(value, maxsplit=1)
    return kind.upper(), strip_blanks(command[0]) if command else ""


def _instruction(joined: JoinedInstruction, lines: Lines) -> Instruction:
    """The instruction with its here-documents."""
    instruction = instruction_of(joined, lines.escape)
    inner = on_build(instruction, lines.escape) if instruction.keyword == "ONBUILD" else instruction
    if inner.keyword not in _HAS_HEREDOCS or exec_form(inner.value) is not None:
        return instruction
    heredocs = lines.heredocs(joined)
    return msgspec.structs.replace(instruction, heredocs=heredocs, text="\n".join(joined.written))


def _build_dockerfile(instructions: Iterable[Instruction], directives: dict[str, str]) -> Dockerfile:
    escape = directives.get("escape", "\\")
    head: list[Instruction] = []
    variables: dict[str, str | None] = {}
    stages: list[Stage] = []
    parts: list[list[Instruction]] = []
    for instruction in instructions:
        if instruction.keyword == "FROM":
            stages.append(_stage(instruction, variables, escape))
            parts.append([instruction])
        elif parts:
            parts[-1].append(instruction)
        elif instruction.keyword == "ARG":
            head.append(instruction)
            declare(instruction, variables, variables, escape)
        else:
            raise fault(instruction.line, f"{instruction.keyword} stands before the first FROM")
    if not stages:
        raise HullmarkError("the Dockerfile has no FROM", advice="check that it is the Dockerfile, and that it builds")
    return Dockerfile(
        stages=tuple(
            msgspec.structs.replace(stage, instructions=tuple(part)) for stage, part in zip(stages, parts, strict=True)
        ),
        head=tuple(head),
        directives=directives,
    )


def _stage(instruction: Instruction, variables: dict[str, str | None], escape: str) -> Stage:
    words = instruction.value.split()
    if len(words) not in (1, 3) or (len(words) == 3 and words[1].upper() != "AS"):
        raise fault(instruction.line, "FROM takes an image, or an image AS a name")
    name = words[2].lower() if len(words) == 3 else ""
    if name and not _STAGE_NAME(name):
        raise fault(instruction.line, f"{words[2][:50]!r} cannot be a stage's name")
    platform = flag(instruction, "platform") or ""
    try:
        base, platform = (expand(word, variables, escape).text for word in (words[0], platform))
    except BadSubstitution as error:
        raise fault(instruction.line, f"FROM: {error}") from error
    if not base:
        raise fault(instruction.line, "FROM names no image")
    return Stage(base=base, name=name, platform=platform)


def flag(instruction: Instruction, name: str) -> str | None:
    """The value of a flag; "" if it has no value, None if the flag is not given."""
    for option in instruction.flags:
        key, _, value = option.removeprefix("--").partition("=")
        if key == name:
            return value
    return None


def declare(
    instruction: Instruction, seen: dict[str, str | None], known: Variables, escape: str
) -> dict[str, str | None]:
    """Put an ARG's names and defaults into `seen`; `known` are the variables that a default may use.

    The value is None if the default cannot be determined. Whether the build overrode a default is not known either.
    """
    for word in split_words(instruction.value, escape):
        name, equals, default = word.partition("=")
        try:
            value = expand(default, known, escape)
        except BadSubstitution:
            value = ExpandedText("", frozenset((name,)))
        if equals:
            seen[name] = None if value.unknown or len(seen) > _MAX_ARGUMENTS else value.text
        else:
            seen.setdefault(name, None)
    return seen
