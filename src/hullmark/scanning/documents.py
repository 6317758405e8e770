"""Documents that a person names by their path: read whole, within bounds."""

from __future__ import annotations

import sys
from pathlib import Path

from hullmark.model.errors import HullmarkError


def read_bounded(path: Path, max_bytes: int) -> bytes:
    """The bytes of a file. Raises HullmarkError if it cannot be read or is larger than it may be."""
    try:
        with path.open("rb") as file:
            body = file.read(max_bytes + 1)
    except OSError as error:
        raise HullmarkError(f"cannot read {path}: {error.strerror}", advice="check the path") from error
    return _within(body, max_bytes, str(path))


def read_input(max_bytes: int) -> bytes:
    """What standard input gives. Raises HullmarkError if it cannot be read or is larger than it may be."""
    try:
        body = sys.stdin.buffer.read(max_bytes + 1)
    except OSError as error:
        raise HullmarkError(
            f"cannot read standard input: {error.strerror}", advice="pipe a document into it"
        ) from error
    return _within(body, max_bytes, "standard input")


def _within(body: bytes, max_bytes: int, name: str) -> bytes:
    if len(body) > max_bytes:
        raise HullmarkError(f"{name} is larger than {max_bytes >> 20} MiB", advice="is it the right file?")
    return body
