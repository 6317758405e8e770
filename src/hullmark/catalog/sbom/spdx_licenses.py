"""SPDX's one licence expression of a package → the licences that it puts together."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hullmark.catalog.sbom.document import MAX_LIST
from hullmark.model.limit import Limit

_UNSAID = ("", "NOASSERTION", "NONE")
_TOKENS = re.compile(r"[()]|[^()\s]+")
_MAX_EXPRESSION = Limit(1 << 16, "characters of a licence expression in an SPDX document", "shortened")


def licenses_of(expression: str | None, texts: Mapping[str, str]) -> tuple[str, ...]:
    """The parts that AND joins at the top; of a licence that is not on SPDX's list, the text that stands for its id."""
    text = (expression or "").strip()
    if text in _UNSAID:
        return ()
    if len(text) > _MAX_EXPRESSION:
        return (text,)
    found = []
    for part in _parts(text)[:MAX_LIST]:
        known = texts.get(part, "").strip()
        found.append(known if known and known not in _UNSAID else part)
    return tuple(dict.fromkeys(part for part in found if part not in _UNSAID))


def _parts(text: str) -> list[str]:
    """The text as it is, if its parentheses do not match."""
    starts, depth, cuts = 0, 0, []
    for token in _TOKENS.finditer(text):
        word = token[0]
        depth += (word == "(") - (word == ")")
        if depth < 0:
            return [text]
        if word.upper() == "AND" and depth == 0:
            cuts.append(text[starts : token.start()])
            starts = token.end()
    cuts.append(text[starts:])
    return [text] if depth else [_bare(cut) for cut in cuts if cut.strip()]


def _bare(part: str) -> str:
    """Without parentheses around all of it."""
    part = part.strip()
    if not (part.startswith("(") and part.endswith(")")):
        return part
    depth = 0
    for place, character in enumerate(part):
        depth += (character == "(") - (character == ")")
        if depth == 0 and place < len(part) - 1:
            return part
    return part[1:-1].strip()
