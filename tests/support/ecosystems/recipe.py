"""What a recipe is: small packages of one ecosystem, made here and installed into a root folder by its own package manager."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

Listed = set[tuple[str, str]]
"""Names and versions, as the package manager lists them."""


@dataclass(frozen=True)
class Workshop:
    """Where a recipe works: `folder` is its own and empty, `root` becomes the image, `python` has what PyPI has of package managers."""

    folder: Path
    root: Path
    python: Path

    def run(self, *command: str | Path, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> str:
        """The output of a command. Raises FileNotFoundError without the program, CalledProcessError where it fails."""
        surroundings = {**os.environ, "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **(env or {})}
        done = subprocess.run(
            [str(word) for word in command],
            cwd=cwd or self.folder,
            env=surroundings,
            check=True,
            capture_output=True,
            timeout=120,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout.decode()

    def tool(self, name: str) -> Path:
        """A program that PyPI has."""
        return self.python.parent / name

    def write(self, files: Mapping[str, str]) -> None:
        """Write texts into the folder."""
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def in_root(self, path: str) -> Path:
        """A folder of the image, made if it is not there."""
        folder = self.root / path
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@dataclass(frozen=True)
class Recipe:
    """One ecosystem. `type` is the purl type, `tool` the package manager that installs and lists."""

    name: str
    type: str
    tool: str
    install: Callable[[Workshop], Listed]
