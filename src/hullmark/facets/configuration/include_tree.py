"""Files that include each other, within bounds that no configuration in earnest reaches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hullmark.facets.configuration.parser import MAX_DEPTH, MAX_INCLUDES, Files
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import Remark

MAX_TEXT = Limit(16 << 20, "characters of the files that one program's configuration includes")
"""So many characters are read for one program, a file that is included twice counted twice."""

_MAX_STARS = Limit(4, "stars in a part of a pattern that includes files")


class IncludeTree:
    """The files that one program's configuration consists of. What is left out has a Problem where it is included."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._open: list[str] = []
        self._count = 0
        self._globs = 0
        self._size = 0
        self.is_full = False

    def matching(self, glob: str, by: str, line: int) -> list[str]:
        """The files that a pattern fits. Patterns that would take long to match, and very many patterns, are left out."""
        self._globs += 1
        if self._globs > MAX_INCLUDES:
            self._stop(by, line)
        elif any(segment.count("*") > _MAX_STARS for segment in glob.split("/")):
            self._files.problem(by, "a pattern with too many stars, which is not followed", line)
        else:
            return self._files.matching(glob)
        return []

    @contextmanager
    def opened(self, path: str, by: str = "", line: int = 0) -> Iterator[str | None]:
        """The text of a file for as long as it is read. None if it cannot be read, with a Problem at the line that includes it."""
        text = self._text(path, by or path, line)
        if text is None:
            yield None
            return
        self._open.append(self._files.real(path) or path)
        try:
            yield text
        finally:
            self._open.pop()

    def _text(self, path: str, by: str, line: int) -> str | None:
        if self.is_full:
            return None
        if self._count >= MAX_INCLUDES or self._size > MAX_TEXT:
            self._stop(by, line)
            return None
        if (self._files.real(path) or path) in self._open:
            self._files.problem(by, Remark(f"{path} includes itself"), line)
            return None
        if len(self._open) > MAX_DEPTH:
            self._files.problem(by, f"{path} is included too deep, and is left out", line)
            return None
        if self._files.status(path) is None:
            self._files.problem(by, Remark(f"{path} is not there"), line)
            return None
        text = self._files.text(path)
        self._count += 1
        self._size += len(text or "")
        return text

    def _stop(self, by: str, line: int) -> None:
        if not self.is_full:
            self._files.problem(by, "more is included than is read; the rest is left out", line)
        self.is_full = True
