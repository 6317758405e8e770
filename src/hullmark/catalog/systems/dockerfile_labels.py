"""The labels that a Dockerfile gives its last stage, with the variables in them filled in.

Follows the Dockerfile reference (LABEL, ENV, ARG, environment replacement, here-documents) as far as labels need it. Anything
else has no labels.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hullmark.model.late import late
from hullmark.model.limit import Limit

_MAX_VALUE = Limit(4096, "characters of a label, or of a variable, in a Dockerfile that an image holds", "shortened")
_PIECE = late(
    r"""(?P<white>\s+)|'(?P<raw>[^']*)'|"(?P<quoted>(?:[^"\\]|\\.)*)"|\\(?P<one>.)|(?P<plain>[^\s'"\\]+)|.""", re.DOTALL
)
_VARIABLE = late(r"\\(?P<escaped>[\\$\"])|\$(?:\{(?P<braced>\w+)(?::?-(?P<default>[^{}]*))?\}|(?P<bare>\w+))", re.ASCII)
_HEREDOC = late(r"<<(?P<dash>-?)[\"']?(?P<end>\w+)[\"']?")


def labels_of(text: str) -> dict[str, str]:
    """Label → value."""
    labels: dict[str, str] = {}
    variables: dict[str, str] = {}
    for keyword, value in _instructions(text):
        if keyword == "FROM":
            labels, variables = {}, {}
        elif keyword == "LABEL":
            labels.update(_pairs(value, variables))
        elif keyword == "ENV":
            variables.update(_pairs(value, variables))
        elif keyword == "ARG":
            for name, default in _pairs(value, variables, is_argument=True):
                variables.setdefault(name, default)
    return labels


def _instructions(text: str) -> Iterator[tuple[str, str]]:
    """Keyword and value of each instruction, without comments, continued lines put together, here-documents left out."""
    lines = iter(text.replace("\r\n", "\n").split("\n"))
    parts: list[str] = []
    for line in lines:
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        is_continued = bare.endswith("\\")
        parts.append(bare[:-1] if is_continued else bare)
        if is_continued:
            continue
        keyword, _, value = " ".join(parts).strip().partition(" ")
        parts = []
        keyword = keyword.upper()
        if keyword in ("RUN", "COPY", "ADD"):
            _pass_heredocs(value, lines)
        yield keyword, value
    if parts:
        keyword, _, value = " ".join(parts).strip().partition(" ")
        yield keyword.upper(), value


def _pass_heredocs(value: str, lines: Iterator[str]) -> None:
    """Take the lines of the here-documents that an instruction begins."""
    for begin in _HEREDOC.finditer(value):
        for line in lines:
            if (line.lstrip("\t") if begin["dash"] else line) == begin["end"]:
                break


def _pairs(value: str, variables: Mapping[str, str], *, is_argument: bool = False) -> list[tuple[str, str]]:
    """`NAME=VALUE NAME=VALUE`, or the old `NAME VALUE`, unquoted. A build argument without a default has no known value."""
    words = list(_words(value, variables))
    if words and "=" not in words[0] and not is_argument:
        return [(words[0], " ".join(words[1:])[:_MAX_VALUE])]
    split = (word.partition("=") for word in words)
    return [(name, rest[:_MAX_VALUE]) for name, equals, rest in split if name and equals]


def _words(value: str, variables: Mapping[str, str]) -> Iterator[str]:
    word: list[str] = []
    for piece in _PIECE.finditer(value):
        if piece["white"] is None:
            word.append(_text(piece, variables))
        elif word:
            yield "".join(word)
            word = []
    if word:
        yield "".join(word)


def _text(piece: re.Match[str], variables: Mapping[str, str]) -> str:
    if piece["raw"] is not None:
        return piece["raw"]
    if piece["one"] is not None:
        return piece["one"]
    if piece["quoted"] is not None:
        return _expand_variables(piece["quoted"], variables)
    return _expand_variables(piece["plain"] or "", variables)


def _expand_variables(text: str, variables: Mapping[str, str]) -> str:
    """Fill in variables; an unknown one is empty, as in a shell."""

    def value(found: re.Match[str]) -> str:
        return found["escaped"] or variables.get(found["braced"] or found["bare"], "") or found["default"] or ""

    return (_VARIABLE.sub(value, text) if "$" in text or "\\" in text else text)[:_MAX_VALUE]
