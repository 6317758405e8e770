"""Distinguishes `PATH`, `PATH:TAG` and `PATH@DIGEST`, although paths may contain colons."""

from __future__ import annotations

from pathlib import Path

from hullmark.model.digest import is_digest


def split_place(rest: str) -> tuple[str, str]:
    """The path, and the tag or digest after it ("" for none): the longest path that exists decides.

    If none exists, the whole is a path.
    """
    if exists(rest):
        return rest, ""
    path, at, digest = rest.rpartition("@")
    if at and is_digest(digest):
        found, tag = split_place(path)
        return found, digest if exists(found) or not tag else ""
    end = len(rest)
    while (end := rest.rfind(":", 0, end)) > 0:
        if exists(rest[:end]):
            return rest[:end], rest[end + 1 :]
    return rest, ""


def exists(path: str) -> bool:
    """Whether anything exists at this path. False for a text that cannot be a path."""
    try:
        return bool(path) and Path(path).exists()
    except (OSError, ValueError):
        return False
