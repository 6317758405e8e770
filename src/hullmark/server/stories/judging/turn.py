"""Turns: whoever judges for an account stops after a while, so that others get to theirs."""

from __future__ import annotations

import time
from collections.abc import Callable

SECONDS = 1.0
"""How long a turn lasts, besides what was begun in it."""


class Turn:
    """A turn that begins now."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._ends = monotonic() + SECONDS

    def is_over(self) -> bool:
        """Whether it is others' turn."""
        return self._monotonic() >= self._ends
