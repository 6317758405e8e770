"""Lines of JSON that a server writes while it reads them (application/x-ndjson), taken up again where they broke off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.api_client import ApiClient
from hullmark.net.errors import Cut
from hullmark.net.reconnect import Reconnection

MOST_BYTES = Limit(64 << 20, "bytes of one line in a stream of lines", "refused")
"""Of one line."""

_CHUNK = 1 << 18
_MEDIA_TYPE = "application/x-ndjson"


class LineStream:
    """Objects with a `cursor`, a line each. `after` is the cursor of the last one that was given; `patience`: how often in a row it may
    fail without anything new."""

    def __init__(self, api: ApiClient, path: str, after: str = "", patience: int = 10) -> None:
        self.after = after
        self._api = api
        self._path = path
        self._again = Reconnection(api, patience)

    def blocks(self) -> Iterator[bytes]:
        """Whole lines, some at a time, to the end. Raises ApiRefused, NetError where the server stays away, HullmarkError for answers that
        are no such lines."""
        return self._again.connections(self._read_connection, is_endless=False)

    def _read_connection(self) -> Iterator[bytes]:
        rest = bytearray()
        with closing(self._api.stream(self._path, {"after": self.after}, {"Accept": _MEDIA_TYPE})) as streamed:
            if not streamed.headers.get("content-type", "").startswith(_MEDIA_TYPE):
                raise self._strange()
            while data := streamed.read_available(_CHUNK):
                end = data.rfind(b"\n") + 1
                rest += data[:end] if end else data
                if end:
                    block, rest = bytes(rest), bytearray(data[end:])
                    cursor = self._cursor(block)
                    yield block
                    # Whoever took it has it.
                    self.after = cursor
                    self._again.note_progress()
                if len(rest) > MOST_BYTES:
                    raise HullmarkError("a line of the server has no end", advice="check the address")
            if rest:
                raise Cut("the server's answer ended within a line", advice="try again")

    def _cursor(self, block: bytes) -> str:
        line = block[block.rfind(b"\n", 0, -1) + 1 :]
        try:
            found = json.loads(line)["cursor"]
        except (ValueError, RecursionError, KeyError, TypeError):
            raise self._strange() from None
        if not isinstance(found, str) or not found:
            raise self._strange()
        return found

    def _strange(self) -> HullmarkError:
        return HullmarkError("the server does not answer with lines of JSON", advice="check its address")
