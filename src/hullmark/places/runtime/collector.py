"""Collectors: what asks a cluster, a service or a host what runs, once or for as long as it is wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, runtime_checkable

from hullmark.model.place import EndedContainer, PlaceEvent, Platform, RunningContainer

STEADY = 30.0
"""Seconds after which a connection counts as one that worked: when it breaks, that is news."""


@dataclass(frozen=True, slots=True)
class Listing:
    """All that runs, as of one moment: whatever is not in it has ended."""

    running: Iterator[RunningContainer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What started, changed or ended since the report before, in the order in which it happened."""

    running: tuple[RunningContainer, ...] = ()
    ended: tuple[EndedContainer, ...] = ()
    events: tuple[PlaceEvent, ...] = ()


class Collector(Protocol):
    """Knows what runs in one cluster, on one host, or in a cloud's account or project. `name` tells it from the others of its platform: the
    cluster's or host's, `ACCOUNT/REGION` for ECS, the project for Cloud Run."""

    @property
    def platform(self) -> Platform:
        """What starts containers there."""

    @property
    def name(self) -> str:
        """What it is called."""

    def containers(self) -> Iterator[RunningContainer]:
        """What runs now, once. Raises HullmarkError where that is not completely known."""

    def follow(self, stop: threading.Event) -> Iterator[Listing | Changes]:
        """What runs, then what changes, until `stop` is set. It connects again by itself, with pauses, and begins with a new listing
        wherever something may have been missed. Raises HullmarkError where trying again cannot help."""


@runtime_checkable
class GapReporting(Protocol):
    """A collector that knows what it could not read. `gaps` are sentences about the last `containers`."""

    @property
    def gaps(self) -> tuple[str, ...]:
        """What could not be read besides, and what that means."""


@runtime_checkable
class Resumable(Protocol):
    """A collector that can tell what started and ended while nobody listened."""

    def resume(self, heard: datetime | None, note: Callable[[datetime], None]) -> None:
        """Before it follows: until when what happened is known (None: nothing is), and who is told how that moves on."""


@runtime_checkable
class OutageReporting(Protocol):
    """A collector that knows whether it sees what runs while it follows."""

    @property
    def is_blind(self) -> bool:
        """Whether whom it asks does not answer: what it told holds as of when it was told."""
