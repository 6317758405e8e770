"""Server-Sent Events (HTML standard, 9.2): what a stream says, and a stream that is taken up again where it broke."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import NamedTuple

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.net.api_client import ApiClient, Query
from hullmark.net.reconnect import Reconnection

MOST_BYTES = Limit(4 << 20, "bytes of one event in a stream of events", "refused")
"""The limit of one event."""

_CHUNK = 1 << 16


class ServerEvent(NamedTuple):
    """An event: its id ("" if it has none), its kind, and its data, the lines joined."""

    id: str
    kind: str
    data: str


class EventReader:
    """Takes bytes as they come, gives events. Comments and unknown fields are left out."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._id = ""
        self._kind = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, data: bytes) -> Iterator[ServerEvent]:
        """The events that are whole with these bytes. Raises HullmarkError for one without end."""
        first, *more = data.split(b"\n")
        self._rest += first
        lines: list[bytes] = []
        if more:
            lines, self._rest = [bytes(self._rest), *more[:-1]], bytearray(more[-1])
        for line in lines:
            self._size += len(line)
            self._check(self._size)
            yield from self._line(line.removesuffix(b"\r").decode("utf-8", "replace"))
        self._check(self._size + len(self._rest))

    def _line(self, line: str) -> Iterator[ServerEvent]:
        if not line:
            if self._data:
                yield ServerEvent(self._id, self._kind or "message", "\n".join(self._data))
            self._kind, self._data, self._size = "", [], 0
            return
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "event":
            self._kind = value
        elif name == "id" and "\0" not in value:
            self._id = value

    def _check(self, size: int) -> None:
        if size > MOST_BYTES:
            raise HullmarkError("an event of the server has no end", advice="check the address")


class Watcher:
    """Follows a stream for ever: where it breaks, it is taken up behind the last event. `patience`: how often in a row that may fail."""

    def __init__(self, api: ApiClient, path: str, query: Query, last: str, patience: int = 10) -> None:
        self._api = api
        self._path = path
        self._query = query
        self._last = last
        self._again = Reconnection(api, patience)

    def events(self) -> Iterator[ServerEvent]:
        """Events as they happen. Raises ApiRefused, and NetError where the server stays away."""
        return self._again.connections(self._read_connection, is_endless=True)

    def _read_connection(self) -> Iterator[ServerEvent]:
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": self._last} if self._last else {})}
        reader = EventReader()
        with closing(self._api.stream(self._path, self._query, headers)) as streamed:
            while data := streamed.read_available(_CHUNK):
                self._again.note_progress()
                for event in reader.feed(data):
                    self._last = event.id or self._last
                    yield event
