"""On how many examples properties are tried.

A test says the full number, or none, which is EXAMPLES. `make test` takes a part of it, test by test (`have_fewer`); slow tests take all of
it, and `make prove-properties` ten times as many: HULLMARK_EXAMPLES says how many times.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import settings

_ASKED = os.environ.get("HULLMARK_EXAMPLES", "")
TIMES = int(_ASKED or "1")
EXAMPLES = 50 * TIMES
"""Of a property that says nothing else."""
_ENOUGH = 20
"""So few examples are all tried."""
_SETTINGS = "_hypothesis_internal_use_settings"


def examples(number: int) -> int:
    """So many of a property that needs more, or each of whose examples takes long."""
    return number * TIMES


def tried_on(number: int) -> settings:
    """A property that is tried on so many examples: each of them takes long."""
    return settings(max_examples=examples(number))


def part_of(number: int) -> int:
    """How many of so many examples `make test` tries: two fifths, where there are enough."""
    return max(min(number, _ENOUGH), number * 2 // 5)


def have_fewer(test: Callable[..., Any]) -> None:
    """Have a property tried on the part of its examples that `make test` takes, unless a number is asked for."""
    if _ASKED or not getattr(test, "is_hypothesis_test", False):
        return
    full: settings = getattr(test, _SETTINGS)
    setattr(test, _SETTINGS, settings(full, max_examples=part_of(full.max_examples)))
