"""Decides who is told about changes: transitions become items of messages, or are suppressed with a reason.

What a silence suppressed is not sent when it ends: lists show it, with the silence as the reason. Quiet hours only delay.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hullmark.server.stories.notice.links import message_link
from hullmark.server.stories.notice.packing import MessageBatch, batches_of, in_order, plan
from hullmark.server.stories.notice.wanted import WHY, Listeners, hushes, listening
from hullmark.server.stories.services import Services
from hullmark.server.tables import events, jobs
from hullmark.server.tables.database import Connection
from hullmark.server.tables.events import NewEvent
from hullmark.server.tables.notice import decisions, routing, transitions
from hullmark.server.tables.notice.decisions import Decision

_AT_ONCE = 10_000
_FORGOTTEN, _LOST = timedelta(seconds=30), timedelta(seconds=60)
_VERDICT_WITHIN = timedelta(minutes=2)
"""So long the news that a tag moved waits for the verdict on what it leads to."""

_SHOWN = 20


class RoutingResult(msgspec.Struct, frozen=True, kw_only=True):
    """How many transitions were routed, how many of them somebody hears of, and how many messages that began."""

    count: int = 0
    told: int = 0
    messages: int = 0


async def route(services: Services, account_id: int, at_once: int = _AT_ONCE) -> RoutingResult:
    """Route what is not routed yet of an account, in order, `at_once` transitions in a transaction. One process at a time does."""
    done = RoutingResult()
    while True:
        async with services.database.system() as connection:
            await routing.lock_routing(connection, account_id)
            some = await _route_some(services, connection, account_id, at_once)
            if some.count < at_once:
                await transitions.send_complete(connection, account_id)
                freed = await routing.release_judged(connection, account_id, _VERDICT_WITHIN, services.clock())
                await transitions.want_delivery(connection, sorted(map(str, freed)))
        done = RoutingResult(
            count=done.count + some.count, told=done.told + some.told, messages=done.messages + some.messages
        )
        if some.count < at_once:
            return done


async def route_what_waits(services: Services) -> None:
    """Have transitions routed whose job was lost or failed too often; and complete causes that were left open.

    This happens when the last job ends before the snapshot roll-out does.
    """
    now = services.clock()
    async with services.database.system() as connection:
        for account_id in await routing.accounts_to_route(connection, now - _LOST):
            await transitions.want_routing(connection, account_id)
        for account_id, causes in (await transitions.forgotten_causes(connection, now - _FORGOTTEN)).items():
            if not await jobs.is_judging_ahead(connection, account_id):
                await transitions.complete(connection, account_id, causes)


async def _route_some(services: Services, connection: Connection, account_id: int, limit: int) -> RoutingResult:
    waiting = await routing.list_unrouted(connection, account_id, limit)
    if not waiting:
        return RoutingResult()
    now = services.clock()
    ids = [number for number, _ in waiting]
    heard = await listening(connection, account_id, now)
    silent = await hushes(connection, account_id, [at for _, at in waiting])
    decided = await decisions.decide(connection, account_id, ids, heard.rules, silent, heard.carried)
    begun, messages = await _pack(connection, account_id, decided, heard, now)
    announced = {number for decision in decided if decision.channel is not None for number in decision.ids}
    whys = {
        number: decision.silence or WHY[decision.stage]
        for decision in decided
        if decision.channel is None
        for number in decision.ids
    }
    outcomes = [(number, "" if number in announced else whys[number]) for number in ids]
    await routing.mark_routed(connection, account_id, outcomes, now)
    await _announce(services, connection, account_id, decided, messages)
    return RoutingResult(count=len(ids), told=len(announced), messages=begun)


async def _pack(
    connection: Connection, account_id: int, decided: Sequence[Decision], heard: Listeners, now: datetime
) -> tuple[int, dict[int, int]]:
    """Put announced transitions into messages, and have those sent that are due. Returns how many began, and each
    transition's (first) message."""
    batches = batches_of(decided, heard)
    if not batches:
        return 0, {}
    await _hold(connection, account_id, decided, batches, now)
    groups = [(batch.channel_id, batch.cause_id) for batch in batches if batch.cause_id is not None]
    digests = [(batch.channel_id, batch.subscription_id) for batch in batches if batch.cause_id is None]
    there = await routing.messages_about(connection, account_id, groups) if groups else []
    there += await routing.open_digests(connection, account_id, digests) if digests else []
    newest = max(number for decision in decided for number in decision.ids)
    more = await routing.list_unfinished_causes(connection, sorted({cause for _, cause in groups}), newest)
    about = await routing.images_of(connection, account_id, [number for batch in batches for number in batch.ids])
    images = sorted({image for image, _ in about.values()})
    joined = min((message.id for message in there if message.cause_id and message.state == "gathering"), default=None)
    last = await routing.last_messages(connection, account_id, images, joined) if joined is not None else {}
    planned = plan(in_order(batches, there, about, last), there, more, now)
    began = await routing.open_messages(connection, account_id, planned.new, now) if planned.new else []
    if planned.sooner:
        await routing.hasten(connection, planned.sooner)
    placed = [*planned.joined, *((message.id, batch) for message, batch in zip(began, planned.begun, strict=True))]
    await routing.fill(connection, account_id, [(message, number) for message, batch in placed for number in batch.ids])
    due = planned.due | await _keep_order(connection, account_id, placed, now)
    await transitions.want_delivery(connection, sorted(map(str, due)))
    messages: dict[int, int] = {}
    for message, batch in sorted(placed, key=lambda item: item[0], reverse=True):
        messages |= dict.fromkeys(batch.ids, message)
    return len(began), messages


