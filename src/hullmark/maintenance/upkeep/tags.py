"""Which tags of a repository are newer than one: those that are written as it is, but for higher numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from hullmark.model.upkeep import NewerTags

_NUMBERED = re.compile(r"(\D*?)(\d{1,12}(?:\.\d{1,12}){0,7})(?![\d])(.*)", re.DOTALL).fullmatch


class _NumberedTag(NamedTuple):
    numbers: tuple[int, ...]
    form: tuple[str, int, str]


def newer_tags(tag: str, others: Iterable[str]) -> NewerTags | None:
    """How far a tag is behind: `3.11.4-slim` behind `3.11.9-slim` and `3.13.1-slim`, not behind `3.14.0-rc1`, `3` or `4.0.1`. None for a
    tag without numbers: names say nothing of age."""
    own = _parse_numbered_tag(tag)
    if own is None:
        return None
    known = {other: found for other in others if (found := _parse_numbered_tag(other)) is not None}
    newer = {other: found for other, found in known.items() if found.form == own.form and found.numbers > own.numbers}
    line = {
        other: found
        for other, found in newer.items()
        if len(own.numbers) > 1 and found.numbers[:-1] == own.numbers[:-1]
    }
    return NewerTags(count=len(newer), newest=_last(newer), of_line=_last(line))


def _parse_numbered_tag(tag: str) -> _NumberedTag | None:
    found = _NUMBERED(tag)
    if found is None:
        return None
    numbers = tuple(map(int, found[2].split(".")))
    return _NumberedTag(numbers, (found[1], len(numbers), found[3]))


def _last(tags: dict[str, _NumberedTag]) -> str:
    return max(tags, key=lambda tag: (tags[tag].numbers, tag), default="")
