"""Observations: what looking into files, or at the way a container runs, brings to light."""

from __future__ import annotations

import msgspec

from hullmark.model.advisory import Severity


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a check found: a misconfiguration, a secret, malware, a gap in the isolation.

    `rule` names the check, `path` and `layer` the file ("" and -1: none in particular), `line` counts from 1 (0: not told).
    `summary` is a sentence. It never holds a secret itself.
    """

    rule: str
    summary: str
    severity: Severity = "unknown"
    path: str = ""
    layer: int = -1
    line: int = 0
