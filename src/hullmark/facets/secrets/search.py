"""A file → the secrets in it: in its bytes, in what is written so that they do not show, and in the files that it holds."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import msgspec

from hullmark.facets.secrets.allowed import Allowance, values_that_fit
from hullmark.facets.secrets.fact import CLASSES, PAGES, SecretFact, make_unopened_fact
from hullmark.facets.secrets.finder import MAX_SECRETS as MAX_IN_FILE
from hullmark.facets.secrets.finder import Finder, FoundSecret, FoundSecrets, digest_of, lines_of
from hullmark.facets.secrets.hidden import MAX_DEPTH, MAX_TEXTS, Signs
from hullmark.facets.secrets.kinds import KINDS
from hullmark.facets.secrets.own import OwnRules, Span, spans_of
from hullmark.facets.unpacking import archives, git, sqlite
from hullmark.facets.unpacking.archives import StopReading, Unpacker
from hullmark.facets.unpacking.zips import Skip
from hullmark.model.limit import Limit
from hullmark.rootfs.reads import MIB, Report

HELD = MIB
"""Larger files are looked at in pieces of this size, each with the end of the one before."""

MAX_ARCHIVE = Limit(64 * MIB, "bytes of an archive that is opened to look for secrets")
MAX_UNPACKED = Limit(64, "bytes unpacked in the search for secrets for each byte of an archive, and one MiB besides")

OVERLAP = 20 << 10
"""So many bytes behind a secret's first are looked at, and `LEAD` in front of it, wherever a piece ends."""

LEAD = 256

_FORMATS = (git.loose_object, git.pack, sqlite.database)
_MAGIC = (b"PACK\0\0\0", b"SQLite format 3\0", b"x\x01", b"x\x5e", b"x\x9c", b"x\xda")
_FIRST = frozenset(magic[0] for magic in _MAGIC)
_FIRST_OF_ALL = _FIRST | archives.FIRST
_CLASSES = (".class",)
_OWN_CLASSES = ("BOOT-INF/classes/", "WEB-INF/classes/")
_SMALL_ZIP = 32 << 10
"""Libraries of Java have so many classes that unpacking them would cost more than all the rest; an application's own are searched."""

_PAGE = re.compile(
    r"usr/(?:local/)?share/(?:man/.*/[^/]+\.[0-9n][0-9a-z]*\.gz|doc/[^/]+/(?:changelog|NEWS)[^/]*\.gz)"
).fullmatch
"""Compressed manual pages and changelogs, of which every distribution has very many, are not opened."""

_GZIP = b"\x1f\x8b\x08"
_ZIP = b"PK\3\4"

_PROGRAM = (b"\x7fELF", b"MZ")
_HEAD = 512
"""As many bytes say of which format a file is: a tar takes most."""

_CUT = "it holds very many secrets; not all of them are told"
_DEEP = f"texts in base64 are in each other more than {MAX_DEPTH} deep"


class BodySearch(NamedTuple):
    """The secrets in a body, the body, and whether there may be more."""

    spots: list[FoundSecret]
    body: bytes
    is_cut: bool


class Search(msgspec.Struct, frozen=True):
    """How secrets are looked for."""

    finder: Finder
    signs: Signs
    salt: bytes
    own: OwnRules
    allowed: tuple[Allowance, ...]

    def of(self, body: bytes | memoryview, name: str) -> BodySearch:
        """Search a body as it stands."""
        return self.sorted_out(body, self.finder.find(body, name).found, is_cut=False)

    def sorted_out(self, body: bytes | memoryview, found: list[FoundSecret], *, is_cut: bool) -> BodySearch:
        """What of the found is not left out."""
        if not found:
            return BodySearch([], b"", is_cut)
        whole = bytes(body)
        spans = spans_of(self.own.blocks, whole)
        return BodySearch([spot for spot in found if not _is_left_out(spot, spans)], whole, is_cut)

    def fact(self, body: bytes, spot: FoundSecret, line: int, inner: str = "") -> SecretFact:
        """A secret as it is kept."""
        secret = body[spot.start : spot.end]
        met = values_that_fit(self.allowed, secret, body[spot.first : spot.last])
        return SecretFact(spot.kind.id, line, digest_of(secret, self.salt), met, inner)


def _is_left_out(spot: FoundSecret, spans: Sequence[Span]) -> bool:
    return any(
        span.start <= spot.start and spot.end <= span.end and (not span.kinds or spot.kind.id in span.kinds)
        for span in spans
    )


@cache
def own_signs() -> Signs:
    """The signs of every kind that the program knows."""
    return Signs(KINDS)


@cache
def searching_finder() -> Finder:
    """Looks for every kind that the program knows, and for signs that something is hidden."""
    return Finder(KINDS, signs=own_signs().keywords)


def last_segment(path: str) -> str:
    """The name of a file."""
    return path[path.rfind("/") + 1 :]


