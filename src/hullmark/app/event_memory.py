"""Which events of places were told: each is told once, also by an agent that was started anew."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from hullmark.app.spool import replace_file
from hullmark.model.limit import Limit
from hullmark.model.place import PlaceEvent

_MOST = Limit(20_000, "events that an agent remembers as reported; older ones may be reported again", "shortened")
_DIGEST = 16


class EventMemory:
    """The events that were told, in a file, the newest last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._told: dict[bytes, None] = {}
        if path.is_file():
            with path.open("rb") as file:
                while len(key := file.read(_DIGEST)) == _DIGEST:
                    self._told[key] = None

    def unknown(self, events: Iterable[PlaceEvent]) -> tuple[PlaceEvent, ...]:
        """Those that were not told yet, each once. A problem of no container's is told whenever it is said: it comes and goes."""
        found = {_key(event): event for event in events}
        return tuple(event for key, event in found.items() if _recurs(event) or key not in self._told)

    def remember(self, events: Iterable[PlaceEvent]) -> None:
        """These were told. Raises HullmarkError if that cannot be written."""
        new = [_key(event) for event in events if not _recurs(event)]
        if not new:
            return
        self._told.update(dict.fromkeys(new))
        for key in list(self._told)[:-_MOST]:
            del self._told[key]
        replace_file(self._path, b"".join(self._told))


def _key(event: PlaceEvent) -> bytes:
    text = "\0".join((event.kind, event.container, event.subject, event.summary))
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=_DIGEST).digest()


def _recurs(event: PlaceEvent) -> bool:
    return event.kind == "problem" and not event.container
