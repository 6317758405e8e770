"""Clocks and stops for what follows something: time goes by as a test says, and nobody waits for pauses."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta


class StepClock:
    """Goes on by so many seconds whenever it is asked."""

    def __init__(self, begin: datetime, seconds: float) -> None:
        self.now, self.step = begin, timedelta(seconds=seconds)

    def __call__(self) -> datetime:
        """The time, after the step."""
        self.now += self.step
        return self.now


class ImpatientStop(threading.Event):
    """Keeps nobody waiting: it notes how long each pause was to be, and is set after so many of them."""

    def __init__(self, most: int = 1000) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._most = most

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it is set, at once."""
        self.pauses.append(timeout or 0.0)
        if len(self.pauses) >= self._most:
            self.set()
        return self.is_set()
