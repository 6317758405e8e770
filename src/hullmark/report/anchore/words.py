"""What the answers of Anchore's API have in common: times, ids of images, pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

Json = dict[str, Any]

NONE = "None"
"""Stands in Anchore's lists where nothing is known: its readers expect a text."""

ANALYSIS = {"waiting": "not_analyzed", "analysing": "analyzing", "analysed": "analyzed", "failed": "analysis_failed"}
"""The states of an image, and what Anchore calls them."""

UNTAGGED = "<none>"
"""Stands where a tag is wanted and the image has none: readers join it with the repository's name."""


class Tag(msgspec.Struct, frozen=True, kw_only=True):
    """A name under which an image is known, and when it was first and last seen under it."""

    registry: str
    repository: str
    tag: str
    created_at: datetime
    seen_at: datetime

    @property
    def full(self) -> str:
        """`registry/repository:tag`."""
        return f"{self.registry}/{self.repository}:{self.tag}"


def stamp(moment: datetime | None) -> str | None:
    """The moment as Anchore writes it: UTC in whole seconds, `2026-01-31T12:00:00Z`. A moment without a zone is taken for UTC."""
    if moment is None:
        return None
    known = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return known.replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def epoch(moment: datetime | None) -> int | None:
    """The moment in whole seconds since 1970, as Anchore's summaries have it."""
    if moment is None:
        return None
    return int((moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).timestamp())


def image_id(config_digest: str) -> str:
    """An image's id: the hex digits of its config's digest."""
    return config_digest.partition(":")[2] or config_digest


def pages(page: int, *, is_last: bool) -> tuple[str, str]:
    """(page, next page) of a query's answer: texts, the second is empty on the last page."""
    return str(page), "" if is_last else str(page + 1)
