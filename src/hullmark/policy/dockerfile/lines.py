"""Lines of a Dockerfile: parser directives, comments, continuations, here-documents.

Follows the Dockerfile reference ("Format", "Parser directives", "Here-Documents").
"""

from __future__ import annotations

import re
from typing import NamedTuple

from hullmark.model.dockerfile import Heredoc
from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.policy.dockerfile.words import BadSubstitution, expand, split_words, strip_blanks

MAX_BYTES = Limit(1 << 20, "bytes of a Dockerfile", "refused")
"""The largest Dockerfile, in bytes."""

MAX_LINES = Limit(50_000, "lines of a Dockerfile", "refused")
"""As many lines may a Dockerfile have."""

_DIRECTIVES = frozenset(("syntax", "escape", "check"))
_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9]*)\s*=(.*)").fullmatch
_HEREDOC = re.compile(r"[0-9]{0,9}<<(-?)\s*([^<]+)").fullmatch
_BLANK = " \t"


class JoinedInstruction(NamedTuple):
    """An instruction joined to one line: the number of its first line, the joined line, and its lines as they were written."""

    number: int
    line: str
    written: list[str]


def fault(number: int, what: str) -> HullmarkError:
    """The error for an invalid line of a Dockerfile."""
    return HullmarkError(
        f"line {number} of the Dockerfile: {what}", advice="check that it is the Dockerfile, and that it builds"
    )


class Lines:
    """The lines of a Dockerfile, read one instruction at a time. Raises HullmarkError if there are too many bytes or lines, or if a parser
    directive is wrong.
    """

    def __init__(self, text: bytes) -> None:
        if len(text) > MAX_BYTES:
            raise HullmarkError(
                f"the Dockerfile has {len(text)} bytes, and may have {MAX_BYTES}", advice="check that it is one"
            )
        # Replace invalid UTF-8, so that the rest can still be judged.
        lines = text.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace").split("\n")
        if len(lines) > MAX_LINES:
            raise HullmarkError(f"the Dockerfile has more than {MAX_LINES} lines", advice="check that it is one")
        self._lines = [line.rstrip("\r") for line in (lines[:-1] if not lines[-1] else lines)]
        self._at = 0
        self.directives = self._read_directives()
        self.escape = self.directives.get("escape", "\\")

    def _read_directives(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for number, line in enumerate(self._lines, 1):
            directive = _DIRECTIVE(strip_blanks(line))
            name = directive[1].lower() if directive else ""
            value = strip_blanks(directive[2]) if directive else ""
            if name not in _DIRECTIVES or not value:
                break
            if name in found:
                raise fault(number, f"the directive {name} is there twice")
            if name == "escape" and value not in ("\\", "`"):
                raise fault(number, "the directive escape must be \\ or `")
            found[name] = value
        return found

    def next(self) -> JoinedInstruction | None:
        """The next instruction, without its here-documents, which are still to be read; None at the end."""
        while self._at < len(self._lines):
            number = self._at + 1
            joined = self._join()
            line = strip_blanks("".join(joined))
            if line:
                return JoinedInstruction(number, line, self._lines[number - 1 : self._at])
        return None

    def _join(self) -> list[str]:
        """The parts of one instruction; empty for a blank line or a comment."""
        parts: list[str] = []
        is_open = True
        while is_open and self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            text = strip_blanks(line)
            is_void = not text or text.startswith("#")
            if is_void and not parts:
                return []
            if not is_void:
                part, is_open = self._strip_continuation(line)
                parts.append(part)
        return parts

    def _strip_continuation(self, line: str) -> tuple[str, bool]:
        """The line without its continuation mark, and whether it had one. A doubled escape character is not a continuation mark."""
        text = line.rstrip(_BLANK)
        if not text.endswith(self.escape) or text[:-1].endswith(self.escape):
            return line, False
        return text[:-1], True

    def heredocs(self, joined: JoinedInstruction) -> tuple[Heredoc, ...]:
        """The here-documents that an instruction announces, read from the lines after it. These lines are added to the instruction's
        `written` lines.
        """
        found = []
        for word in split_words(joined.line, has_heredocs=True) if "<<" in joined.line else ():
            announced = _HEREDOC(word)
            if announced is None:
                continue
            name, is_quoted = _name(announced[2], joined.number)
            if name:
                found.append(self._heredoc(name, joined, strips_tabs=bool(announced[1]), is_quoted=is_quoted))
        return tuple(found)

    def _heredoc(self, name: str, joined: JoinedInstruction, *, strips_tabs: bool, is_quoted: bool) -> Heredoc:
        lines: list[str] = []
        for place in range(self._at, len(self._lines)):
            line = self._lines[place]
            line = line.lstrip("\t") if strips_tabs else line
            if line == name:
                joined.written.extend(self._lines[self._at : place + 1])
                self._at = place + 1
                return Heredoc(name=name, text="".join(f"{line}\n" for line in lines), is_quoted=is_quoted)
            lines.append(line)
        raise fault(joined.number, f"the here-document {name[:50]!r} does not end")


def _name(word: str, number: int) -> tuple[str, bool]:
    """The word that ends a here-document, without its quotes, and whether it had quotes; "" if it is not exactly one word."""
    if len(split_words(word)) != 1:
        return "", False
    try:
        name = expand(
            word, {}
        ).text  # variables without a value stay as written, so a dollar sign becomes part of the name
    except BadSubstitution as error:
        raise fault(number, f"the here-document's name: {error}") from error
    quotes = sum(word.count(mark) for mark in "'\"")
    return name, quotes > sum(name.count(mark) for mark in "'\"")
