"""Advisories that are older than they should be, and feeds that bring none: people hear of it once, and once more when it is over."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from hullmark.model.notice import Cause, Evidence, Transition
from hullmark.policy.days import moment_in, today
from hullmark.server.stories.advisories.advisories import current_snapshot
from hullmark.server.stories.advisories.feeds import LastUpdate, last_update
from hullmark.server.stories.services import Services
from hullmark.server.tables import events
from hullmark.server.tables.database import Connection
from hullmark.server.tables.judging import deadlines
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.settings import keep_setting, setting

FEEDS = "feeds"
"""What is wrong with all advisories goes by this name, what is wrong with one feed by the feed's."""

_NAME = "advisories.stale"
_ADVICE = "see hullmark advisories status, let the server reach its feeds, or bring newer advisories: hullmark advisories send"
_MANY_FAILURES = 3
_DAY = 10
_SHOWN = 50


class Stale(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is stale: since which day that is known (ISO 8601), and what is wrong, as sentences."""

    day: str
    reasons: tuple[str, ...]


async def stale_data(connection: Connection) -> dict[str, Stale]:
    """What was found stale when it was looked for last, by name: FEEDS, or a feed's."""
    return msgspec.convert(await setting(connection, _NAME) or {}, dict[str, Stale])


async def look_for_stale(services: Services) -> None:
    """A duty: tell each account with images and policies what has become stale, and what is fresh again."""
    now = services.clock()
    async with services.database.system() as connection:
        known = await stale_data(connection)
        found = await _stale_now(services, connection, now, known)
        day = today(now).isoformat()
        kept = {
            name: Stale(day=known[name].day if name in known else day, reasons=reasons)
            for name, reasons in found.items()
        }
        if kept == known:
            return
        come, gone = sorted(kept.keys() - known.keys()), sorted(known.keys() - kept.keys())
        for account_id in await deadlines.listening_accounts(connection) if come or gone else ():
            for name in come:
                await _tell(connection, account_id, name, kept[name], now)
            for name in gone:
                body = {"name": name, "stale_since": known[name].day}
                await events.tell(connection, account_id, "data.fresh", ("advisories", name), body)
        await keep_setting(connection, _NAME, msgspec.to_builtins(kept))


async def _stale_now(
    services: Services, connection: Connection, now: datetime, known: dict[str, Stale]
) -> dict[str, tuple[str, ...]]:
    """What is wrong now, by name. Feeds that were held stay so while nothing can be fetched."""
    limit = timedelta(seconds=services.settings.stale_after)
    snapshot = await current_snapshot(connection)
    reasons = [_old(snapshot.data_at, limit, now)] if snapshot is not None else []
    found: dict[str, tuple[str, ...]] = {}
    last = await last_update(connection) if services.settings.feeds else None
    if last is not None:
        reasons += _failing(last, limit, now)
        found = (
            _describe_held_feeds(last)
            if last.outcomes
            else {name: staleness.reasons for name, staleness in known.items() if name != FEEDS}
        )
    old = tuple(reason for reason in reasons if reason)
    return {**found, FEEDS: old} if old else found


def _describe_held_feeds(last: LastUpdate) -> dict[str, tuple[str, ...]]:
    """The feeds whose last good records stay, because they bring much less than before."""
    held = (outcome for outcome in last.outcomes if outcome.status == "held")
    return {outcome.feed: (f"The feed {outcome.feed} is held back: {outcome.reason}.",) for outcome in held}


def _old(data_at: str, limit: timedelta, now: datetime) -> str:
    """That the advisories are too old; "" if they are not, or do not say of when they are. Of a day counts its end."""
    moment = moment_in(data_at)
    if moment is None or now - moment <= limit + timedelta(days=len(data_at) == _DAY):
        return ""
    return f"The youngest of the advisories is of {data_at[:_DAY]}."


def _failing(last: LastUpdate, limit: timedelta, now: datetime) -> list[str]:
    """What is wrong with fetching: nothing came the last times, or nothing of some feeds for too long."""
    if last.failures >= _MANY_FAILURES:  # the reason is forgotten while it is tried again
        why = f": {last.reason}" if last.reason else ""
        return [f"Advisories could not be fetched {last.failures} times in a row{why}."]
    reasons = {outcome.feed: outcome.reason for outcome in last.outcomes if outcome.status == "failed"}
    return [
        f"The feed {feed} has brought nothing since {since:%Y-%m-%d}{f': {reasons[feed]}' if reasons.get(feed) else ''}."
        for feed, since in sorted(last.good_at.items())
        if now - since > limit
    ][:_SHOWN]


async def _tell(connection: Connection, account_id: int, name: str, stale: Stale, now: datetime) -> None:
    key = f"data:{name}@{stale.day}"
    evidence = tuple(
        Evidence(subject=name, message=reason, since=moment_in(stale.day), advice=_ADVICE) for reason in stale.reasons
    )
    cause = Cause(
        kind="data",
        key=key,
        subject=name,
        sentence=" ".join(stale.reasons)[:2000],
        seen_at=now,
        before="fresh",
        after="stale",
        evidence=evidence,
    )
    transition = Transition(kind="data.stale", key=key, at=now, before="fresh", after="stale", evidence=evidence)
    await transitions.tell(connection, account_id, cause, (transition,))
