"""Streams that are taken up again where they broke off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from hullmark.net.api_client import ApiClient, ApiRefused
from hullmark.net.errors import Cut, TimedOut, Unreachable
from hullmark.net.wait import backoff

T = TypeVar("T")

_BUSY = (429, 500, 502, 503, 504)


class Reconnection:
    """Connects again, with longer and longer pauses. `patience`: how often in a row that may fail without anything new."""

    def __init__(self, api: ApiClient, patience: int) -> None:
        self._api = api
        self._patience = patience
        self._failures = 0

    def note_progress(self) -> None:
        """Something new has come."""
        self._failures = 0

    def connections(self, connect: Callable[[], Iterator[T]], *, is_endless: bool) -> Iterator[T]:
        """What comes by one connection after the other. An endless stream is connected to again after a whole answer, too.

        Raises ApiRefused, and NetError where the server stays away.
        """
        while True:
            try:
                yield from connect()
                if not is_endless:
                    return
            except (Cut, TimedOut, Unreachable, ApiRefused) as error:
                self._failures += 1
                is_final = isinstance(error, ApiRefused) and error.status not in _BUSY
                if is_final or self._failures > self._patience:
                    raise
            self._api.settings.sleep(backoff(self._failures))
