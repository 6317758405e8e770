"""go version -m over the whole root."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from bench.native.answer import ANY, Item, Oracle, inside, real, run

_UNKNOWN = ("", "(devel)")


def ask(root: Path) -> list[Item]:
    """The main module or package, every dependency (as replaced), and the standard library, of each executable."""
    items: list[Item] = []
    for block in _blocks(run(["go", "version", "-m", str(root)])):
        path, _, release = block[0].rpartition(": ")
        place = real(root, inside(root, path))
        items += _modules(block[1:], place)
        items.append(Item("stdlib", release.split()[0].removeprefix("go"), place))
    return items


def _blocks(output: str) -> list[list[str]]:
    blocks: list[list[str]] = []
    for line in output.splitlines():
        if line.startswith("\t"):
            blocks[-1].append(line)
        else:
            blocks.append([line])
    return blocks


def _modules(lines: list[str], place: str) -> list[Item]:
    rows = [line.lstrip("\t").split("\t") for line in lines]
    found = [_item(row, place) for row in rows if row[0] in ("mod", "dep")]
    if not any(row[0] == "mod" for row in rows):  # built without modules: only the package's path is known
        found += [Item(row[1], ANY, place) for row in rows if row[0] == "path" and row[1] != "command-line-arguments"]
    for before, row in pairwise(rows):
        if row[0] == "=>" and not row[1].startswith((".", "/")):
            found.remove(_item(before, place))
            found.append(_item(row, place))
    return found


def _item(row: list[str], place: str) -> Item:
    version = row[2] if len(row) > 2 else ""
    return Item(row[1], ANY if version in _UNKNOWN else version, place)


ORACLE = Oracle("golang", "go version -m", ask)
