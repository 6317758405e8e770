"""Turns: whoever judges for an account stops after a while, so that others get to theirs."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 1.0
"""How long a turn lasts, besides what was begun in it."""


class Turn:
    """A turn that begins now. `seconds`: how long it lasts, where that is not as long as others."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic, seconds: float | None = None) -> None:
        self._monotonic = monotonic
        self._ends = monotonic() + (SECONDS if seconds is None else seconds)

    def is_over(self) -> bool:
        """Whether it is others' turn."""
        return self._monotonic() >= self._ends
