"""Gate `contents`: the lines in files.

Findings give the line's number, never its text, because it may be a secret.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from msgspec import Meta

from hullmark.model.inventory import FileRecord
from hullmark.model.problem import Fact
from hullmark.policy.facts import CONTENT_LIMIT, Facts
from hullmark.policy.gate import Answer, CannotTell, Need, Params, Trigger, Violation
from hullmark.policy.globs import PathGlob, PathGlobs
from hullmark.policy.masked import is_masked, may_fit, surely_fits
from hullmark.policy.values import Pattern

Paths = Annotated[tuple[PathGlob, ...], Meta(description="The files whose lines are searched.")]
Allow = Annotated[tuple[PathGlob, ...], Meta(description="Files that are left out.")]
SkipLarge = Annotated[
    bool, Meta(description="Whether files larger than 1 MiB are left out; otherwise the rule is unknown for them.")
]


class _Lines(Params, frozen=True, kw_only=True):
    paths: Paths
    pattern: Annotated[Pattern, Meta(description="A regular expression, tried on each line.")]
    allow: Allow = ()
    skip_large: SkipLarge = False
    words: Annotated[
        bool, Meta(description="Whether it is also tried on each word of a line, as if the word were alone.")
    ] = False
    only_utf8: Annotated[
        bool,
        Meta(
            description="Whether the rule is unknown for files that are not UTF-8 text; otherwise invalid bytes are replaced."
        ),
    ] = False

    def __post_init__(self) -> None:
        if not self.paths:
            raise ValueError("expected at least one path")


class ForbiddenLines(_Lines, frozen=True, kw_only=True):
    """Fires for each file with a line that matches the pattern."""


class RequiredLines(_Lines, frozen=True, kw_only=True):
    """Fires for each file without a line that matches the pattern, and for each path that no file matches."""

    optional: Annotated[bool, Meta(description="Whether the files may be missing.")] = False


def forbidden(params: ForbiddenLines, facts: Facts) -> Iterator[Answer]:
    """Look for forbidden lines."""
    for file in _files(params, facts):
        text = _text(file, params, facts)
        if isinstance(text, CannotTell):
            yield text
            continue
        line, hidden = _first_line(params, text), _masked_line(params, text)
        if line is not None and hidden is None:
            message = f"Line {line} of {file.path} fits the forbidden pattern {params.pattern.text!r}."
            yield Violation(file.path, message, facts.at_file(file, f"line {line}"))
        elif hidden is not None:
            reason = f"line {hidden} of {file.path} holds a secret, which is masked, and may fit the pattern"
            yield CannotTell(reason, facts.at_file(file, f"line {hidden}"))


def check_required_lines(params: RequiredLines, facts: Facts) -> Iterator[Answer]:
    """Look for required lines."""
    files = _files(params, facts)
    for file in files:
        text = _text(file, params, facts)
        if isinstance(text, CannotTell):
            yield text
            continue
        line, hidden = _first_line(params, text), _masked_line(params, text)
        if hidden is not None:
            reason = f"line {hidden} of {file.path} holds a secret, which is masked, and may fit the pattern"
            yield CannotTell(reason, facts.at_file(file, f"line {hidden}"))
        elif line is None:
            message = f"No line of {file.path} fits the pattern {params.pattern.text!r}, and one must."
            yield Violation(file.path, message, facts.at_file(file))
    for glob in () if params.optional else params.paths:
        match = PathGlobs((glob,)).match
        if not any(match(file.path) for file in files):
            message = (
                f"There must be a file {glob} with a line that fits {params.pattern.text!r}, and there is no such file."
            )
            yield Violation(glob.text, message)


def _files(params: _Lines, facts: Facts) -> list[FileRecord]:
    allow = PathGlobs(params.allow)
    return [
        file
        for file in facts.files.matching(params.paths)
        if file.type == "file" and not allow.match(file.path) and not (params.skip_large and file.size > CONTENT_LIMIT)
    ]


def _text(file: FileRecord, params: _Lines, facts: Facts) -> str | CannotTell:
    body = b"" if file.size == 0 else facts.contents.get(file.path)
    if body is None or len(body) > CONTENT_LIMIT:
        reason = f"is larger than {CONTENT_LIMIT >> 20} MiB" if file.size > CONTENT_LIMIT else "could not be read"
        return CannotTell(f"the file {file.path} {reason}", facts.at_file(file))
    try:
        return body.decode("utf-8", "strict" if params.only_utf8 else "replace")
    except UnicodeDecodeError:
        return CannotTell(f"the file {file.path} is not text in UTF-8", facts.at_file(file))


def _first_line(params: _Lines, text: str) -> int | None:
    """The number of the first line that matches. An empty text after the last line feed is not a line."""
    if params.words:
        lines = enumerate(text.split("\n"), 1)
        number = next((number for number, line in lines if any(map(params.pattern.is_in, _split_line(line)))), None)
    else:
        number = params.pattern.first_line(text)
    is_past_the_end = number is not None and number > text.count("\n") and (not text or text.endswith("\n"))
    return None if is_past_the_end else number


def _masked_line(params: _Lines, text: str) -> int | None:
    """The number of the first line in which something is masked that may match; None if another line matches for certain."""
    if not is_masked(text):
        return None
    hidden: int | None = None
    for number, line in enumerate(text.split("\n"), 1):
        parts = _split_line(line) if params.words else (line.removesuffix("\r"),)
        if any(params.pattern.is_in(part) and surely_fits(params.pattern, part) for part in parts):
            return None
        if hidden is None and is_masked(line) and any(may_fit(params.pattern, part) for part in parts):
            hidden = number
    return hidden


def _split_line(line: str) -> tuple[str, ...]:
    return (line.removesuffix("\r"), *line.split())


def _list_paths(params: _Lines) -> tuple[PathGlob, ...]:
    return params.paths


_NEEDS = frozenset((Need.FILES, Need.CONTENTS))

_LOOKS_AT: frozenset[Fact] = frozenset(("files",))
"""Of each file whose body is not there, the rule itself says so."""

TRIGGERS = (
    Trigger(
        gate="contents",
        name="forbidden",
        params=ForbiddenLines,
        check=forbidden,
        looks_at=_LOOKS_AT,
        needs=_NEEDS,
        contents=_list_paths,
    ),
    Trigger(
        gate="contents",
        name="required",
        params=RequiredLines,
        check=check_required_lines,
        looks_at=_LOOKS_AT,
        needs=_NEEDS,
        contents=_list_paths,
    ),
)
