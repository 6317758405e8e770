"""Platforms: how they are written (`linux/arm/v7`), and which of several images suits one.

Names and order of preference follow containerd's platforms package, which docker and kubelet use.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TypeVar

from hullmark.model.errors import HullmarkError
from hullmark.model.image import Platform

_PART = re.compile(r"[a-z0-9][a-z0-9_.-]{0,39}").fullmatch
_ARCHITECTURES = {
    "x86_64": ("amd64", ""),
    "x86-64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "i386": ("386", ""),
    "i486": ("386", ""),
    "i586": ("386", ""),
    "i686": ("386", ""),
    "armhf": ("arm", "v7"),
    "armel": ("arm", "v6"),
    "armv5l": ("arm", "v5"),
    "armv6l": ("arm", "v6"),
    "armv7l": ("arm", "v7"),
    "armv8l": ("arm", "v7"),
    "loongarch64": ("loong64", ""),
}
_USUAL_VARIANT = {"arm": "v7", "arm64": "v8", "amd64": "v1"}

T = TypeVar("T")


def parse_platform(text: str) -> Platform:
    """`OS/ARCHITECTURE[/VARIANT]`, or an architecture alone, which is Linux's. Raises HullmarkError."""
    parts = text.strip().lower().split("/")
    if not 1 <= len(parts) <= 3 or not all(_PART(part) for part in parts):
        raise HullmarkError(f"{text[:60]!r} is not a platform", advice="write it as linux/amd64 or linux/arm/v7")
    if len(parts) == 1:
        return machine_platform(parts[0])
    return normalise_platform(Platform(parts[0], parts[1], parts[2] if len(parts) == 3 else ""))


def machine_platform(machine: str) -> Platform:
    """The Linux platform of a machine whose `uname -m` this is."""
    return normalise_platform(Platform("linux", machine))


def normalise_platform(platform: Platform) -> Platform:
    """The usual names, and no variant where it is the usual one of arm64 and amd64."""
    os, architecture, variant = (part.lower() for part in (platform.os, platform.architecture, platform.variant))
    architecture, implied = _ARCHITECTURES.get(architecture, (architecture, ""))
    variant = variant or implied
    variant = f"v{variant}" if variant.isdigit() else variant
    if architecture in ("arm64", "amd64") and variant == _USUAL_VARIANT[architecture]:
        variant = ""
    return Platform("darwin" if os == "macos" else os, architecture, variant)


def suits(wanted: Platform, there: Platform) -> int:
    """How well an image for `there` suits `wanted`: 0 is not at all, higher is better.

    A processor runs what was built for lower variants of it; where no variant was requested, the usual one is best, then
    the highest below, then the lowest above.
    """
    wanted, there = normalise_platform(wanted), normalise_platform(there)
    if (wanted.os, wanted.architecture) != (there.os, there.architecture):
        return 0
    level, built_for = _level(wanted), _level(there)
    if level is None or built_for is None:
        return 1000 if wanted.variant in ("", there.variant) else 0
    if built_for <= level:
        return 1000 - (level - built_for)
    return 0 if wanted.variant else 500 - built_for


def _level(platform: Platform) -> int | None:
    variant = platform.variant or _USUAL_VARIANT.get(platform.architecture, "")
    return int(variant[1:3]) if variant[:1] == "v" and variant[1:2].isdigit() and variant[1:].isdigit() else None


def best(wanted: Platform, choices: Sequence[tuple[Platform | None, T]]) -> list[T]:
    """The choices that suit best, in their order; none if none does."""
    scored = [(suits(wanted, platform), thing) for platform, thing in choices if platform is not None]
    top = max((score for score, _ in scored), default=0)
    return [thing for score, thing in scored if score == top] if top else []
