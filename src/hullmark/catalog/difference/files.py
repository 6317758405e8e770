"""Files side by side, known again by their path."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hullmark.model.difference import FileChange
from hullmark.model.inventory import FileRecord, Inventory

_NOT_THERE = frozenset(("missing", "ghost"))


def file_changes(before: Inventory, after: Inventory) -> tuple[FileChange, ...] | None:
    """The files that are not the same in both, sorted by path; None where one of them lists no files.

    Of a bill of materials that lists regular files alone, only these and their content are compared.
    """
    if before.files is None or after.files is None:
        return None
    is_narrow = _lists_content_alone(before) or _lists_content_alone(after)
    old, new = _by_path(before.files, is_narrow=is_narrow), _by_path(after.files, is_narrow=is_narrow)
    return tuple(_changes(old, new, is_narrow=is_narrow))


def _lists_content_alone(inventory: Inventory) -> bool:
    return inventory.source.kind == "sbom" and not any(file.type != "file" for file in inventory.files or ())


def _by_path(files: Sequence[FileRecord], *, is_narrow: bool) -> dict[str, FileRecord]:
    return {
        file.path: file
        for file in files
        if file.state not in _NOT_THERE and (not is_narrow or (file.type == "file" and file.sha256))
    }


def _changes(old: dict[str, FileRecord], new: dict[str, FileRecord], *, is_narrow: bool) -> Iterator[FileChange]:
    for path in sorted(old.keys() | new.keys()):
        before, after = old.get(path), new.get(path)
        if before is None or after is None:
            yield FileChange(step="in" if before is None else "out", path=path, what=(), before=before, after=after)
        elif what := tuple(_what(before, after, is_narrow=is_narrow)):
            yield FileChange(step="changed", path=path, what=what, before=before, after=after)


def _what(before: FileRecord, after: FileRecord, *, is_narrow: bool) -> Iterator[str]:
    if before.type != after.type:
        yield "type"
    elif before.type == "file" and _other_content(before, after):
        yield "content"
    elif before.type == "symlink" and before.link != after.link:
        yield "target"
    if is_narrow:
        return
    if before.mode != after.mode:
        yield "mode"
    if (before.uid, before.gid) != (after.uid, after.gid):
        yield "owner"
    if before.capability != after.capability:
        yield "capability"


def _other_content(before: FileRecord, after: FileRecord) -> bool:
    if before.sha256 and after.sha256:
        return before.sha256 != after.sha256
    return before.size != after.size
