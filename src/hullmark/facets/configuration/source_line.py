"""Where a setting is written."""

from __future__ import annotations

from typing import NamedTuple


class SourceLine(NamedTuple):
    """A line of a file. `path` is absolute, `line` counts from 1.

    Of what the image's start sets, `path` is CMD, ENTRYPOINT, ENV or HEALTHCHECK, and `line` is 0. "" and 0: nowhere, as for a default.
    """

    path: str
    line: int
