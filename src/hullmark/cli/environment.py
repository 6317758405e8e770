"""Mistyped variables: what begins as our settings do, is none of them, and comes near one."""

from __future__ import annotations

import sys
from collections.abc import Mapping

_PREFIX = "HULLMARK_"
_CHILD = _PREFIX + "PARENT"
_NEAR = 0.75
_MOST = 5
_OTHERS = ("HULLMARK_KEY_PASSWORD", "HULLMARK_POSTGRES_USER")
"""Read elsewhere: the password of a key that signs, and who the server's own PostgreSQL runs as."""


def warn_of_mistyped(environment: Mapping[str, str]) -> None:
    """Name them on standard error, once: processes that a server starts have their parent's variables, and say nothing."""
    if _CHILD not in environment:
        for name, meant in find_typos(environment)[:_MOST]:
            sys.stderr.write(f"hullmark: the variable {ascii(name)[1:-1]} is not a setting: {meant}?\n")


def find_typos(environment: Mapping[str, str]) -> list[tuple[str, str]]:
    """(variable, the setting that is meant), sorted. What comes near no setting is somebody else's business."""
    from hullmark.cli.setting_names import VARIABLES

    unknown = sorted(name for name in environment if name.startswith(_PREFIX) and name not in VARIABLES)
    if not unknown:
        return []
    from difflib import get_close_matches

    known = {name.removeprefix(_PREFIX): name for name in sorted({*VARIABLES, *_of_server(), *_OTHERS})}
    found = []
    for name in unknown:
        if name not in known.values() and (near := get_close_matches(name.removeprefix(_PREFIX), known, 1, _NEAR)):
            found.append((name, known[near[0]]))
    return found


def _of_server() -> list[str]:
    """The server's variables: the fields of its settings."""
    import msgspec

    from hullmark.server.stories.settings import Settings

    return [_PREFIX + field.name.upper() for field in msgspec.structs.fields(Settings)]
