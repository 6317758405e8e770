"""The pages of a registry's list of what refers to a manifest (OCI distribution specification 1.1, "Listing Referrers")."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TypeVar

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.errors import NetError
from hullmark.net.http import Answer, Client
from hullmark.source.distribution import Session
from hullmark.source.manifest import MANIFEST_LIMIT, OCI_INDEX

MOST_PAGES = Limit(16, "pages of a registry's list of referrers")

_BUSY = frozenset((429, 500, 502, 503, 504))
_NEXT = re.compile(r'<([^<>]{1,4096})>\s*;[^,]{0,100}\brel="?next"?').search

T = TypeVar("T")


class TooManyPages(Exception):
    """There are more than `MOST_PAGES` pages: the rest is not read."""


def referrer_pages(session: Session, client: Client, digest: str, read: Callable[[bytes], T]) -> Iterator[T]:
    """Each page as `read` understands it, until one that it does not: what has no page at all is a registry without this API.

    Raises NetError and, where the registry is busy, HullmarkError; TooManyPages behind the last page that is read.
    """
    query = ""
    for _ in range(MOST_PAGES):
        answer = _answer(session, client, f"referrers/{digest}{query}")
        if answer is None or answer.status != 200:
            return
        try:
            page = read(answer.body)
        except HullmarkError:
            return
        yield page
        following = _NEXT(answer.headers.get("link", ""))
        # Whatever the link leads to, only its query is of use: the next page is at the same place.
        query = "?" + following[1].partition("?")[2].partition("#")[0] if following else ""
        if len(query) < 2:
            return
    raise TooManyPages


def _answer(session: Session, client: Client, path: str) -> Answer | None:
    try:
        answer = client.whole(lambda: session.open(path, {"Accept": OCI_INDEX}), MANIFEST_LIMIT)
    except NetError:
        raise
    except HullmarkError:
        return None  # some answer 401 for what they do not know
    if answer.status in _BUSY:
        raise HullmarkError(f"{session.endpoint.host} answered with status {answer.status}", advice="try again later")
    return answer
