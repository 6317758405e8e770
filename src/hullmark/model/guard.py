"""Runs plugin and library code on untrusted input, so that a defect in it loses only the result it was called for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def guard_call(
    ask: Callable[[], T],
    failed: Callable[[Exception], T],
    passing: type[Exception] | tuple[type[Exception], ...] = (),
) -> T:
    """The result of a plugin or a library, or what `failed` returns for the exception. Exceptions in `passing` are part of its interface
    and are passed on to the caller.
    """
    try:
        return ask()
    except passing:
        raise
    # The only place where every exception is caught and the program continues. An extractor, gate, channel or library may have
    # any defect and processes untrusted files, values and responses, so no list of types can tell what it may raise. A defect
    # must not lose the inventory, the verdict or the message, so the caller records in its result what is missing.
    except Exception as error:  # noqa: BLE001
        return failed(error)
