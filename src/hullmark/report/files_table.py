"""The files of an image as a table for people, as `ls -l` has them, with state, layer and owner."""

from __future__ import annotations

import stat
from collections import Counter

from hullmark.model.inventory import FileRecord, Inventory
from hullmark.report.format import Format, RenderContext
from hullmark.report.table import columns
from hullmark.report.terminal import Paint, fact, problem_lines, safe

_HEAD = ("STATE", "MODE", "UID:GID", "SIZE", "SHA256", "LAYER", "PATH", "PACKAGE")
_SPARE = ("SHA256", "UID:GID", "LAYER", "MODE", "SIZE")
_DIGEST_SHOWN = 12
_KINDS = {
    "file": stat.S_IFREG,
    "dir": stat.S_IFDIR,
    "symlink": stat.S_IFLNK,
    "char": stat.S_IFCHR,
    "block": stat.S_IFBLK,
    "fifo": stat.S_IFIFO,
}


def render(inventory: Inventory, context: RenderContext) -> bytes:
    """One row a file, then how many there are in each state."""
    paint = Paint(context.color)
    files = inventory.files or ()
    lines = rows(inventory, context)
    states = Counter(file.state for file in files)
    lines.append(fact("Image", inventory.source.reference, paint, context.width))
    counts = ", ".join(f"{state} {count}" for state, count in sorted(states.items()))
    lines.append(fact("Files", f"{len(files)} ({counts})" if counts else "none", paint, context.width))
    lines += problem_lines(inventory.problems, context.width, paint)
    return ("\n".join(lines) + "\n").encode()


def rows(inventory: Inventory, context: RenderContext) -> list[str]:
    """The lines of the table, with an empty one at their end; none if there are no files."""
    if not inventory.files:
        return []
    names = {package.purl: f"{package.name} ({package.type})" for package in inventory.packages}
    found = [_row(file, names) for file in inventory.files]
    return [*columns(_HEAD, found, context.width, Paint(context.color), _SPARE), ""]


def _row(file: FileRecord, names: dict[str, str]) -> tuple[str, ...]:
    is_there = file.state != "missing"
    return (
        file.state,
        stat.filemode(_KINDS.get(file.type, 0) | file.mode) if is_there else "",
        f"{file.uid}:{file.gid}" if is_there else "",
        str(file.size) if is_there else "",
        file.sha256[:_DIGEST_SHOWN],
        str(file.layer) if is_there else "",
        safe(f"{file.path} -> {file.link}" if file.type == "symlink" and file.link else file.path),
        safe(names.get(file.owner or "", file.owner or "")),
    )


FORMAT = Format(
    kind="files", name="table", media_type="text/plain; charset=utf-8", file_name="files.txt", render=render
)
