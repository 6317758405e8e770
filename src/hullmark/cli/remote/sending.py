"""Files as the bodies of requests: sent piece by piece, so that they may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hullmark.net.api_client import ApiClient, Query

_PATIENCE = 900.0
"""Seconds that the server may be silent while it reads what was sent."""


class _FileBody:
    """A file piece by piece, from its beginning each time that it is gone through."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._left = size

    def __iter__(self) -> Iterator[bytes]:
        left = self._left
        with self._path.open("rb") as file:
            while left and (piece := file.read(min(1 << 18, left))):
                left -= len(piece)
                yield piece


def send_file(api: ApiClient, path: str, query: Query, file: str, kind: tuple[str, str]) -> dict[str, Any]:
    """What became of a file that is posted. `kind` is its media type, and what to name instead where it is not a file.

    Raises HullmarkError if it cannot be read or is not taken.
    """
    from hullmark.cli.remote.connection import patient
    from hullmark.model.errors import HullmarkError

    media_type, meant = kind
    place = Path(file)
    try:
        if not place.is_file():
            raise HullmarkError(f"{file} is not a file", advice=f"name {meant}")
        size = place.stat().st_size
        with place.open("rb"):
            pass
    except OSError as error:
        raise HullmarkError(f"cannot read {file}: {error.strerror}", advice="check the path") from error
    headers = {"Content-Type": media_type, "Content-Length": str(size)}
    client = patient(api, _PATIENCE)
    answer: dict[str, Any] = client.decode_answer(client.send("POST", path, query, _FileBody(place, size), headers))
    return answer
