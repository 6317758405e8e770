"""What the configuration of Apache's web server loads: modules, and files that it includes, whatever their conditions.

After the directives LoadModule, LoadFile, Include and IncludeOptional of version 2.4.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hullmark.model.limit import Limit
from hullmark.reach.scene import Scene

_DIRECTIVE = re.compile(r"(?im)^[ \t]*(Include(?:Optional)?|LoadModule|LoadFile|ServerRoot)[ \t]+(.*?)[ \t]*$").finditer
_WORD = re.compile(r'"([^"]*)"|(\S+)').findall
_MAX_FILES = Limit(2_000, "files of the configuration of Apache's web server")


def expand_apache(scene: Scene, origin: str, files: Iterator[str]) -> None:
    """Follow includes from these files of configuration on, and reach what they load."""
    todo, seen = list(dict.fromkeys(files)), set[str]()
    root = next((found for path in todo if (found := _root(scene.text(path) or ""))), "")
    root = root or (todo[0].rpartition("/")[0] if todo else "")
    while todo:
        path = todo.pop()
        real = scene.walk.reach(path, "is configuration of apache", origin)
        if not real or real in seen:
            continue
        seen.add(real)
        if len(seen) > _MAX_FILES:
            scene.tree.cut("Apache's configuration has too many files")
            return
        for name, words in _directives(scene.text(real) or ""):
            for word in words if name == "loadfile" else words[-1:]:
                place = word if word.startswith("/") else f"{root}/{word}"
                if "${" in place and name != "serverroot":
                    scene.tree.cut(f"{real} names what it loads or includes by a variable")
                elif name.startswith("include"):
                    found = scene.tree.find(place).real
                    is_folder = bool(found) and scene.tree.is_folder(found)
                    todo += scene.tree.below(found, _MAX_FILES) if is_folder else scene.tree.matching(place)
                elif name.startswith("load"):
                    scene.walk.reach(place, f"is loaded by {real}", real)


def _directives(text: str) -> Iterator[tuple[str, list[str]]]:
    for found in _DIRECTIVE(text):
        words = [quoted or plain for quoted, plain in _WORD(found[2])]
        if words:
            yield found[1].lower(), words


def _root(text: str) -> str:
    return next((words[-1].rstrip("/") for name, words in _directives(text) if name == "serverroot"), "")
