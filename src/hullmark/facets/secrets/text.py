"""What is text, and can be searched for secrets."""

from __future__ import annotations

HEAD = 8192
"""So many bytes tell whether a file is text."""


def is_binary(body: memoryview) -> bool:
    """Whether a file is no text: a NUL byte stands near its beginning."""
    return b"\0" in bytes(body[:HEAD])
