"""Findings about the end of a distribution's support: writes their messages, and reads the facts back from them."""

from __future__ import annotations

import re

import msgspec

from hullmark.model.verdict import Finding

GATE, TRIGGER = "image", "end_of_life"
# Verdicts written by earlier versions have "is maintained no more".
_SAID = re.compile(
    r"The release (?P<release>.{1,500}?) (?:is no longer maintained|is maintained no more|has not been maintained since (?P<past>\S{1,40})"
    r"|is maintained only until (?P<until>\S{1,40}))\.(?:\s|$)",
    re.DOTALL,
)


class SupportEnd(msgspec.Struct, frozen=True, kw_only=True):
    """A release (`debian 12`), and the last day on which it is maintained (`2028-06-30`; "": not known, but it has passed)."""

    release: str
    day: str


def no_more(release: str) -> str:
    """The message if the day is not known."""
    return f"The release {release} is no longer maintained."


def has_ended(release: str, day: str) -> str:
    """The message after the last day."""
    return f"The release {release} has not been maintained since {day}."


def will_end(release: str, day: str) -> str:
    """The message on the last day, or before."""
    return f"The release {release} is maintained only until {day}."


def support_end_of(finding: Finding) -> SupportEnd | None:
    """The end of support that a finding reports; None if it is about something else."""
    if (finding.gate, finding.trigger) != (GATE, TRIGGER):
        return None
    match = _SAID.match(finding.message)
    return (
        SupportEnd(release=match["release"], day=match["past"] or match["until"] or "") if match is not None else None
    )
