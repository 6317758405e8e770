"""How many processor cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")
_MOST = 8
"""More layers at a time gain nothing: what remains is one thread's, and each takes some MiB of memory."""


def usable_cores() -> int:
    """The cores that the process may run on, as far as a container's quota goes (cgroup v2, cpu.max); at least 1, at most 8."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(usable, _quota(), _MOST))


def _quota() -> int:
    """Whole cores of the quota, rounded up; a large number where there is none."""
    try:
        quota, _, period = _QUOTA.read_text("ascii").partition(" ")
        return -(-int(quota) // int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return _MOST
