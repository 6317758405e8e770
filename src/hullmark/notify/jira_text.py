"""Texts in Jira's formats: documents of nodes (Atlassian Document Format) for Jira Cloud, wiki markup for Jira Data Center and
Server.

In both, foreign words are only text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

_MOST = 30_000
"""Jira accepts 32,767 characters."""


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Paragraphs, a list, a link ("": none) and a last line."""

    paragraphs: Sequence[str]
    entries: Sequence[str] = ()
    link: str = ""
    last: str = ""


def nodes(text: Text) -> dict[str, Any]:
    """The text for Jira Cloud."""
    room = _MOST - len(text.last) - len(text.link)
    content: list[dict[str, Any]] = []
    for line in text.paragraphs:
        room -= len(line)
        if line and room > 0:
            content.append(_paragraph(_words(line)))
    if text.link:
        content.append(_paragraph(_words("All of it", link=text.link)))
    found: list[dict[str, Any]] = []
    for line in text.entries:
        room -= len(line)
        if line and room > 0:
            found.append({"type": "listItem", "content": [_paragraph(_words(line))]})
    if found:
        content.append({"type": "bulletList", "content": found})
    if text.last:
        content.append(_paragraph(_words(text.last)))
    return {"type": "doc", "version": 1, "content": content}


def _paragraph(node: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": [node]}


def _words(text: str, *, link: str = "") -> dict[str, Any]:
    marks = {"marks": [{"type": "link", "attrs": {"href": link}}]} if link else {}
    return {"type": "text", "text": text, **marks}


def wiki(text: Text) -> str:
    """The text for Jira Data Center and Server."""
    room = _MOST - len(text.last) - len(text.link)
    lines: list[str] = []
    for line in text.paragraphs:
        escaped_line = escape_text(line)
        room -= len(escaped_line) + 2
        if line and room > 0:
            lines += [escaped_line, ""]
    if text.link:
        lines += [f"[All of it|{text.link.replace('|', '%7C').replace(']', '%5D')}]", ""]
    for line in text.entries:
        escaped_line = f"* {escape_text(line)}"
        room -= len(escaped_line) + 1
        if line and room > 0:
            lines.append(escaped_line)
    return "\n".join([*lines, "", text.last]).strip()


def escape_text(line: str) -> str:
    """A line that wiki markup shows as it is. Letters, digits and blanks stay; the rest become references to characters."""
    return "".join(
        character if character.isalnum() or character in " ,…" else f"&#{ord(character)};" for character in line
    )
