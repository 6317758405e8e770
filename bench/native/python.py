"""importlib.metadata over every folder that an interpreter would have on its path."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

from bench.native.answer import Item, Oracle, inside, walk

_SITES = ("site-packages", "dist-packages")
_RECORDS = (".dist-info", ".egg-info")


def ask(root: Path) -> list[Item]:
    """The distributions of every site folder; the place is that of METADATA, PKG-INFO or the .egg-info file."""
    return [item for site in sites(root) for item in _distributions(root, site)]


def sites(root: Path) -> list[Path]:
    """Folders of the usual names, and others that hold records but do not lie in such a one (pip install --target)."""
    found: list[Path] = []
    for folder, folders, files in walk(root):
        is_within = any(site in folder.parents for site in found)
        if folder.name in _SITES or (not is_within and any(name.endswith(_RECORDS) for name in (*folders, *files))):
            found.append(folder)
    return found


def _distributions(root: Path, site: Path) -> list[Item]:
    items = []
    for distribution in importlib.metadata.distributions(path=[str(site)]):
        record = Path(str(distribution._path))  # type: ignore[attr-defined]  # nothing public tells where it is
        name = distribution.metadata["Name"]
        if name and root in record.parents:
            place = next((record / each for each in ("METADATA", "PKG-INFO") if (record / each).is_file()), record)
            items.append(Item(re.sub(r"[-_.]+", "-", name).lower(), distribution.version, inside(root, place)))
    return items


ORACLE = Oracle("pypi", "importlib.metadata", ask)
