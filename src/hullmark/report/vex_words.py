"""What a match says in terms of VEX, for all the formats that write it.

What counts is affected; what was found by a guessed name is under investigation; what suppliers and distributions deny is not
affected; what was accepted is affected, and the acceptance is the action. What a distribution passes over in silence nobody has denied:
it is under investigation, so that whoever reads the document neither drops it nor takes it for new. Where it was followed what an image
starts, what that cannot reach is not affected, with what was followed as the impact.
"""

from __future__ import annotations

import re

import msgspec

from hullmark.model.match import Match, Suppression
from hullmark.report.matches_words import advice

JUSTIFICATIONS = (
    "component_not_present",
    "inline_mitigations_already_exist",
    "vulnerable_code_cannot_be_controlled_by_adversary",
    "vulnerable_code_not_in_execute_path",
    "vulnerable_code_not_present",
)
CAUTION = ("affected", "under_investigation", "fixed", "not_affected")
"""The statuses, the most cautious first: if a product has two, the first one holds."""

_REASON = re.compile(r" says (fixed|not_affected)(?: \(([a-z_]+)\))?(?::|$)").search


class Position(msgspec.Struct, frozen=True, order=True, kw_only=True):
    """OpenVEX's status; `impact` says why it is not affected or fixed, `action` what to do where it is affected."""

    status: str
    justification: str = ""
    impact: str = ""
    action: str = ""


def position(match: Match) -> Position:
    """What is to be said of a match. Where others deny nothing, what the image's start does not reach is not in an execute path."""
    stance = _said_position(match)
    if stance.status in ("affected", "under_investigation") and is_unreachable(match):
        return _unreachable_position(match)
    return stance


def is_unreachable(match: Match) -> bool:
    """Whether it was looked for what the image's start reaches, and the package is not in that."""
    return match.reach is not None and match.reach.reach == "unreachable"


def _unreachable_position(match: Match) -> Position:
    impact = match.reach.evidence if match.reach is not None else ""
    return Position(status="not_affected", justification="vulnerable_code_not_in_execute_path", impact=impact)


def _said_position(match: Match) -> Position:
    suppressed = match.suppressed
    if suppressed is None or suppressed.by == "states":
        if match.confidence < 1:
            return Position(status="under_investigation")
        return Position(status="affected", action=advice(match))
    if suppressed.by == "reach":
        return _unreachable_position(match)
    if suppressed.by == "ignore":
        return Position(status="affected", action=_acceptance(suppressed))
    if suppressed.by == "vex":
        return _stated_position(suppressed.reason)
    if suppressed.is_silence:
        return Position(status="under_investigation", impact=suppressed.reason)
    if suppressed.is_reported:
        return Position(status="affected", action=f"Update the package that it is part of: {suppressed.reason}")
    return Position(status="not_affected", impact=suppressed.reason or "The distribution says so.")


def _acceptance(suppressed: Suppression) -> str:
    owner = f" by {suppressed.owner}" if suppressed.owner else ""
    until = f" until {suppressed.expires}" if suppressed.expires else ""
    return f"Accepted{owner}{until}: {suppressed.reason}"


def _stated_position(reason: str) -> Position:
    """The statement that suppressed a match, read from its reason: `SOURCE says STATUS (JUSTIFICATION): IMPACT`."""
    found = _REASON(reason)
    status, word = found.groups() if found else ("not_affected", "")
    if status == "fixed":
        return Position(status="fixed", impact=reason)
    justification = word if word in JUSTIFICATIONS else ""
    return Position(status="not_affected", justification=justification, impact=reason or "The supplier says so.")
