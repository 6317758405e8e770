"""One pass through a program for everything that some classifiers look for, in memory that does not grow with the file."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from hullmark.catalog.binaries.classifier import REACH, Classifier, Rule, escape_text
from hullmark.model.late import late
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Report

SEARCH_LIMIT = Limit(1024 * MIB, "bytes of one program that are searched for what it is")
_MATCHES_LIMIT = Limit(10_000, "versions in one program that are looked at for what stands beside them")
_FAST, _FAST_AGAIN = 5, 13
_WINDOW, _SMALLEST = MIB, 16 * REACH
_MINOR = late(r"(\d\.\d{1,2})(?:\.\d{1,2}(?:(?:a|b|rc)\d{1,2})?)?(?!\d)")


Window = tuple[bytearray, int]
"""A part of a file, and how much of it counts."""


@lru_cache(maxsize=512)
def _compile_pattern(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern)


class _Hunt:
    """One classifier on its way through one file: the best rule that held so far, and what must or must not be there."""

    def __init__(self, classifier: Classifier, rules: tuple[Rule, ...]) -> None:
        self.classifier = classifier
        self._rules = rules
        self._open = len(rules)  # only rules before this one could still better the version
        self._version = b""
        self._missing = set(classifier.needs)
        self._is_barred = False
        self._left: int = _MATCHES_LIMIT

    def look(self, window: Window, start: int, stop: int) -> None:
        """Look for what begins at `start` or later and before `stop` in the window."""
        data, end = window
        if self._missing:
            self._missing = {text for text in self._missing if not _has(text, data, end)}
        self._is_barred = self._is_barred or any(_has(text, data, end) for text in self.classifier.without)
        if self._is_barred:
            return
        for index in range(self._open):
            found = self._first(self._rules[index], window, start, stop)
            if found:
                self._version, self._open = found, index
                break

    def _first(self, rule: Rule, window: Window, start: int, stop: int) -> bytes:
        """The version of the first match that begins at `start` or later and before `stop`, b"" if there is none."""
        data, end = window
        for match in (
            _around(rule, window, start) if rule.mark else _compile_pattern(rule.pattern).finditer(data, start, end)
        ):
            if match.start() >= stop or self._left <= 0:
                break
            self._left -= bool(rule.near)
            if not rule.near or _is_near(rule, window, match):
                return bytes(match[1])
        return b""

    @property
    def is_settled(self) -> bool:
        """Whether nothing that is still to come can change the answer."""
        return self._is_barred or (not self._open and not self._missing and not self.classifier.without)

    @property
    def is_cut(self) -> bool:
        """Whether there were more places than are looked at."""
        return self._left <= 0 and not self._version

    @property
    def version(self) -> str:
        """The version, "" if there is none."""
        return "" if self._is_barred or self._missing else self._version.decode("ascii", "replace")


def _around(rule: Rule, window: Window, start: int) -> Iterator[re.Match[bytes]]:
    """The matches that begin at `start` or later, by the marks that they hold: to look for those is far faster."""
    pattern, mark = _compile_pattern(rule.pattern), rule.mark
    begins_so = rule.pattern.startswith(escape_text(mark))
    data, end = window
    for at in _places(mark, data, start, end):
        if begins_so and (match := pattern.match(data, at, end)) is not None:
            yield match
        elif not begins_so:
            # A match that begins after this mark holds a later mark, and may be cut short here.
            found = pattern.finditer(data, max(start, at - REACH), min(at + REACH, end))
            yield from (match for match in found if match.start() <= at < match.end())


def _places(text: bytes, data: bytearray, start: int, end: int) -> Iterator[int]:
    """Where a text stands."""
    key, shift = _key(text)
    at = data.find(key, start + shift, end)
    while at >= 0:
        if key is text or data.startswith(text, at - shift, end):
            yield at - shift
        at = data.find(key, at + 1, end)


@lru_cache(maxsize=512)
def _key(text: bytes) -> tuple[bytes, int]:
    """What is looked for in the place of a text, and where in the text it stands: Python finds five bytes in half the time that it
    takes for six to twelve."""
    shift = int(text[:1] == b"\0")  # zeros are many
    return (text[shift : shift + _FAST], shift) if _FAST < len(text) < _FAST_AGAIN else (text, 0)


def _has(text: bytes, data: bytearray, end: int) -> bool:
    return next(_places(text, data, 0, end), None) is not None


def _is_near(rule: Rule, window: Window, match: re.Match[bytes]) -> bool:
    near = _compile_pattern(rule.near).search
    data, end = window
    before = near(data, max(0, match.start() - rule.within), match.start() + 1)
    return before is not None or near(data, match.end() - 1, min(match.end() + rule.within, end)) is not None


def _rules(classifier: Classifier, base: str) -> tuple[Rule, ...]:
    named = _MINOR.search(base) if classifier.minor_in_name else None
    if named is None:
        return classifier.rules
    minor = named[1].encode() + b"."
    version = escape_text(minor) + rb"\d{1,2}(?:(?:a|b|rc)\d{1,2})?\+?"
    # Linkers share the ends of strings: a version may be kept as the end of the path that the program is installed in.
    return (
        *classifier.rules,
        Rule(rb"\x00(" + version + rb")\x00", b"\0" + minor),
        Rule(rb"/(" + version + rb")\x00", b"/" + minor),
    )


class ProgramSearch:
    """A sink that looks for versions in a file that goes by in pieces. `base` is the file's last segment, `size` what it should have
    in bytes; it may have more."""

    def __init__(self, classifiers: Sequence[Classifier], base: str, size: int = _WINDOW) -> None:
        self._hunts = [_Hunt(classifier, _rules(classifier, base)) for classifier in classifiers]
        self._base = base
        self._buffer = bytearray(max(_SMALLEST, min(size, _WINDOW)))
        self._fill = 0
        self._context = 0  # bytes at the window's beginning in which nothing may begin: they were looked at before
        self._left: int = SEARCH_LIMIT
        self._is_text = True
        self._is_cut = False

    def write(self, piece: memoryview, /) -> None:
        """The next bytes of the file."""
        if not self._is_text and all(hunt.is_settled for hunt in self._hunts):
            return
        if len(piece) > self._left:
            piece, self._is_cut = piece[: self._left], True
        self._left -= len(piece)
        while len(piece):
            if self._fill == len(self._buffer):
                self._look(last=False)
            part = piece[: len(self._buffer) - self._fill]
            self._buffer[self._fill : self._fill + len(part)] = part
            self._fill += len(part)
            piece = piece[len(part) :]

    def _look(self, *, last: bool) -> None:
        """What begins in the last bytes of a window is looked at with the next one, which keeps them and as many before."""
        stop = self._fill if last else self._fill - 2 * REACH
        self._is_text = self._is_text and self._buffer.find(b"\0", 0, self._fill) < 0
        for hunt in self._hunts:
            if not hunt.is_settled:
                hunt.look((self._buffer, self._fill), self._context, stop)
        if not last:
            keep = 3 * REACH
            self._buffer[:keep] = self._buffer[self._fill - keep : self._fill]
            self._fill, self._context = keep, REACH

    def finish(self, report: Report, /) -> tuple[tuple[str, str], ...] | None:
        """Keys and versions of what was found, one a family."""
        self._look(last=True)
        found = tuple(self._find_versions(report))
        if self._is_cut and not found:
            report(f"only its first {SEARCH_LIMIT // MIB} MiB were searched for what it is")
        return found or None

    def _find_versions(self, report: Report) -> Iterator[tuple[str, str]]:
        families: set[str] = set()
        for hunt in self._hunts:
            classifier = hunt.classifier
            if self._is_text and not classifier.any_form:
                continue
            if hunt.is_cut:
                report(f"it has too many numbers that may be the version of {classifier.name}")
            version = hunt.version or self._read_name_version(classifier)
            if version and classifier.family not in families:
                families |= {classifier.family} if classifier.family else set()
                yield classifier.key, version

    def _read_name_version(self, classifier: Classifier) -> str:
        """The version in the file's name, where it has all three numbers."""
        named = _MINOR.search(self._base) if classifier.minor_in_name else None
        return named[0] if named is not None and named[0].count(".") == 2 else ""
