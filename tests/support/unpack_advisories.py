"""Run as a program, with the path of `pack.py unpack`: it packs archives again at the lowest level, which takes half as long.

It compares their contents with what they should be before.
"""

from __future__ import annotations

import gzip
import runpy
import sys
import zipfile
from typing import Any

_compress = gzip.compress


class _Archive(zipfile.ZipFile):
    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **{**named, "compresslevel": 1})


class _File(gzip.GzipFile):
    def __init__(
        self, filename: Any = None, mode: Any = None, compresslevel: int = 9, *rest: Any, **named: Any
    ) -> None:
        super().__init__(filename, mode, min(compresslevel, 1), *rest, **named)


def _quickly(data: bytes, compresslevel: int, *, mtime: int) -> bytes:
    return _compress(data, min(compresslevel, 1), mtime=mtime)


if __name__ == "__main__":
    program = runpy.run_path(sys.argv[1])
    for module, name, quick in (
        (zipfile, "ZipFile", _Archive),
        (gzip, "GzipFile", _File),
        (gzip, "compress", _quickly),
    ):
        setattr(module, name, quick)
    program["main"]("unpack")
