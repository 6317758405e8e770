"""Paths as layers write them, made into paths that mean one thing."""

from __future__ import annotations


def normalise(path: bytes) -> bytes | None:
    """The path without leading or trailing slash, empty, `.` and `..` segments; None if it leaves the root.

    The root itself is the empty path.
    """
    if path[:2] == b"./":
        path = path[2:]
    if path[-1:] == b"/":
        path = path[:-1]
    if b"//" not in path and b"/." not in path and path[:1] not in b"./":
        return path
    parts: list[bytes] = []
    for part in path.split(b"/"):
        if part == b"..":
            if not parts:
                return None
            parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def leaves_root(folder: bytes, target: bytes) -> bool:
    """Whether a symbolic link in `folder` with this target climbs above the root, read as text."""
    if target[:1] == b"/":
        return normalise(target) is None
    return target[:2] == b".." and normalise(folder + b"/" + target) is None
