"""Third-party files that pages load. No repository holds them: `make setup` makes them (tools/console_assets.py), and wheels bring them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

FOLDER = Path(__file__).parent / "static" / "vendor"
NEEDED = (
    "codemirror.js",
    "d3-hierarchy.js",
    "htmx.js",
    "hx-csp.js",
    "hx-sse.js",
    "uplot.css",
    "uplot.js",
)
"""What pages name."""
ADVICE = "make console-assets"
"""The command that makes what is missing, in a checkout."""


class Asset(NamedTuple):
    """A file, and a version that changes when its bytes do: an address that holds it may be cached for ever."""

    path: Path
    version: str


class _Made(msgspec.Struct):
    sha256: str


class _Manifest(msgspec.Struct):
    files: dict[str, _Made]


@cache
def assets(folder: Path = FOLDER) -> dict[str, Asset]:
    """The files that are there, by name; none where nothing was made."""
    try:
        manifest = msgspec.json.decode((folder / "manifest.json").read_bytes(), type=_Manifest)
    except (OSError, msgspec.MsgspecError):
        return {}
    return {
        name: Asset(folder / name, made.sha256[:16])
        for name, made in manifest.files.items()
        if name in NEEDED and (folder / name).is_file()
    }


def missing(folder: Path = FOLDER) -> tuple[str, ...]:
    """The names of files that pages load and that are not there. Where there are any, the console says to run ADVICE."""
    return tuple(name for name in NEEDED if name not in assets(folder))
