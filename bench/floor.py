"""The floor under a scan that verifies: inflate every layer of an OCI layout once and hash what comes out, nothing else.

`python -m bench.floor LAYOUT` hashes the inflated bytes (the diff id); with `--stored` also the blobs (the digest).
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

from isal import isal_zlib

_BUFFER = 1 << 20
_CHUNK = 1 << 18


class _Hashed(io.RawIOBase):
    """A file that is hashed while it is read."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = self._raw.readinto(buffer) or 0
        self.sha256.update(memoryview(buffer)[:count])
        return count


def layers(layout: Path) -> list[Path]:
    """The layer blobs of the first image in a layout."""
    document = json.loads((layout / "index.json").read_bytes())
    while "layers" not in document:
        document = json.loads(_blob(layout, document["manifests"][0]).read_bytes())
    return [_blob(layout, layer) for layer in document["layers"]]


def _blob(layout: Path, descriptor: dict[str, Any]) -> Path:
    return layout / "blobs" / Path(*descriptor["digest"].split(":"))


def inflate(blob: Path, buffer: memoryview, *, is_stored_hashed: bool) -> None:
    """One gzip layer through the buffer, hashed."""
    digest = hashlib.sha256()
    with blob.open("rb", buffering=0) as raw:
        stream: Any = _Hashed(raw) if is_stored_hashed else raw
        # The same inner reader that Hullmark takes where it is there: the public class copies once more.
        readinto = isal_zlib._GzipReader(stream, _CHUNK).readinto
        while count := readinto(buffer):
            digest.update(buffer[:count])


def main() -> None:
    """The command line."""
    _, layout, *options = sys.argv
    buffer = memoryview(bytearray(_BUFFER))
    for blob in layers(Path(layout)):
        inflate(blob, buffer, is_stored_hashed="--stored" in options)


if __name__ == "__main__":
    main()
