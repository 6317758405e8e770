"""What every SARIF log has (https://docs.oasis-open.org/sarif/sarif/v2.1.0/)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hullmark.report.documents import encode, moment
from hullmark.report.format import RenderContext

Json = dict[str, Any]


def log(runs: Iterable[Json]) -> bytes:
    """The log of some runs, as one line."""
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return encode({"$schema": schema, "version": "2.1.0", "runs": list(runs)})


def invocation(notices: Iterable[tuple[str, str]], context: RenderContext) -> Json:
    """How the run went. `notices` (level, text) list gaps and unreadable files: a run without them would look complete."""
    found: Json = {
        "executionSuccessful": True,
        "toolExecutionNotifications": [{"level": level, "message": {"text": text}} for level, text in notices],
    }
    when = moment(context.timestamp)
    return {**found, "endTimeUtc": when} if when else found
