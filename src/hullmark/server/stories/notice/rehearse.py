"""A rehearsal of a subscription: the newest transitions are decided again, without any effect."""

from __future__ import annotations

from datetime import datetime

import msgspec

from hullmark.server.stories.notice.wanted import WHY, carried_by, hushes, rule_of, times_of
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import decisions, subscriptions, transition_lists
from hullmark.server.tables.notice.subscriptions import NewSubscription


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """How many transitions were checked, the numbers of those that would be announced (the newest first), and why the others
    would not."""

    looked_at: int
    told: list[int]
    reasons: dict[str, int]


async def rehearse(
    connection: Connection, account_id: int, wanted: NewSubscription, last: int, now: datetime
) -> Rehearsal:
    """Try a subscription alone on an account's newest `last` transitions, with the silences of their time and the channels of now."""
    newest = await transition_lists.newest(connection, account_id, last)
    if not newest:
        return Rehearsal(looked_at=0, told=[], reasons={})
    channels = await subscriptions.active_channels(connection, account_id)
    rule = rule_of(wanted, 0, channels, times_of(wanted, now))
    silent = await hushes(connection, account_id, [at for _, at in newest])
    ids = [number for number, _ in newest]
    decided = await decisions.decide(connection, account_id, ids, [rule], silent, carried_by(channels))
    announced = {number for decision in decided if decision.channel is not None for number in decision.ids}
    reasons: dict[str, int] = {}
    for decision in decided:
        if decision.channel is None:
            why = decision.silence or WHY[decision.stage]
            reasons[why] = reasons.get(why, 0) + len(decision.ids)
    return Rehearsal(looked_at=len(newest), told=sorted(announced, reverse=True), reasons=dict(sorted(reasons.items())))
