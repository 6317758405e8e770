"""Path globs, which select the files that a rule is about.

`*` matches any run of characters within one path component, `?` any one of them, `**` any number of folders. All other characters match
themselves. A glob that begins with a slash is matched from the root, any other at any depth (`*.pem` is `/**/*.pem`). A slash at the end
selects everything beneath (`/opt/` is `/opt/**`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from hullmark.policy.values import Value, wildcard_source

_WILD = re.compile(r"[*?]+|/\*\*/")


class PathGlob(Value):
    """A glob over absolute paths.

    `prefix` is the literal text that every matching path begins with, `literal` the longest literal text that it contains. A glob without
    wildcards (`is_literal`) matches its prefix only; one for a complete folder (`is_subtree`) matches everything that begins with it.
    """

    __slots__ = ("is_literal", "is_subtree", "literal", "prefix", "source")
    kind = "a path (* and ? are wildcards, ** is any number of folders)"
    schema: ClassVar[dict[str, Any]] = {"minLength": 1}

    def __init__(self, text: str) -> None:
        super().__init__(text)
        if not text or "\0" in text:
            raise ValueError("expected a path, not an empty text")
        rooted = text if text.startswith("/") else "/**/" + text
        rooted = rooted + "**" if rooted.endswith("/") and rooted != "/" else rooted
        segments = rooted[1:].split("/")
        if any(segment in (".", "..") for segment in segments):
            raise ValueError(f"expected a path without . and .. in it, not {text!r}")
        pieces = _WILD.split(rooted)
        self.is_literal = len(pieces) == 1
        self.prefix = pieces[0]
        self.is_subtree = rooted == f"{self.prefix}**" and self.prefix.endswith("/")
        self.literal = max(pieces, key=len)
        self.source = "/" + _source(segments)


def _source(segments: Sequence[str]) -> str:
    """The regular expression for the segments. Text between two `**` is matched at the first place where it fits, and not tried
    elsewhere.
    """
    groups: list[list[str]] = [[]]
    for segment in segments:
        if segment == "**":
            groups.append([])
        else:
            groups[-1].append(wildcard_source(segment, "[^/]"))
    first, *rest = ("/".join(group) for group in groups)
    if not rest:
        return first
    source = [first + "/" if first else ""]
    source += [f"(?>(?:[^/]*/)*?{group}/)" for group in rest[:-1] if group]
    source.append(f"(?:[^/]*/)*{rest[-1]}" if rest[-1] else "(?s:.+)")
    return "".join(source)


class PathGlobs:
    """Several globs combined into one test."""

    def __init__(self, globs: Iterable[PathGlob]) -> None:
        self.globs = tuple(globs)
        self._matches = re.compile("|".join(f"(?:{glob.source})" for glob in self.globs) or r"(?!)").fullmatch

    def match(self, path: str) -> bool:
        """Whether any of the globs matches."""
        return bool(self.globs) and self._matches(path) is not None