class FileSearch:
    """The search of one file: what was found, and why not all of it was looked at ("" if it was)."""

    def __init__(self, search: Search, size: int) -> None:
        self._search = search
        self._allowance = archives.Allowance(MIB + MAX_UNPACKED * size, of_all=False)
        self._met: set[tuple[str, str]] = set()
        self._inner: frozenset[tuple[str, str]] = frozenset()
        self._is_cut = False
        self._skip = Skip(_CLASSES, _OWN_CLASSES, _SMALL_ZIP)
        self.found: list[SecretFact] = []
        self.left_out = ""

    def look(
        self,
        body: bytes | memoryview,
        name: str,
        part: range | None = None,
        lines: int | None = 0,
        met: FoundSecrets | None = None,
    ) -> None:
        """Look at a body, or at a piece of one: of it, take what begins in `part`.

        There are so many `lines` before it; None: it has none, and all that is found is told of the first one.
        """
        inside = self._inner
        for start, fact in self._in(body, name, "", 0, met):
            if (fact.kind, fact.digest) in inside:
                continue
            if part is None or start in part or (start < 0 and (fact.kind, fact.digest) not in self._met):
                line = 1 if lines is None else fact.line + lines
                self._add(fact if line == fact.line else msgspec.structs.replace(fact, line=line))

    def open(self, body: bytes) -> int:
        """Look at the files that a body holds; returns where that begins which is in none of them, 0 if that is not known."""
        # What is found in a file inside stands at a better place than what is found in the bytes around it.
        outer, self.found = self.found, []
        self._met.clear()
        begin = self._inside(body, "", 0)
        for fact in outer:
            if (fact.kind, fact.digest) not in self._met:
                self.found.append(fact)
        self._inner = frozenset(self._met)
        return begin

    def _inside(self, body: bytes, prefix: str, depth: int) -> int:
        def look(path: str, content: bytes) -> None:
            for _, fact in self._in(content, last_segment(path), prefix + path, depth):
                self._add(fact)

        unpacking = Unpacker(look, self._allowance, _FORMATS, self._skip)
        try:
            unpacking.archive(body, "", 0)
            reason = unpacking.reason
        except StopReading as enough:
            reason = str(enough)
        self.left_out = self.left_out or reason
        return 0 if reason else max(unpacking.text_begin, 0)

    def _add(self, fact: SecretFact) -> None:
        self._met.add((fact.kind, fact.digest))
        if len(self.found) < MAX_IN_FILE:
            self.found.append(fact)
        else:
            self._is_cut = True

    def _in(
        self, body: bytes | memoryview, name: str, inner: str, depth: int, met: FoundSecrets | None = None
    ) -> Iterator[tuple[int, SecretFact]]:
        """(where it begins, the secret) of a body, in what is hidden in it too; -1: in what may have begun in front of the body. `met`:
        what is known to be found in it.
        """
        search = self._search
        met = met or search.finder.find(body, name)
        spots, whole, is_cut = search.sorted_out(body, met.found, is_cut=met.is_cut)
        self._is_cut = self._is_cut or is_cut
        for spot, line in zip(spots, lines_of(whole, spots), strict=True):
            yield spot.start, search.fact(whole, spot, line, inner)
        if met.signs:
            yield from self._search_hidden_texts(bytes(body), met, name, inner, depth)

    def _search_hidden_texts(
        self, body: bytes, met: FoundSecrets, name: str, inner: str, depth: int
    ) -> Iterator[tuple[int, SecretFact]]:
        if depth >= MAX_DEPTH:
            self.left_out = self.left_out or _DEEP
            return
        for number, text in enumerate(self._search.signs.texts(body, met.signs)):
            if number >= MAX_TEXTS:
                self.left_out = self.left_out or f"more than {MAX_TEXTS:,} texts in base64 or UTF-16 are in it"
                return
            if any(text.start < spot.end and spot.start < text.start + len(text.content) for spot in met.found):
                continue
            line = 0
            for start, fact in self._in(text.content, name if text.width else "", inner, depth + 1):
                line = line or body.count(b"\n", 0, text.start) + 1
                further = fact.line - 1 if text.width else 0
                # Base64 at the beginning of a piece may be the rest of a text in which the same was found already.
                at = text.start + start * text.width if text.start or text.width else -1
                yield at, msgspec.structs.replace(fact, line=line + further)
            if not text.width and may_hold_files(text.content):
                self._inside(text.content, f"{inner}!/" if inner else "", depth + 1)

    def finish(self, report: Report) -> list[SecretFact] | None:
        """Say what was left out, and return what was found."""
        if self._is_cut:
            report(_CUT)
        if self.left_out:
            report(f"not all of it was searched for secrets: {self.left_out}")
        if self._skip.count:
            self.found.append(make_unopened_fact(CLASSES))
        return self.found or None


def may_hold_files(body: bytes | memoryview) -> bool:
    """Whether a body, or the beginning of one, may hold files, as far as a quick look can say."""
    is_known = len(body) > 0 and body[0] in _FIRST and bytes(body[:16]).startswith(_MAGIC)
    return is_known or archives.may_hold_files(body)


