"""Which messages transitions go into, and when these are due."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import msgspec

from hullmark.server.stories.notice.wanted import Listeners
from hullmark.server.tables.notice.decisions import Decision
from hullmark.server.tables.notice.routing import NewDue, NewMessage, OpenMessage

_WINDOW = 4.0
_LONGEST_WINDOW = 240.0
_NEW = 1 << 62
"""Messages that are there already come before all that begin, which are ranked by their first transition."""


class MessageBatch(msgspec.Struct, kw_only=True):
    """Transitions that go into one message: about a cause, or (None) into the digest of the subscription.

    `due_at`: when quiet hours let it go, or the digest is sent; None for now. `joins`: the message that is there already, of those that
    gather.
    """

    channel_id: UUID
    subscription_id: UUID
    cause_id: int | None
    due_at: datetime | None
    ids: list[int]
    joins: OpenMessage | None = None


class _ImagePosition(NamedTuple):
    """A channel's position for an image: the last place before its newest verdict, the last place of all, and that
    verdict."""

    earlier: int
    last: int
    verdict: int | None

    def bound(self, verdict: int | None) -> int:
        """The place before which nothing of a verdict may come. What came with one verdict came at once."""
        return self.earlier if verdict is not None and verdict == self.verdict else self.last


_NOTHING = _ImagePosition(-_NEW, -_NEW, None)


class Plan(msgspec.Struct, kw_only=True):
    """What is to be done with messages: `new` ones for the batches of `begun`, in their order; other moments for some that gather (number,
    due, held); and which batches go into which of these."""

    new: list[NewMessage] = []
    begun: list[MessageBatch] = []
    sooner: list[NewDue] = []
    joined: list[tuple[int, MessageBatch]] = []
    due: set[UUID] = set()
    """The channels that have something due now."""


def batches_of(decisions: Iterable[Decision], listening: Listeners) -> list[MessageBatch]:
    """The transitions that somebody hears of, by the message that they go into."""
    found: dict[tuple[UUID, int | None, UUID | None], MessageBatch] = {}
    for decision in decisions:
        if decision.channel is None or decision.position is None:
            continue
        wanted, times = listening.subscriptions[decision.position], listening.times[decision.position]
        is_digest = wanted.mode == "digest" or decision.is_digest
        due = times.digest_at if is_digest else times.quiet_until if decision.is_held else None
        key = (decision.channel, None, wanted.id) if is_digest else (decision.channel, decision.cause_id, None)
        batch = found.get(key)
        if batch is None:
            cause = None if is_digest else decision.cause_id
            found[key] = batch = MessageBatch(
                channel_id=decision.channel, subscription_id=wanted.id, cause_id=cause, due_at=due, ids=[]
            )
        # What does not wait takes along what would.
        batch.due_at = None if batch.due_at is None or due is None else min(batch.due_at, due)
        batch.ids += decision.ids
    return sorted(found.values(), key=lambda batch: min(batch.ids))


def in_order(
    batches: Iterable[MessageBatch],
    there: Iterable[OpenMessage],
    about: Mapping[int, tuple[int, int | None]],
    last: Mapping[tuple[UUID, int], int],
) -> list[MessageBatch]:
    """These batches, divided where a channel would else hear of an image's later news before its earlier ones.

    `there` are messages of these channels about these causes; `about` are the transitions' images and verdicts; `last` is the newest
    message to a channel, of those that are not sent, with something of an image. What came with one verdict came at once.
    """
    gathering = _gathering(there)
    current: dict[tuple[UUID, int], tuple[int, MessageBatch]] = {}
    seen = {key: _ImagePosition(number - _NEW, number - _NEW, None) for key, number in last.items()}
    ordered: list[MessageBatch] = []
    for number, batch in sorted(
        ((number, waiting) for waiting in batches for number in waiting.ids), key=lambda pair: pair[0]
    ):
        cause = batch.cause_id
        if cause is None:
            if batch.ids[0] == number:
                batch.joins = gathering.get((batch.channel_id, None, batch.subscription_id))
                ordered.append(batch)
            continue
        rank, into = current.get((batch.channel_id, cause), (None, None))
        if into is None:
            joins = gathering.get((batch.channel_id, cause, None))
            rank, into = (number if joins is None else joins.id - _NEW), _make_empty_batch(batch, joins)
            ordered.append(into)
        image, verdict = about.get(number, (None, None))
        before = seen.get((batch.channel_id, image), _NOTHING) if image is not None else _NOTHING
        assert rank is not None  # noqa: S101 - as above
        if before.bound(verdict) > rank:
            rank, into = number, _make_empty_batch(batch, None)
            ordered.append(into)
        current[batch.channel_id, cause] = (rank, into)
        into.ids.append(number)
        if image is not None:
            seen[batch.channel_id, image] = _ImagePosition(before.bound(verdict), max(rank, before.last), verdict)
    return sorted((batch for batch in ordered if batch.ids), key=lambda batch: batch.ids[0])


def _gathering(there: Iterable[OpenMessage]) -> dict[tuple[UUID, int | None, UUID | None], OpenMessage]:
    """Those messages that gather, by their channel and cause, or digests by their subscription."""
    return {
        (message.channel_id, message.cause_id, None if message.cause_id else message.subscription_id): message
        for message in there
        if message.state == "gathering"
    }


def _make_empty_batch(batch: MessageBatch, joins: OpenMessage | None) -> MessageBatch:
    return MessageBatch(
        channel_id=batch.channel_id,
        subscription_id=batch.subscription_id,
        cause_id=batch.cause_id,
        due_at=batch.due_at,
        ids=[],
        joins=joins,
    )


def plan(
    batches: Sequence[MessageBatch], there: Iterable[OpenMessage], unfinished: Collection[int], now: datetime
) -> Plan:
    """How these batches become messages, together with the existing ones. The causes in `unfinished` have more to come."""
    planned = Plan()
    parts: dict[tuple[UUID, int | None], int] = {}
    for message in there:
        about = (message.channel_id, message.cause_id)
        parts[about] = max(parts.get(about, 0), message.part)
    for batch in batches:
        about = (batch.channel_id, batch.cause_id)
        if batch.joins is None:
            parts[about] = parts.get(about, 0) + 1
            _begin(planned, batch, parts[about], unfinished, now)
        else:
            _join(planned, batch, batch.joins, unfinished, now)
    return planned


def _begin(planned: Plan, batch: MessageBatch, part: int, unfinished: Collection[int], now: datetime) -> None:
    due = batch.due_at or _due(batch, part, unfinished, now)
    planned.begun.append(batch)
    planned.new.append(
        NewMessage(
            form="digest" if batch.cause_id is None else "group",
            channel_id=batch.channel_id,
            subscription_id=batch.subscription_id,
            cause_id=batch.cause_id,
            part=1 if batch.cause_id is None else part,
            due_at=due,
            is_held=batch.cause_id is not None and batch.due_at is not None,
        )
    )
    if due <= now:
        planned.due.add(batch.channel_id)


def _join(planned: Plan, batch: MessageBatch, message: OpenMessage, unfinished: Collection[int], now: datetime) -> None:
    planned.joined.append((message.id, batch))
    due = message.due_at
    if batch.cause_id is not None and batch.due_at is None and (message.is_held or batch.cause_id not in unfinished):
        due = min(due, _due(batch, message.part, unfinished, now))
        planned.sooner.append(NewDue(message.id, due, is_held=False))
    if due <= now:
        planned.due.add(batch.channel_id)


def _due(batch: MessageBatch, part: int, unfinished: Collection[int], now: datetime) -> datetime:
    """Now, if all of the cause is there; else the end of a window that is twice as long for each further part."""
    if batch.cause_id not in unfinished:
        return now
    return now + timedelta(seconds=min(_WINDOW * 2 ** min(part - 1, 20), _LONGEST_WINDOW))
