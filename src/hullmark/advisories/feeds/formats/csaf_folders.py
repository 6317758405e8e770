"""Folders of CSAF documents (CSAF 2.0, section 7.1.13): single documents, archives of them, and lists of what has changed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hullmark.advisories.feeds.feed import Document, Report
from hullmark.advisories.feeds.formats.archives import members
from hullmark.advisories.feeds.formats.reading import json_content, lines
from hullmark.advisories.feeds.formats.rpms import instant

_CHANGE = re.compile(r'"([^"]+\.json)","([^"]+)"')


def changes_in(document: Document) -> dict[str, str]:
    """When each document changed, by its path, as a `changes.csv` tells. Raises DamagedDocument."""
    found: dict[str, str] = {}
    for line in lines(document):
        change = _CHANGE.match(line)
        if change is not None and ".." not in change[1]:
            found[change[1]] = instant(change[2])
    return found


def texts_in(document: Document, report: Report) -> Iterator[tuple[str, bytes]]:
    """Place and text of a single document, or of each in an archive. Raises DamagedDocument."""
    if not document.url.endswith(".json"):
        yield from members(document, (".json",))
        return
    yield document.url, json_content(document)
