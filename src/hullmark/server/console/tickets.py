"""A ticket's text: what somebody has to know who is to mend what a cause brought, for any tracker."""

from __future__ import annotations

from collections.abc import Sequence

from hullmark.model.notice import Evidence
from hullmark.model.plural import plural
from hullmark.server.tables.notice.cause_pages import CauseSum
from hullmark.server.tables.notice.transitions import CauseRow

_LINES = 10


def ticket_text(
    cause: CauseRow, summed: CauseSum, evidence: Sequence[Evidence], references: Sequence[str], link: str
) -> str:
    """The ticket: a title, what happened, what is seen, what helps, and where it is told in full."""
    images = list(dict.fromkeys(reference for reference in references if reference))
    more = f"- and {summed.images - _LINES} more" if summed.images > _LINES else ""
    seen = [_format_evidence(line) for line in evidence[:_LINES]]
    counted = plural(summed.images, "image")
    parts = [
        cause.sentence or cause.subject,
        f"Known since {cause.seen_at:%Y-%m-%d %H:%M} UTC. {counted}, {summed.standing} of them out of compliance now.",
        "\n".join(("Images:", *(f"- {name}" for name in images[:_LINES]), *([more] if more else []))) if images else "",
        "\n".join(("Seen:", *(f"- {line}" for line in seen if line))) if any(seen) else "",
        f"Where they run, and what helps: {link}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _format_evidence(line: Evidence) -> str:
    fix = f"; update to {line.fix_version}" if line.fix_version else ""
    place = f" at {line.path}" if line.path else ""
    return f"{line.message or line.subject}{place}{fix}"
