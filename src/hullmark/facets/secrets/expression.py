"""Expressions compiled once, wherever rules of one's own are tried."""

from __future__ import annotations

import re
from functools import lru_cache

_HELD = 2000


@lru_cache(_HELD)
def compile_expression(source: str) -> re.Pattern[str]:
    """An expression for paths."""
    return re.compile(source)


@lru_cache(_HELD)
def compiled_bytes(source: bytes) -> re.Pattern[bytes]:
    """An expression for bodies."""
    return re.compile(source)
