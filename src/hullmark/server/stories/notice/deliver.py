"""Sends what waits for a channel: in order, at least once, and known by its id when it is sent again.

One deliverer at a time acts for a channel, and none waits for another channel. A message that did not arrive holds those behind it,
until it arrives or is given up. The result of an attempt is written down after it: a process killed in between sends once more.
"""

from __future__ import annotations

import random
import time
from datetime import datetime, timedelta
from uuid import UUID

import msgspec

from hullmark.model.notice import Digest, Notice
from hullmark.server.stories.muting import mute_of
from hullmark.server.stories.notice.channel_settings import seal_again
from hullmark.server.stories.notice.notices import notice_of
from hullmark.server.stories.notice.placed import add_places
from hullmark.server.stories.notice.running import with_places
from hullmark.server.stories.notice.sending import send
from hullmark.server.stories.services import Services
from hullmark.server.tables import events
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import channels, deliveries, latency, messages
from hullmark.server.tables.notice.channels import ChannelRow
from hullmark.server.tables.notice.deliveries import Attempt
from hullmark.server.tables.notice.messages import MessageRow
from hullmark.server.tables.notice.transitions import want_delivery

MOST_REFUSALS = 3
FAILING_AFTER = timedelta(minutes=15)
"""A channel without a success for this long is reported."""

_LONGEST = 900.0
_TURN = 20.0
_WOKEN = 500
_chance = random.SystemRandom()


class _Next(msgspec.Struct, frozen=True):
    channel: ChannelRow
    message: MessageRow
    notice: Notice | Digest


async def deliver(services: Services, channel_id: str) -> int:
    """Send what is due to a channel; returns how many messages arrived. Nothing is done while somebody else does it."""
    number = UUID(channel_id)
    count, is_more = 0, False
    ends = time.monotonic() + _TURN
    async with services.turns.only(number) as still_ours:
        if still_ours is None:
            return 0
        while following := await _next(services, number):
            await still_ours()
            account_id = following.message.account_id
            notice = await with_places(services, account_id, await add_places(services, account_id, following.notice))
            attempt = await send(services, following.channel, notice, following.message.id)
            count += await _written_down(services, following, attempt)
            if time.monotonic() > ends:
                is_more = True
                break
    if is_more:
        async with services.database.system() as connection:
            await want_delivery(connection, [channel_id])
    return count


async def _next(services: Services, channel_id: UUID) -> _Next | None:
    """The message to send now; None if there is none, or the channel pauses."""
    while True:
        now = services.clock()
        async with services.database.system() as connection:
            row = await channels.channel(connection, channel_id)
            if row is None or await mute_of(connection) is not None:
                return None
            if not row.is_active or (row.resume_at is not None and row.resume_at > now):
                return None
            row = await seal_again(connection, services.vault, row)
            await messages.seal_due(connection, channel_id, now)
            message = await messages.first_waiting(connection, channel_id)
            if message is None:
                return None
            if message.item_count:
                return _Next(row, message, await notice_of(connection, services.settings, message, now))
            await deliveries.give_up(connection, message.id, "nothing is left of what it told of")


async def _written_down(services: Services, sent: _Next, attempt: Attempt) -> bool:
    """Store the result of an attempt and its consequences; returns whether the message arrived."""
    now = services.clock()
    async with services.database.system() as connection:
        if not await deliveries.log_attempt(connection, sent.message.account_id, sent.message.id, attempt):
            return False
        if attempt.outcome == "delivered":
            if await deliveries.note_delivery(connection, sent.message.id, attempt, now) and _is_timed(sent.message):
                await latency.count_latency(connection, sent.message.id)
            await _note_recovery(connection, sent.channel)
            return True
        await _note_failure(services, connection, sent, attempt, now)
        return False


def _is_timed(message: MessageRow) -> bool:
    """Whether its time measures how long people wait: not for digests, nor for messages sent again on request."""
    return message.form == "group" and message.resent_at is None


async def _note_recovery(connection: Connection, row: ChannelRow) -> None:
    await channels.well(connection, row.id)
    if row.failing_told_at is not None:
        since = row.failing_since.isoformat() if row.failing_since else None
        await events.tell(
            connection, row.account_id, "channel.recovered", ("channel", row.name), {"kind": row.kind, "since": since}
        )


async def _note_failure(
    services: Services, connection: Connection, sent: _Next, attempt: Attempt, now: datetime
) -> None:
    message = sent.message
    if attempt.outcome == "refused":
        is_dead = await deliveries.refusals(connection, message) >= MOST_REFUSALS
        seconds = pause(1, _chance.random(), None)
    else:
        begun = message.resent_at or message.sealed_at or now
        is_dead = (now - begun).total_seconds() >= services.settings.deliver_for
        seconds = pause(sent.channel.failures + 1, _chance.random(), attempt.after)
    until = now + timedelta(seconds=seconds)
    await deliveries.not_delivered(connection, message.id, attempt, next_at=until, is_dead=is_dead)
    # A message that is given up because of what it says does not keep the next one waiting.
    resume = now if is_dead and attempt.outcome == "refused" else until
    await channels.resting(connection, sent.channel.id, now, resume, attempt.error)
    if is_dead:
        body = {"channel": sent.channel.name, "reason": attempt.error, "attempts": message.attempts + 1}
        await events.tell(
            connection, message.account_id, "message.dead", ("message", str(message.id)), body, level="error"
        )


def pause(failures: int, chance: float, after: float | None) -> float:
    """The seconds until the next attempt: anything up to twice as long each time, a quarter of an hour at most, and no less than the
    receiver asked for. `chance`: from 0 to 1, so that not all come back in the same moment."""
    most = min(_LONGEST, 2.0 ** min(max(failures, 1), 20))
    return max(1.0 + chance * (most - 1.0), after or 0.0)


async def wake_due(services: Services) -> None:
    """Wake channels with due messages; report those without a success for long. Not while the server is muted."""
    now = services.clock()
    async with services.database.system() as connection:
        if await mute_of(connection) is not None:
            return
        await want_delivery(connection, [str(channel) for channel in await channels.to_wake(connection, now, _WOKEN)])
        for row in await channels.long_failing(connection, now - FAILING_AFTER, now):
            since = row.failing_since.isoformat() if row.failing_since else None
            body = {"kind": row.kind, "since": since, "reason": row.last_error, "failures": row.failures}
            await events.tell(connection, row.account_id, "channel.failing", ("channel", row.name), body, level="error")
