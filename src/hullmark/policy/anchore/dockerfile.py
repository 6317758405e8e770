"""Dockerfiles as the original reads them: line by line, and guessed from the history; and as they are meant, for the native profile."""

from __future__ import annotations

import re
from typing import NamedTuple

from hullmark.model.image import ImageConfig
from hullmark.policy.anchore.profile import Profile

_NOP = re.compile(r"^/bin/sh -c #\(nop\) +(.*)", re.DOTALL)
_SHELL = "/bin/sh -c "
_BUILDKIT = " # buildkit"
_PORT_MAP = re.compile(r"map\[(.*)\]$")
_MAX_LINES = 100_000

KEYWORDS = (
    *("ADD", "ARG", "COPY", "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER"),
    *("ONBUILD", "USER", "RUN", "SHELL", "STOPSIGNAL", "VOLUME", "WORKDIR"),
)


class Line(NamedTuple):
    """An instruction: its keyword in capitals, what follows, and the line as written."""

    keyword: str
    value: str
    text: str


def read_lines(text: str) -> tuple[Line, ...]:
    """Each physical line as an instruction: continuations, here-documents and stages are not known, and only a blank ends a keyword."""
    lines = (line.strip() for line in text.split("\n")[:_MAX_LINES])
    return tuple(_line(line, " ") for line in lines if line and not line.startswith("#"))


def guessed_text(config: ImageConfig) -> str:
    """What the history suggests: all that does not say otherwise was a RUN."""
    lines = ["FROM scratch"]
    for entry in config.history:
        found = _NOP.match(entry.created_by)
        lines.append(found[1] if found is not None else f"RUN {entry.created_by}")
    return "\n".join(lines) + "\n"


def _line(text: str, separator: str | None) -> Line:
    keyword, _, value = text.partition(separator) if separator else (*_split(text),)
    return Line(keyword.upper(), value.strip(), text)


def _split(text: str) -> tuple[str, str, str]:
    keyword, *rest = text.split(None, 1)
    return keyword, " ", rest[0] if rest else ""
