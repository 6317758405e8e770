"""Lists in pages: `{items, next}`; `next` is a cursor that the following request hands back, or null at the end."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

from hullmark.server.api.problems import Refusal

T = TypeVar("T")

Limit = Annotated[int, QueryParameter(ge=1, le=200, description="The most items to answer.")]
Cursor = Annotated[str, QueryParameter(max_length=2000, description="Where to go on: `next` of the page before.")]


class Page(msgspec.Struct, Generic[T], kw_only=True):
    """Some items of a list, and where the next ones begin."""

    items: list[T]
    next: str | None


def page(items: list[T], limit: int, key: Any) -> Page[T]:
    """A page of at most `limit` items of a list that was requested one more; `key` makes an item's cursor values."""
    shown = items[:limit]
    return Page(items=shown, next=cursor_of(key(shown[-1])) if len(items) > limit else None)


def cursor_of(values: object) -> str:
    """Values as a cursor."""
    return base64.urlsafe_b64encode(msgspec.msgpack.encode(values)).rstrip(b"=").decode("ascii")


def values_in(cursor: str, kind: type[T]) -> T | None:
    """The values of a cursor; None for the beginning. Raises Refusal for what we did not make."""
    if not cursor:
        return None
    try:
        payload = base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        return msgspec.msgpack.decode(payload, type=kind)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise Refusal(400, "the cursor is not from this list", "begin again without a cursor") from error
