"""A vulnerability's life as an account lived it: published, ingested, matched, told, exploited, fixed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from hullmark.server.stories.advisories.known import KnownVulnerability
from hullmark.server.tables.advisories.account_advisories import AdvisoryCause, AdvisoryEnd


class Milestone(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened, or did not yet: `at` None where it did not, or where nobody knows when, which `note` says then.

    `is_day`: only the day is known. `since` are the seconds from the one before.
    """

    title: str
    at: datetime | None
    note: str = ""
    is_day: bool = False
    since: float | None = None


def milestones(
    known: KnownVulnerability, causes: Sequence[AdvisoryCause], end: AdvisoryEnd, live: int | None = None
) -> list[Milestone]:
    """In the order in which they are expected; `since` is from the last one before that has a moment. `live`: how many images that count
    have it, where more is known of that than `end` says."""
    landed = [cause for cause in causes if cause.kind == "advisory"] or list(causes)
    seen = min((cause.seen_at for cause in landed), default=None)
    matched = min((cause.matched_at for cause in landed if cause.matched_at), default=None)
    told = min((cause.told_at for cause in landed if cause.told_at), default=None)
    nothing = "it changed no verdict that was watched" if not causes else ""
    found = [
        _day("Published", known.published, "no source says when"),
        Milestone(title="Ingested", at=seen, note="" if seen else nothing or "not known"),
        Milestone(title="Matched", at=matched, note="" if matched else nothing or "not yet"),
        Milestone(
            title="Told", at=told, note="" if told else "nobody had to be told" if nothing else "no message arrived yet"
        ),
        _day("Fix available", known.fix_date, "no source says since when" if _has_fix(known) else "no fix is known"),
    ]
    if known.kev is not None:
        found.append(_day("Known to be exploited", known.kev.added, ""))
    found.append(_make_fixed_milestone(causes, end, max(end.live, live or 0)))
    return _with_spans(found)


def _make_fixed_milestone(causes: Sequence[AdvisoryCause], end: AdvisoryEnd, live: int) -> Milestone:
    """The last image that counts has it no more: its tags point elsewhere, and it runs nowhere. Or nobody says that it has it any more."""
    if not end.images:
        gone = max((cause.seen_at for cause in causes if cause.kind in ("retraction", "vex")), default=None)
        return Milestone(
            title="Fixed" if gone is None else "Taken back", at=gone, note="no image of the account has it"
        )
    if live:
        more = "" if end.is_all or live > end.live else "at least "
        images = "image that counts has" if live == 1 else "images that count have"
        return Milestone(title="Fixed", at=None, note=f"not yet: {more}{live:,} {images} it")
    if end.is_all and end.ended_at is not None:
        return Milestone(title="Fixed", at=end.ended_at)
    return Milestone(title="Fixed", at=None, note="no image that counts was seen to have it; since when is not known")


def _has_fix(known: KnownVulnerability) -> bool:
    return any(span.fixed for part in known.parts for span in part.ranges)


def _day(title: str, text: str, otherwise: str) -> Milestone:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return Milestone(title=title, at=None, note=otherwise)
    is_day = len(text) <= len("2026-05-01")
    return Milestone(title=title, at=moment if moment.tzinfo else moment.replace(tzinfo=UTC), is_day=is_day)


def _with_spans(found: Sequence[Milestone]) -> list[Milestone]:
    made: list[Milestone] = []
    for place, moment in enumerate(found):
        # Only what this server does itself follows from what was before.
        before = found[place - 1].at if place and moment.title in ("Ingested", "Matched", "Told") else None
        gone = (moment.at - before).total_seconds() if moment.at is not None and before is not None else None
        made.append(msgspec.structs.replace(moment, since=gone if gone is not None and gone >= 0 else None))
    return made
