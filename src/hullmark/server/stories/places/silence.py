"""Collectors that say nothing any more: people hear of it once, and once more when they are heard again.

What such a collector told is not ended: nobody knows that it ended. It is shown as last heard of.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

import msgspec

from hullmark.model.limit import Limit
from hullmark.model.notice import Cause, Evidence, Transition, TransitionKind
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.places import silence
from hullmark.server.tables.places.collectors import CollectorRow
from hullmark.server.tables.places.silence import SilentCollector
from hullmark.server.tables.settings import keep_setting, setting

_NAME = "collectors.heard"
_AWAY = timedelta(minutes=5)
"""Whoever does not look for so long was away, and could hear nobody."""
_AT_ONCE = Limit(1000, "collectors that are noted as silent at once", "later")
_ADVICE = "see whether the agent runs and reaches the server, or end it: hullmark collector end"
_HEARD_ADVICE = "look at what started and ended meanwhile: hullmark place list --at"
_SHOWN = 3


class _ListeningPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """Since when collectors could be heard, and when that was last known."""

    since: datetime
    looked_at: datetime


async def look_for_silent(services: Services) -> None:
    """A duty: tell accounts which of their collectors have gone silent. The time in which the server was away does not count."""
    now = services.clock()
    async with services.database.system() as connection:
        kept = await setting(connection, _NAME)
        known = msgspec.convert(kept, _ListeningPeriod) if kept else _ListeningPeriod(since=now, looked_at=now)
        since = known.since if now - known.looked_at <= _AWAY else now
        await keep_setting(connection, _NAME, msgspec.to_builtins(_ListeningPeriod(since=since, looked_at=now)))
        found = await silence.note_silent(connection, now, since, _AT_ONCE)
        for account_id, some in groupby(found, lambda collector: collector.account_id):
            await _tell_silent(connection, account_id, list(some), now)


async def tell_heard(connection: Connection, account_id: int, row: CollectorRow, now: datetime) -> None:
    """Tell that a collector reports which was silent, if it was."""
    since = await silence.note_heard(connection, account_id, row.id)
    if since is not None:
        was = SilentCollector(
            id=row.id,
            account_id=account_id,
            platform=row.platform,
            name=row.name,
            reported_at=row.reported_at,
            places=row.places,
        )
        cause, news = heard_again(was, now)
        await transitions.tell(connection, account_id, cause, (news,))


async def _tell_silent(connection: Connection, account_id: int, found: list[SilentCollector], now: datetime) -> None:
    await transitions.tell(
        connection, account_id, cause_of_silence(found, now), [fallen_silent(one, now) for one in found]
    )


def cause_of_silence(found: Sequence[SilentCollector], now: datetime) -> Cause:
    """All of an account that are found silent at once have one cause, which may be that a network is away."""
    names = ", ".join(f"{collector.platform} {collector.name}" for collector in found[:_SHOWN])
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return Cause(
        kind="place",
        key=f"place.silent:{found[0].account_id}:{now.isoformat()}",
        subject=found[0].name,
        sentence=f"Nothing is heard any more of what runs in {names}{more}.",
        seen_at=now,
    )


def fallen_silent(found: SilentCollector, now: datetime) -> Transition:
    """That a collector says nothing any more."""
    places = "1 place" if found.places == 1 else f"{found.places} places"
    message = f"{found.platform} {found.name} was last heard of at {_at(found.reported_at)}, with {places}"
    evidence = Evidence(subject=found.name, message=message, since=found.reported_at, advice=_ADVICE)
    return _news("place.silent", f"place.silent:{found.id}:{found.reported_at.isoformat()}", now, evidence)


def heard_again(found: SilentCollector, now: datetime) -> tuple[Cause, Transition]:
    """That a collector reports again, and what brings the news about."""
    key = f"place.heard:{found.id}:{found.reported_at.isoformat()}"
    said = f"{found.platform} {found.name} reports again; it was last heard of at {_at(found.reported_at)}."
    cause = Cause(kind="place", key=key, subject=found.name, sentence=said, seen_at=now)
    evidence = Evidence(subject=found.name, message=said.rstrip("."), since=found.reported_at, advice=_HEARD_ADVICE)
    return cause, _news("place.heard", key, now, evidence)


def _news(kind: TransitionKind, key: str, now: datetime, evidence: Evidence) -> Transition:
    return Transition(kind=kind, key=key, at=now, evidence=(evidence,))


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
