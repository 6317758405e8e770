"""Edits a Dockerfile that a person wrote, so that more can be appended to it, and its base be replaced."""

from __future__ import annotations

import re

from hullmark.policy.dockerfile.parse import parse_dockerfile

_FROM = re.compile(r"(?i)(\s*FROM\s+(?:--\S+\s+)*)\S+")
_NAMED = re.compile(r"(?i)(\s*FROM\s+(?:--\S+\s+)*\S+)(?:\s+AS\s+\S+)?")


def own_dockerfile(text: str, base: str = "") -> str:
    """The text with a line end at its end and, if `base` is given, its final image built on that base. Raises HullmarkError if the text is
    not a Dockerfile.
    """
    dockerfile = parse_dockerfile(text.encode("utf-8", "surrogatepass"))
    lines = text.splitlines()
    if base:
        index = len(dockerfile.stages) - 1
        while (below := dockerfile.named(dockerfile.stages[index].base, index)) is not None:
            index = below
        line = dockerfile.stages[index].instructions[0].line - 1
        lines[line] = _FROM.sub(lambda found: found[1] + base, lines[line], count=1)
    return "\n".join(lines) + "\n"


def name_last_stage(text: str, name: str) -> str:
    """The text with a name for its last stage, so that added stages can copy from it. Raises HullmarkError if the text is not a
    Dockerfile.
    """
    dockerfile = parse_dockerfile(text.encode("utf-8", "surrogatepass"))
    lines = text.splitlines()
    line = dockerfile.stages[-1].instructions[0].line - 1
    lines[line] = _NAMED.sub(lambda found: f"{found[1]} AS {name}", lines[line], count=1)
    return "\n".join(lines) + "\n"
