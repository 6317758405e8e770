"""Code of many hands, run on what strangers made: a fault in it costs what it was asked for, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def guard_call(
    ask: Callable[[], T],
    failed: Callable[[Exception], T],
    passing: type[Exception] | tuple[type[Exception], ...] = (),
) -> T:
    """What a plugin or a library answers, else what `failed` makes of its fault. `passing` are errors that it tells by, for the caller."""
    try:
        return ask()
    except passing:
        raise
    # The one place where everything is caught and the program goes on. An extractor, a gate, a channel or a library may have any
    # defect, and meets the files, values and answers of strangers: no list of types says what it will raise. One of them
    # must not cost the inventory, the verdict or the message, so who asks it says in the result what is missing.
    except Exception as error:  # noqa: BLE001
        return failed(error)
