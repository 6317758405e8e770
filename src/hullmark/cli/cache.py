"""`hullmark cache`: what is kept of images that were read, and how to let go of it."""

from __future__ import annotations

import argparse
import sys

from hullmark.cli.settings import cache_folder, settings_of

NAME = "cache"
HELP = "show or prune what is kept of layers that were read"

_KINDS = (
    ("records", "layer records"),
    ("facts", "facts beside them"),
    ("results", "results"),
    ("stamps", "verified local files"),
)
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_SPANS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    parser.add_argument("action", nargs="?", choices=("status", "prune"), default="status", help="default: status")
    parser.add_argument("--older-than", metavar="TIME", help="prune what was not used for TIME, as 12h or 30d")
    parser.add_argument("--max-size", metavar="SIZE", help="prune what was unused longest until the rest fits, as 500M")
    parser.add_argument("--cache-dir", metavar="DIR", help="the cache folder [HULLMARK_CACHE_DIR]")


def run(arguments: argparse.Namespace) -> int:
    """Show or prune."""
    import os

    from hullmark.scanning.layercache import list_cache_entries, prune

    folder = cache_folder(settings_of(arguments).get("cache_dir"), os.environ)
    if arguments.action == "prune":
        files, size = prune(
            folder,
            older_than_seconds=_measure(arguments.older_than, _SPANS, "a time", "12h or 30d"),
            max_bytes=_whole(_measure(arguments.max_size, _UNITS, "a size", "500M or 2G")),
        )
        sys.stdout.write(f"removed {files} files, {_size(size)}\n")
        return 0
    sys.stdout.write(f"{folder}\n")
    entries = list(list_cache_entries(folder))
    for kind, what in _KINDS:
        sizes = [entry.size for entry in entries if entry.path.is_relative_to(folder / kind)]
        sys.stdout.write(f"  {len(sizes):>6} {what}, {_size(sum(sizes))}\n")
    return 0


def _measure(text: str | None, units: dict[str, int], what: str, example: str) -> float | None:
    from hullmark.model.errors import HullmarkError

    if text is None:
        return None
    raw = text.strip().lower().removesuffix("b")
    unit = raw[-1:] if raw[-1:] in units and not raw[-1:].isdigit() else ""
    number = raw[: len(raw) - len(unit)]
    if unit not in units or not number.replace(".", "", 1).isdecimal():
        raise HullmarkError(f"{text!r} is not {what}", advice=f"write it as {example}")
    return float(number) * units[unit]


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


def _size(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
