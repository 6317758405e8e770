"""Globs as people write them in rules: for a complete text, and for paths."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable


def name_matcher(glob: str) -> Callable[[str], object]:
    """A test of complete texts with `*`, `?` and `[…]`; the case of letters must match."""
    return re.compile(fnmatch.translate(glob)).match


class PathGlob:
    """A glob over absolute paths: matched from the root, or at any depth if it does not begin with a slash. `**` matches any number of
    folders.
    """

    def __init__(self, glob: str) -> None:
        rooted = glob if glob.startswith("/") else f"/**/{glob}"
        rooted = f"{rooted}**" if rooted.endswith("/") else rooted
        self._parts = [None if part == "**" else name_matcher(part) for part in rooted[1:].split("/")]

    def fits(self, path: str) -> bool:
        """Whether the complete path matches. Text between two `**` is matched at the first place where it fits."""
        parts, names = self._parts, path.removeprefix("/").split("/")
        part = name = 0
        retry = None
        while name < len(names):
            matcher = parts[part] if part < len(parts) else _nothing
            if matcher is None:
                part += 1
                retry = (part, name)
            elif matcher(names[name]):
                part, name = part + 1, name + 1
            elif retry is not None:
                part, name = retry[0], retry[1] + 1
                retry = (part, name)
            else:
                return False
        return all(matcher is None for matcher in parts[part:])


def _nothing(text: str) -> None:
    """The matcher for path components beyond the end of the glob; it never matches."""
