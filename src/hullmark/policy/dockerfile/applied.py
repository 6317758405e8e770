"""Applies one more instruction to an image's settings."""

from __future__ import annotations

import re

from msgspec.structs import replace

from hullmark.model.dockerfile import Dockerfile, Instruction
from hullmark.model.errors import HullmarkError
from hullmark.model.image import HealthCheck, ImageConfig
from hullmark.policy.dockerfile.effective import effective
from hullmark.policy.dockerfile.parse import flag, parse_dockerfile
from hullmark.policy.dockerfile.words import BadSubstitution, expand, pairs

SETTINGS = ("ENV", "HEALTHCHECK", "LABEL", "USER")
"""The instructions that can be given one by one."""

_ADVICE = "write it as in a Dockerfile: 'USER 10001', 'HEALTHCHECK CMD …', 'LABEL name=value', 'ENV NAME=value'"
_DURATION = re.compile(r"([0-9]{1,6})(ms|s|m|h)").fullmatch
_NANOSECONDS = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


def read_setting(line: str) -> tuple[str, str]:
    """The keyword and the rest of one instruction. Raises HullmarkError unless the text is one line with an instruction in SETTINGS."""
    _, instruction = _parse_line(line)
    return instruction.keyword, line.strip().partition(" ")[2].strip()


def apply_instruction(config: ImageConfig, line: str) -> ImageConfig:
    """The settings of an image after one more instruction. Raises HullmarkError as `read_setting` does."""
    dockerfile, instruction = _parse_line(line)
    match instruction.keyword:
        case "USER":
            user = effective(dockerfile, None).user
            return replace(config, user=user if user is not None else instruction.value)
        case "HEALTHCHECK":
            return replace(config, healthcheck=_with_times(effective(dockerfile, None).healthcheck, instruction))
        case "LABEL":
            return replace(config, labels=config.labels | dict(_values(instruction)))
        case _:
            variables = dict(entry.partition("=")[::2] for entry in config.env) | dict(_values(instruction))
            return replace(config, env=tuple(f"{name}={value}" for name, value in variables.items()))


def _parse_line(line: str) -> tuple[Dockerfile, Instruction]:
    if not line.isprintable():
        raise HullmarkError(f"--set: {line[:100]!r} is not one line", advice=_ADVICE)
    dockerfile = parse_dockerfile(f"FROM scratch\n{line.strip()}\n".encode())
    final = dockerfile.final[1:]
    if (
        len(dockerfile.stages) != 1
        or len(final) != 1
        or final[0].keyword not in SETTINGS
        or line.rstrip().endswith("\\")
    ):
        raise HullmarkError(f"--set: {line[:100]!r} is not one of {', '.join(SETTINGS)}", advice=_ADVICE)
    return dockerfile, final[0]


def _values(instruction: Instruction) -> list[tuple[str, str]]:
    return [(_plain(name), _plain(value)) for name, value in pairs(instruction.value, "\\")]


def _plain(text: str) -> str:
    try:
        return expand(text, {}, "\\").text
    except BadSubstitution:
        return text


def _with_times(check: HealthCheck | None, instruction: Instruction) -> HealthCheck | None:
    if check is None:
        return None
    retries = flag(instruction, "retries") or ""
    return replace(
        check,
        interval=_nanoseconds(flag(instruction, "interval")),
        timeout=_nanoseconds(flag(instruction, "timeout")),
        retries=int(retries) if retries.isascii() and retries.isdigit() else 0,
    )


def _nanoseconds(text: str | None) -> int:
    found = _DURATION(text or "")
    return int(found[1]) * _NANOSECONDS[found[2]] if found else 0
