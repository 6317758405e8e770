"""Run a command and read what the kernel says it took (getrusage(2), as wait4(2) answers it for one child)."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Taken:
    """CPU seconds (user and system, of all threads and waited-for children), wall seconds, peak resident MB (10^6 bytes)."""

    cpu: float
    wall: float
    peak: float


def measure(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Taken:
    """Run a command to its end, its output thrown away. Ends the program if it fails.

    The peak counts from before exec(2), so it is never less than this process' own: it imports little.
    """
    begin = time.perf_counter()
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **(environment or {})},
    )
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)}: exit status {child.returncode}")
    return Taken(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss * 1024 / 1e6)


def median(runs: Sequence[Taken]) -> Taken:
    """The median of each number by itself."""
    return Taken(*(statistics.median(pick(run) for run in runs) for pick in _PICKS))


_PICKS: tuple[Callable[[Taken], float], ...] = (lambda t: t.cpu, lambda t: t.wall, lambda t: t.peak)
