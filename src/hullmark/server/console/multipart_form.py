"""A form with a file, read as it comes (RFC 7578): its texts first, then the bytes of the file, which is never held as a whole."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from hullmark.server.api.problems import Refusal
from hullmark.server.console.forms import Fields

_LONGEST_TEXT = 20_000
_MOST_PARTS = 20
_BOUNDARY = re.compile(r'boundary="?([^\s";,]{1,70})')
_ADVICE = "choose a file, and send the form again"


class FileForm:
    """A form of texts and one file behind them."""

    def __init__(self, content_type: str, chunks: AsyncIterator[bytes]) -> None:
        """Raises Refusal 415 for another kind of body."""
        found = _BOUNDARY.search(content_type) if content_type.lower().startswith("multipart/form-data") else None
        if found is None:
            raise Refusal(415, "this is not a form with a file", _ADVICE)
        self._parser = PushMultipartParser(found[1], max_segment_count=_MOST_PARTS)
        self._chunks = chunks
        self._events = self._read()

    async def fields(self) -> Fields:
        """The texts before the file. Raises Refusal 422 where there is no file, or one that has no name."""
        given: list[tuple[str, str]] = []
        name, text = "", b""
        async for event in self._events:
            if isinstance(event, MultipartSegment):
                name, text = event.name or "", b""
                if event.filename is not None:
                    if not event.filename:
                        raise Refusal(422, "no file was chosen", _ADVICE)
                    return Fields(given)
            elif event is None:
                given.append((name, text.decode("utf-8", "replace")))
            else:
                text += event
                if len(text) > _LONGEST_TEXT:
                    raise Refusal(422, f"{name[:50]} is too long", "shorten it")
        raise Refusal(422, "no file was chosen", _ADVICE)

    async def file(self) -> AsyncIterator[bytes]:
        """The bytes of the file, after `fields`. Raises Refusal as the body's bounds say."""
        async for event in self._events:
            if isinstance(event, bytes | bytearray):
                yield bytes(event)

    async def _read(self) -> AsyncIterator[MultipartSegment | bytes | bytearray | None]:
        try:
            with self._parser:
                async for chunk in self._chunks:
                    for event in self._parser.parse(chunk):
                        yield event
        except MultipartError as error:
            raise Refusal(400, "the form breaks off, or is damaged", "send it again") from error
