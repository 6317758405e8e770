"""Where an interpreter of Python finds its standard library (PEP 405; Modules/getpath.py)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hullmark.reach.scene import Scene

VERSION = re.compile(r"python(\d+\.\d+)t?").search
"""Finds the version in the name of an interpreter, or of its folder."""


def prefixes(scene: Scene, path: str, origin: str) -> Iterator[str]:
    """The folders above `bin`: of a virtual environment, of the interpreter that it is made from, of the program itself."""
    folder = path.rpartition("/")[0].rpartition("/")[0]
    for place in (folder, path.rpartition("/")[0]):
        settings = scene.facts.texts.get(scene.tree.find(f"{place}/pyvenv.cfg").real)
        if settings is not None:
            scene.walk.reach(f"{place}/pyvenv.cfg", "is read by Python", origin)
            yield folder
            home = next(
                (
                    line.partition("=")[2].strip()
                    for line in settings.split("\n")
                    if line.partition("=")[0].strip() == "home"
                ),
                "",
            )
            if home:
                yield home.rpartition("/")[0]
    yield folder if folder else "/usr"
    yield origin.rpartition("/")[0].rpartition("/")[0] or "/usr"
    yield "/usr/local"


def library_folders(scene: Scene, prefix: str, version: str) -> Iterator[str]:
    """The folders of the standard library below a prefix, of this version ("": of any)."""
    for below in ("lib", "lib64"):
        for name in scene.tree.names(f"{prefix}/{below}"):
            found = VERSION(name)
            if found is not None and found.end() == len(name) and (not version or found[1] == version):
                yield f"{prefix}/{below}/{name}"
