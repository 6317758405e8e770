"""Progress bars while an image is pulled and read, for people at a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hullmark.scanning.layers import Step, Watch

_EVERY_SECONDS = 0.1


@contextmanager
def progress(title: str, *, wanted: bool) -> Iterator[Watch | None]:
    """Shows one bar for all layers; None (nobody to tell) if it is not wanted."""
    if not wanted:
        yield None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(escape(title), total=None)
        done: dict[int, tuple[int, int]] = {}
        lock = threading.Lock()
        shown = 0.0

        def watch(step: Step) -> None:
            nonlocal shown
            with lock:
                done[step.layer] = (step.done, max(step.size, step.done))
                if (now := time.monotonic()) - shown > _EVERY_SECONDS:
                    shown = now
                    bars.update(
                        task, completed=sum(d for d, _ in done.values()), total=sum(t for _, t in done.values())
                    )

        yield watch
