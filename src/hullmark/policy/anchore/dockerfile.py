"""Dockerfiles as the original reads them (line by line, or guessed from the history), and as Docker reads them, for the native profile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from hullmark.model.dockerfile import Instruction
from hullmark.model.errors import HullmarkError
from hullmark.model.image import ImageConfig
from hullmark.policy.anchore.failure import RuleFailed
from hullmark.policy.dockerfile import from_history, parse_dockerfile

_NOP = re.compile(r"^/bin/sh -c #\(nop\) +(.*)")
_MAX_LINES = 16 << 20  # as many as fit in the largest Dockerfile, or in the largest image settings

KEYWORDS = (
    *("ADD", "ARG", "COPY", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
    *("ONBUILD", "USER", "RUN", "SHELL", "STOPSIGNAL", "VOLUME", "WORKDIR"),
)


class Line(NamedTuple):
    """An instruction: its keyword in capitals, the rest of the line, and the line as written."""

    keyword: str
    value: str
    text: str


def read_lines(text: str, *, joins: bool = False) -> tuple[Line, ...]:
    """Each line as an instruction. Here-documents and stages are not recognised, and only a blank ends a keyword.

    `joins`: a line that ends in a backslash continues on the next. The original misses such continuations; it treats a backslash followed
    by a dollar as one instead.
    """
    joined = re.sub(r"\\\s*\n", " ", text) if joins else text
    stripped = (line.strip() for line in joined.splitlines()[:_MAX_LINES])
    lines = (line for line in stripped if line and not line.startswith("#"))
    return tuple(map(_line, lines if joins else _as_the_original_joins(lines)))


def _as_the_original_joins(lines: Iterable[str]) -> Iterator[str]:
    r"""Lines joined as the original does: a line with `\$` anywhere loses it and continues on the next. If no line follows, the joined text
    is dropped.
    """
    begun: list[str] = []
    for line in lines:
        begun.append(line.replace("\\$", ""))
        if "\\$" not in line:
            yield "".join(begun)
            begun = []


def guessed_text(config: ImageConfig) -> str:
    """A Dockerfile guessed from the history: every entry that is not marked otherwise is taken for a RUN."""
    lines = ["FROM scratch"]
    for entry in config.history:
        found = _NOP.match(entry.created_by)
        lines.append(found[1] if found is not None else f"RUN {entry.created_by}")
    return "\n".join(lines) + "\n"


def final_lines(text: str) -> tuple[Line, ...]:
    """The instructions that build the image itself: those of the last stage and of the stages it is based on. Raises RuleFailed."""
    try:
        return _lines(parse_dockerfile(text.encode("utf-8", "surrogatepass")).final)
    except HullmarkError as error:
        raise RuleFailed(f"the Dockerfile cannot be read: {error}") from error


def guessed_lines(config: ImageConfig) -> tuple[Line, ...]:
    """The instructions of the history, and those that only the image's settings show: ports, user, health check."""
    dockerfile = from_history(config.history)
    lines = list(_lines(dockerfile.final)) if dockerfile is not None else []
    keywords = {line.keyword for line in lines}
    if config.exposed_ports and "EXPOSE" not in keywords:
        lines.append(_line(f"EXPOSE {' '.join(sorted(config.exposed_ports))}"))
    if config.user and "USER" not in keywords:
        lines.append(_line(f"USER {config.user}"))
    if config.healthcheck is not None and config.healthcheck.test and "HEALTHCHECK" not in keywords:
        lines.append(_line(f"HEALTHCHECK {' '.join(config.healthcheck.test)}"))
    return tuple(lines)


def _lines(instructions: Iterable[Instruction]) -> tuple[Line, ...]:
    return tuple(
        Line(
            instruction.keyword,
            " ".join((*instruction.flags, instruction.value)).strip(),
            instruction.text or f"{instruction.keyword} {instruction.value}",
        )
        for instruction in instructions
    )


def _line(text: str) -> Line:
    keyword, _, value = text.partition(" ")
    return Line(keyword.upper(), value.strip(), text)
