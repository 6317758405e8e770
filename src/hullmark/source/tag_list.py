"""The tags of a repository in a registry (OCI distribution specification 1.1, "Listing Tags")."""

from __future__ import annotations

import re

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.http import StreamedAnswer
from hullmark.source.distribution import Session
from hullmark.source.source import ImageNotFound

MOST_TAGS = Limit(20_000, "tags of a repository that are listed", "shortened")
"""The most tags of a repository that are listed."""

_PAGE = 1000
_MAX_BYTES = Limit(4 << 20, "bytes of a list of tags", "refused")
_NEXT = re.compile(r"<([^<>]{1,2000})>\s*;[^,]{0,100}\brel=\"?next\b").search
_LAST = re.compile(r"[?&]last=([^&]{1,500})").search


class _TagList(msgspec.Struct):
    """What a registry answers."""

    tags: list[str] | None = None


def all_tags(session: Session, page_size: int = _PAGE) -> list[str]:
    """The tags of a session's repository, page after page, as long as the registry names a next one that goes on.

    Raises ImageNotFound, NetError, HullmarkError.
    """
    found: set[str] = set()
    path = f"tags/list?n={page_size}"
    while True:
        streamed = session.open(path, {"Accept": "application/json"})
        if streamed.status == 404:
            streamed.close()
            raise ImageNotFound(f"there is no repository {session.where}", advice="check its name")
        session.check(streamed, "the list of tags")
        page = _tags_in(_body(streamed), session.where)
        new = [tag for tag in page if tag not in found]
        found.update(new[: MOST_TAGS - len(found)])
        following = _NEXT(streamed.headers.get("link", ""))
        last = _LAST(following[1]) if following else None
        if last is None or not new or len(found) >= MOST_TAGS:
            return sorted(found)
        path = f"tags/list?n={page_size}&last={last[1]}"


def _body(streamed: StreamedAnswer) -> bytes:
    """The bytes of an answer. Raises HullmarkError for too many."""
    parts = bytearray()
    buffer = memoryview(bytearray(1 << 16))
    try:
        while count := streamed.readinto(buffer):
            parts += buffer[:count]
            if len(parts) > _MAX_BYTES:
                raise HullmarkError("the registry's list of tags is too long", advice="add images one by one")
    finally:
        streamed.close()
    return bytes(parts)


def _tags_in(body: bytes, where: str) -> list[str]:
    try:
        tags = msgspec.json.decode(body, type=_TagList).tags or []
    except msgspec.MsgspecError as error:
        raise HullmarkError(f"{where} answers no list of tags", advice="check the registry") from error
    return [tag for tag in tags if 0 < len(tag) <= 128]
