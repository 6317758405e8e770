"""How many examples properties are tried on: HULLMARK_EXAMPLES says how many times as many as `make test` takes."""

from __future__ import annotations

import os

from hypothesis import settings

TIMES = int(os.environ.get("HULLMARK_EXAMPLES", "1"))
EXAMPLES = 50 * TIMES
"""Of a property that says nothing else."""


def examples(number: int) -> int:
    """So many of a property that needs more, or each of whose examples takes long."""
    return number * TIMES


def tried_on(number: int) -> settings:
    """A property that is tried on so many examples: each of them takes long."""
    return settings(max_examples=examples(number))
