"""The .dep-v0 section of every ELF file, taken out by objcopy."""

from __future__ import annotations

import json
import subprocess
import tempfile
import zlib
from pathlib import Path

from bench.native.answer import Item, NotThere, Oracle, inside, walk

_MARK = b".dep-v0\0"


def ask(root: Path) -> list[Item]:
    """The crates that run in the program: build-only ones are not in it."""
    items: list[Item] = []
    for folder, _, files in walk(root):
        for name in files:
            path = folder / name
            if not path.is_symlink() and path.is_file() and _has_section(path):
                items += _crates(path, inside(root, path))
    return items


def _has_section(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF" and _MARK in file.read()


def _crates(path: Path, place: str) -> list[Item]:
    with tempfile.NamedTemporaryFile() as section:
        command = ["objcopy", "--dump-section", f".dep-v0={section.name}", str(path), "/dev/null"]
        try:
            done = subprocess.run(command, capture_output=True, check=False)
        except FileNotFoundError as error:
            raise NotThere("objcopy is not installed") from error
        packed = Path(section.name).read_bytes()
    if done.returncode or not packed:
        return []  # the word stands in it, the section does not
    packages = json.loads(zlib.decompress(packed))["packages"]
    return [
        Item(package["name"], package["version"], place)
        for package in packages
        if package.get("kind", "runtime") == "runtime"
    ]


ORACLE = Oracle("cargo", "objcopy of .dep-v0", ask)
