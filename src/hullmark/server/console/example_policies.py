"""Policies that come with the program, for an account that has none yet."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import msgspec

import hullmark

_NAMES = ("baseline", "strict", "minimal-attack-surface", "supply-chain", "licence-commercial", "cis-docker-images")
"""In the order in which they are offered."""

_DESCRIPTION = re.compile(r"^description: *(?:>-?\n +)?\"?(.+?)\"?$", re.MULTILINE)


class ExamplePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy with what it says of itself."""

    name: str
    about: str
    text: str


@lru_cache(1)
def example_policies() -> tuple[ExamplePolicy, ...]:
    """Those that are there: in the installed program, or beside the source."""
    package = Path(hullmark.__file__).parent
    folders = (package / "policies", package.parents[1] / "policies")
    found = []
    for name in _NAMES:
        path = next((folder / f"{name}.yaml" for folder in folders if (folder / f"{name}.yaml").is_file()), None)
        if path is not None:
            text = path.read_text("utf-8")
            about = _DESCRIPTION.search(text)
            found.append(ExamplePolicy(name=name, about=about[1] if about else "", text=text))
    return tuple(found)
