"""Ending tasks of asyncio."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

_PATIENCE = 5.0
"""Seconds that a task gets to end in; psycopg gives a query as many to be cancelled."""


async def end_task(task: asyncio.Task[Any], patience: float = _PATIENCE) -> None:
    """Cancel a task until it has ended. Raises what it raised.

    Cancelling it once may not be enough: up to Python 3.11, `asyncio.wait_for`, by which psycopg's pool waits for a connection, loses a
    cancellation that comes in the moment in which what it waits for does (python/cpython#86296).
    """
    while not task.done():
        task.cancel()
        await asyncio.wait((task,), timeout=patience)
    with suppress(asyncio.CancelledError):
        task.result()
