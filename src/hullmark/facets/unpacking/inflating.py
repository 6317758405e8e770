"""Deflated data (RFC 1951), unpacked by the faster library where it is installed."""

from __future__ import annotations

import zlib
from typing import cast

try:
    from isal import isal_zlib

    decompressor, crc32 = isal_zlib.decompressobj, isal_zlib.crc32
    FAULTS: tuple[type[Exception], ...] = (cast("type[Exception]", isal_zlib.error), zlib.error)
except ImportError:  # pragma: no cover - isal has no wheel for some machines
    decompressor, crc32 = zlib.decompressobj, zlib.crc32  # type: ignore[assignment]
    FAULTS = (zlib.error,)

AT_ONCE = 4 << 20
"""Data that announces at most this many bytes is unpacked in one step. If it turns out to hold more, the result is thrown away."""
