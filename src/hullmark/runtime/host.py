"""The host below an engine, as a collector is told of it: known ways out of its containers, and what to say of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hullmark.model.place import PlaceEvent


@dataclass(frozen=True, slots=True)
class HostState:
    """What is known of a host. `escapes`: the vulnerabilities by which a container may take it over; None: nobody could tell."""

    escapes: tuple[str, ...] | None = None
    events: tuple[PlaceEvent, ...] = ()


Look = Callable[[Mapping[str, Any], Mapping[str, Any]], HostState]
"""Of what an engine says of its versions (SystemVersion) and its set-up (SystemInfo) → the state of the host."""


def unknown_host(version: Mapping[str, Any], info: Mapping[str, Any]) -> HostState:
    """The state of a host that nobody looks at."""
    return HostState()
