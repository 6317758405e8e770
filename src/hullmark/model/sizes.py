"""Numbers of bytes, as people read them."""

from __future__ import annotations


def format_size(size: int) -> str:
    """A number of bytes in the unit that suits it, in thousands: 51 B, 12.4 kB, 1,204.0 MB."""
    if size < 1_000:
        return f"{size} B"
    if size < 1_000_000:
        return f"{size / 1e3:.1f} kB" if size < 100_000 else f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:,.1f} MB"
