"""How much work something is: counted, so that a busy machine changes nothing. How fast it is, the benchmarks say."""

from __future__ import annotations

import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

MOST_SECONDS = 60
"""Of processor time. What is linear takes a second or two, what is quadratic on such inputs takes hours."""


def calls(act: Callable[[], object]) -> int:
    """How many functions are called, those written in C as well."""
    count = 0

    def counted(_frame: FrameType, event: str, _of: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        act()
    finally:
        sys.setprofile(before)
    return count


@contextmanager
def ends() -> Iterator[None]:
    """Within it nothing may go on for ever: the test fails after a minute of processor time."""

    def too_long(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError(f"it went on for {MOST_SECONDS} seconds of processor time")

    before = signal.signal(signal.SIGPROF, too_long)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
