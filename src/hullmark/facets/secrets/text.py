"""What is text, and can be searched for secrets."""

from __future__ import annotations

HEAD = 8192
"""The number of bytes that decide whether a file is text."""


def is_binary(body: memoryview) -> bool:
    """Whether a file is binary: it has a NUL byte near its beginning."""
    return b"\0" in bytes(body[:HEAD])