def search_whole(search: Search, path: str, body: memoryview, report: Report) -> list[SecretFact] | None:
    """The secrets of a file that is held."""
    if not body:
        return None
    name = path[path.rfind("/") + 1 :]
    if len(body) > HELD:
        return _search_held(search, name, body, report)
    if bytes(body[:4]) == _ZIP:
        file = FileSearch(search, len(body))
        whole = bytes(body)
        begin = file.open(whole)
        file.look(whole[begin:], name, lines=whole.count(b"\n", 0, begin))
        return file.finish(report)
    met = search.finder.find(body, name)
    # Runs for every file, so what most are not is asked first.
    is_odd = body[0] in _FIRST_OF_ALL or not len(body) % archives.BLOCK
    holds_files = (is_odd and may_hold_files(body)) or archives.ends_as_zip(body)
    if not (met.found or met.signs or met.is_cut or holds_files):
        return None
    file = FileSearch(search, len(body))
    file.look(body, name, met=met)
    if holds_files and _PAGE(path) and body[:3] == _GZIP:
        file.found.append(make_unopened_fact(PAGES))
    elif holds_files:
        file.open(bytes(body))
    return file.finish(report)


def _search_held(search: Search, name: str, body: memoryview, report: Report) -> list[SecretFact] | None:
    """The same for a large file that is held for another reader."""
    pieces = Pieces(search, name, len(body), body)
    for at in range(0, len(body), HELD):
        pieces.write(body[at : at + HELD])
    return pieces.finish(report)


_ZEROS = bytes(2 * HELD)


class Pieces:
    """Looks at a large file piece by piece, and holds it as well if it may be an archive. `body`: all of it, if somebody else holds it.

    A zip is opened first: what stands in its files need not be looked for in the bytes that they are packed into.
    """

    def __init__(self, search: Search, name: str, size: int, body: memoryview | None = None) -> None:
        self._file = FileSearch(search, size)
        self._name = name
        self._size = size
        self._body = body
        self._held = bytearray()
        self._begin = 0
        self._lines = 0
        self._is_blank = False
        self._archive: io.BytesIO | None = None
        self._is_archive = self._is_zip = False
        self._head = bytearray()
        self._has_lines = True

    def write(self, piece: memoryview, /) -> None:
        """The next bytes."""
        if len(self._head) < _HEAD:
            self._read_head(piece)
        elif self._archive is not None:
            self._archive.write(piece)
        if not self._is_zip:
            self._search(piece)

    def _search(self, piece: memoryview) -> None:
        if self._is_blank and len(piece) <= len(_ZEROS) and _ZEROS.startswith(piece):
            return  # what is held is as many zeros as any look goes back: more of them change nothing that is seen behind them
        self._is_blank = False
        self._held += piece
        if len(self._held) >= HELD:
            self._look(len(self._held) - OVERLAP)

    def _read_head(self, piece: memoryview) -> None:
        """A piece at the beginning, which may be a small one. What the file is shows once all of its head is there."""
        self._head += piece
        if len(self._head) < _HEAD:
            return
        head = bytes(self._head[:_HEAD])
        holds_files = may_hold_files(head)
        # To count the lines of a large program or archive takes as long as the search, and tells nobody anything.
        self._has_lines = not holds_files and not head.startswith(_PROGRAM)
        if holds_files or head.startswith(b"#!"):
            self._hold()
        self._is_zip = self._is_archive and head.startswith(_ZIP)
        if self._is_zip:
            self._held.clear()  # it came in pieces that are smaller than the head
        self._head = self._head[:_HEAD]

    def _hold(self) -> None:
        self._is_archive = self._size <= MAX_ARCHIVE
        if not self._is_archive:
            self._file.left_out = f"it is an archive of more than {MAX_ARCHIVE // MIB} MiB, and was not opened"
        elif self._body is None:
            self._archive = io.BytesIO()
            self._archive.write(self._head)

    def _look(self, stop: int) -> None:
        """Take the secrets that begin before `stop`, and keep the bytes around it for the next search."""
        # Zeros are what large files are padded with; a comparison is a hundred times faster than a search.
        is_blank = _ZEROS.startswith(self._held)
        if not is_blank:
            with memoryview(self._held) as body:
                self._file.look(body, self._name, range(self._begin, stop), self._lines if self._has_lines else None)
        keep = max(stop - LEAD, 0)
        if not is_blank and self._has_lines:
            self._lines += self._held.count(b"\n", 0, keep)
        self._begin = stop - keep
        del self._held[:keep]
        self._is_blank = is_blank and len(self._held) >= LEAD + OVERLAP

    def finish(self, report: Report, /) -> list[SecretFact] | None:
        """All of it was given."""
        is_zip = archives.ends_as_zip(memoryview(self._held))
        if self._held and not self._is_zip:
            self._look(len(self._held))
        if self._is_archive:
            self._open()
        elif is_zip and not self._file.left_out:
            self._file.left_out = "a zip may follow the program that it is, which was not opened"
        return self._file.finish(report)

    def _open(self) -> None:
        whole = self._archive.getvalue() if self._archive is not None else bytes(self._body or b"")
        begin = self._file.open(whole)
        if self._is_zip:
            with memoryview(whole) as body:
                for at in range(begin, len(whole), HELD // 2):
                    self._search(body[at : at + HELD // 2])
            self._look(len(self._held))