async def _hold(
    connection: Connection, account_id: int, decided: Sequence[Decision], batches: Sequence[MessageBatch], now: datetime
) -> None:
    """That a tag moved waits a little for the verdict on what it leads to, so that both are one message: whatever comes of the cause lets
    it go, and so does a verdict with nothing to tell."""
    moves = {number for decision in decided if decision.kind == "tag.moved" for number in decision.ids}
    awaiting = await routing.awaiting_verdict(connection, account_id, sorted(moves)) if moves else set[int]()
    for batch in batches:
        if batch.cause_id is not None and batch.due_at is None and awaiting.issuperset(batch.ids):
            batch.due_at = now + _VERDICT_WITHIN


async def _keep_order(
    connection: Connection, account_id: int, placed: Sequence[tuple[int, MessageBatch]], now: datetime
) -> set[Any]:
    """Messages about an image stay in order: those held by quiet hours, or for a verdict, go out before one that does not wait."""
    urgent = [message for message, batch in placed if batch.cause_id is not None and batch.due_at is None]
    if not urgent:
        return set()
    return set(await routing.release_images(connection, account_id, urgent, now))


async def _announce(
    services: Services,
    connection: Connection,
    account_id: int,
    decided: Sequence[Decision],
    messages: dict[int, int],
) -> None:
    """One event for all transitions of one kind and cause."""
    groups: dict[tuple[int, str], set[int]] = {}
    for decision in decided:
        groups.setdefault((decision.cause_id, decision.kind), set()).update(decision.ids)
    first = {key: sorted(ids)[:_SHOWN] for key, ids in groups.items()}
    causes = await transitions.causes(connection, account_id, sorted({cause for cause, _ in groups}))
    seen = await routing.images_in(connection, account_id, [number for ids in first.values() for number in ids])
    news = []
    for (cause_id, kind), ids in groups.items():
        cause = causes[cause_id]
        heard = [messages[number] for number in ids if number in messages]
        body = {
            "cause": {"kind": cause.kind, "subject": cause.subject, "sentence": cause.sentence},
            "count": len(ids),
            "told": len(heard),
            "images": [
                {"image": seen[number].image, "reference": seen[number].reference}
                for number in first[cause_id, kind]
                if number in seen
            ],
            "message": message_link(services.settings, min(heard)) if heard else None,
        }
        news.append(NewEvent(kind=kind, resource=("cause", str(cause_id)), body=body))
    await events.tell_all(connection, account_id, news)
