"""What a service of the bench is: how its image is made, what it starts, and what is asked of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

Ask = Callable[[int, Path], list[str]]
"""The scripted workload: from the port, and the root folder of the image as it was made (for clients that are in it), to all answers."""


class Service(msgspec.Struct, frozen=True, kw_only=True):
    """A service. `packages` are Debian's, `files` path → text, `setup` a shell script that runs in the image last, `programs` what is
    built on this machine: path in the image → a command that writes to {out}, in a folder that holds `sources`."""

    name: str
    ask: Ask
    command: tuple[str, ...]
    packages: tuple[str, ...] = ()
    files: Mapping[str, str] = {}
    setup: str = "true"
    sources: Mapping[str, str] = {}
    programs: Mapping[str, tuple[str, ...]] = {}
    env: tuple[str, ...] = ()
    user: str = ""
    folder: str = "/"
    port: int = 8080
