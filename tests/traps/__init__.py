"""Tables of traps, by what sets them."""

from __future__ import annotations

from tests.traps import by_files, by_start

TRAPS = (*by_start.TRAPS, *by_files.TRAPS)
"""Every trap."""
