"""Folders of CSAF documents (CSAF 2.0, section 7.1.13): single documents, archives of them, and lists of what has changed."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hullmark.feeds.feed import Document, Report
from hullmark.feeds.formats.archives import DAMAGE, members, whole
from hullmark.feeds.formats.reading import lines
from hullmark.feeds.formats.rpms import instant

_CHANGE = re.compile(r'"([^"]+\.json)","([^"]+)"')


def changes_in(document: Document) -> dict[str, str]:
    """When each document changed, by its path, as a `changes.csv` tells. Damage ends the list."""
    found: dict[str, str] = {}
    for line in lines(document, lambda place, why: None):
        change = _CHANGE.match(line)
        if change is not None and ".." not in change[1]:
            found[change[1]] = instant(change[2])
    return found


def texts_in(document: Document, report: Report) -> Iterator[tuple[str, bytes]]:
    """Place and text of a single document, or of each in an archive."""
    if not document.url.endswith(".json"):
        yield from members(document, report, (".json",))
        return
    try:
        yield document.url, whole(document)
    except DAMAGE as error:
        report(document.url, f"it cannot be read: {error}")
