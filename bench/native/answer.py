"""What a native tool says is in a root file system, in a form that can be compared."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

ANY = "*"
"""A name or version that the tool does not tell: whatever stands at the place fits."""


class Item(NamedTuple):
    """One package: `place` is its architecture (databases) or the absolute path of its record, as Hullmark has it."""

    name: str
    version: str
    place: str


class NotThere(Exception):
    """The tool is not installed, or cannot answer here. Says what is missing."""


@dataclass(frozen=True, slots=True)
class Oracle:
    """One native tool: the purl type it knows, what it is called in the report, and its answer for a root folder.

    `ask` raises NotThere. An answer that lists nothing is one: the image has no such packages.
    """

    type: str
    tool: str
    ask: Callable[[Path], list[Item]]


def run(command: Sequence[str], *, environment: Mapping[str, str] | None = None, statuses: Sequence[int] = (0,)) -> str:
    """The output of a tool, with bytes that are no text replaced. Raises NotThere without the tool."""
    try:
        done = subprocess.run(command, capture_output=True, env={**os.environ, **(environment or {})}, check=False)
    except FileNotFoundError as error:
        raise NotThere(f"{command[0]} is not installed") from error
    if done.returncode not in statuses:
        raise SystemExit(f"{' '.join(command)}: {done.stderr.decode(errors='replace')[-500:]}")
    return done.stdout.decode("utf-8", "replace")


def inside(root: Path, path: Path | str) -> str:
    """A path of the unpacked image as the image has it."""
    return "/" + os.path.relpath(path, root)


def real(root: Path, path: str) -> str:
    """The path with every link in it followed, inside the root."""
    todo, done = path.strip("/").split("/")[::-1], Path("/")
    for _ in range(1000):
        if not todo:
            return str(done)
        part = todo.pop()
        at = root / str(done / part)[1:]
        if at.is_symlink():
            target = str(at.readlink())
            done = Path("/") if target.startswith("/") else done
            todo += target.strip("/").split("/")[::-1]
        else:
            done = done.parent if part == ".." else done / part
    raise SystemExit(f"{path}: too many links")


def walk(root: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Every folder with the names of its folders and files; links are not followed."""
    for folder, folders, files in os.walk(root):
        yield Path(folder), folders, files
