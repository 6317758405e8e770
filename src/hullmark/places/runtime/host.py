"""The host below an engine, as a collector is told of it: known ways out of its containers, and what to say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hullmark.model.place import PlaceEvent

UNTOLD = "advisories"
"""The subject of events that say what cannot be told of a host."""
_LASTS = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class HostState:
    """What is known of a host. `escapes`: the vulnerabilities by which a container may take it over; None: nobody could tell."""

    escapes: tuple[str, ...] | None = None
    events: tuple[PlaceEvent, ...] = ()

    @property
    def gaps(self) -> tuple[str, ...]:
        """What cannot be told of it, in sentences."""
        return tuple(event.summary for event in self.events if event.subject == UNTOLD)


Look = Callable[[Mapping[str, Any], Mapping[str, Any]], HostState]
"""Of what an engine says of its versions (SystemVersion) and its set-up (SystemInfo) → the state of the host."""


def unknown_host(version: Mapping[str, Any], info: Mapping[str, Any]) -> HostState:
    """The state of a host that nobody looks at."""
    return HostState()


class RememberedLook:
    """A look that is taken again only where the engine or its set-up has changed, or some hours have passed: packages are read in it."""

    def __init__(self, look: Look, clock: Callable[[], datetime]) -> None:
        self._look, self._clock = look, clock
        self._seen: tuple[bytes, datetime, HostState] | None = None

    def __call__(self, version: Mapping[str, Any], info: Mapping[str, Any]) -> HostState:
        """The state of the host, as it was seen last or as it is seen now."""
        about = [version, *(info.get(name) for name in ("KernelVersion", "SecurityOptions", "LiveRestoreEnabled"))]
        key, now = msgspec.json.encode(about), self._clock()
        if self._seen is None or self._seen[0] != key or now - self._seen[1] >= _LASTS:
            self._seen = (key, now, self._look(version, info))
        return self._seen[2]
