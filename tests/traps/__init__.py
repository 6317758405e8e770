"""Tables of traps, by what sets them."""

from __future__ import annotations

from tests.traps import by_files, by_other_starts, by_start, by_values

TRAPS = (*by_start.TRAPS, *by_files.TRAPS, *by_values.TRAPS, *by_other_starts.TRAPS)
"""Every trap."""
