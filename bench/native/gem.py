"""Gem::Specification.load on every installed specification, by the machine's ruby or else the image's own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from bench.native.answer import Item, NotThere, Oracle, inside, run, walk

_PROGRAM = 'ARGV.each { |f| s = Gem::Specification.load(f); puts [s ? s.name : "", s ? s.version : "", f].join("\\t") }'


def ask(root: Path) -> list[Item]:
    """Name and version that Ruby finds when it runs the specification."""
    paths = [
        inside(root, folder / name)
        for folder, _, files in walk(root)
        if folder.name == "specifications" or folder.parent.name == "specifications"
        for name in sorted(files)
        if name.endswith(".gemspec")
    ]
    if not paths:
        return []
    if shutil.which("ruby"):
        output = run(["ruby", "-e", _PROGRAM, *(f"{root}{path}" for path in paths)])
    elif os.geteuid() == 0 and (root / "usr/bin/ruby").exists():
        output = run(["chroot", str(root), "/usr/bin/ruby", "-e", _PROGRAM, *paths])
    else:
        raise NotThere("ruby is not installed")
    rows = [line.split("\t") for line in output.splitlines()]
    return [Item(name, version, path.removeprefix(str(root))) for name, version, path in rows]


ORACLE = Oracle("gem", "Gem::Specification.load", ask)
