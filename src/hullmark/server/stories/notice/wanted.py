"""What subscriptions and silences ask for at a moment, in the form in which the database compares it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from uuid import UUID

import msgspec

from hullmark.model.advisory import SEVERITIES
from hullmark.model.notice import TRANSITION_KINDS, TransitionKind
from hullmark.notify.channels import CHANNELS
from hullmark.notify.quiet import Quiet, next_digest, quiet_until, zone_of
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import silences, subscriptions
from hullmark.server.tables.notice.decisions import EVERYTHING, CarriedKinds, Rule, SilenceRule, Stage, like, likes
from hullmark.server.tables.notice.silences import SilenceRow
from hullmark.server.tables.notice.subscriptions import NewSubscription, SubscriptionRow

WHY: dict[Stage, str] = {
    "no subscription": "no subscription",
    "kind": "no subscription to this kind",
    "reference": "no subscription to this reference",
    "environment": "no subscription to this environment",
    "not deployed": "not deployed",
    "not watched": "not watched",
    "severity": "below severity",
    "no channel": "no channel",
    "not carried": "no channel carries this kind",
    "fits": "",
}
"""Why a transition is not announced, by the stage it reached with the closest subscription."""

_SHOWN = 300


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """When a subscription's messages are due: the end of the quiet hours that it is now (None: none), and its next digest."""

    quiet_until: datetime | None
    digest_at: datetime


def times_of(wanted: NewSubscription, now: datetime) -> Times:
    """The times of a subscription. A time zone that this machine does not know counts as UTC: later, or earlier, is better than never."""
    zone = _zone(wanted.timezone)
    digest = next_digest(now, wanted.digest_at, wanted.digest_days, zone)
    return Times(quiet_until=_quiet(wanted, now, zone), digest_at=_quiet(wanted, digest, zone) or digest)


def quiet_of(wanted: NewSubscription) -> Quiet | None:
    """The quiet hours of a subscription."""
    return None if wanted.quiet is None else msgspec.convert(wanted.quiet, Quiet)


def _quiet(wanted: NewSubscription, now: datetime, zone: tzinfo) -> datetime | None:
    quiet = quiet_of(wanted)
    return None if quiet is None else quiet_until(quiet, now, zone)


def _zone(name: str) -> tzinfo:
    try:
        return zone_of(name)
    except ValueError:
        return UTC


def rule_of(wanted: NewSubscription, position: int, channels: Mapping[UUID, str], times: Times) -> Rule:
    """A subscription as the database compares it; `channels` are the kinds of those that are switched on."""
    quiet = quiet_of(wanted)
    below = 0
    if quiet is not None and times.quiet_until is not None:
        below = SEVERITIES.index(quiet.unless_severity) if quiet.unless_severity else EVERYTHING
    heard = [key for key in channels if not wanted.channels or key in wanted.channels]
    return Rule(
        position=position,
        kinds=[like(kind) for kind in wanted.kinds] or None,
        selectors=likes(wanted.selector),
        environments=list(wanted.environments) or None,
        severity=wanted.severity,
        scope=wanted.scope,
        channels=heard,
        not_carried=[
            kind for kind in TRANSITION_KINDS if heard and not any(_carries(channels[key], kind) for key in heard)
        ],
        is_digest=wanted.mode == "digest",
        quiet_below=below,
        stopped=wanted.stopped,
    )


def carried_by(channels: Mapping[UUID, str]) -> list[CarriedKinds]:
    """What those of these channels carry that do not carry everything; `channels` are their kinds."""
    return [
        CarriedKinds(channel=key, kinds=[carried for carried in TRANSITION_KINDS if _carries(kind, carried)])
        for key, kind in channels.items()
        if not all(_carries(kind, carried) for carried in TRANSITION_KINDS)
    ]


def _carries(channel: str, kind: TransitionKind) -> bool:
    found = CHANNELS.get(channel)
    return found is None or found.carries is None or kind in found.carries


def hush_of(silence: SilenceRow, position: int) -> SilenceRule:
    """A silence as the database compares it."""
    ended = silence.ended_at
    return SilenceRule(
        position=position,
        why=f"silenced by {silence.id}: {silence.reason[:_SHOWN]}",
        starts=silence.starts_at,
        ends=silence.ends_at if ended is None else min(ended, silence.ends_at),
        kinds=[like(kind) for kind in silence.kinds] or None,
        selectors=likes(silence.selector),
        subject=like(silence.subject),
    )


class Listeners(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody who listens in an account right now. Rules know their subscription and its times by position.

    `carried` is as `carried_by` says.
    """

    subscriptions: Sequence[SubscriptionRow]
    times: Sequence[Times]
    rules: Sequence[Rule]
    carried: Sequence[CarriedKinds]


async def listening(connection: Connection, account_id: int, now: datetime) -> Listeners:
    """Who listens in an account."""
    rows = await subscriptions.active_subscriptions(connection, account_id)
    channels = await subscriptions.active_channels(connection, account_id)
    times = [times_of(row, now) for row in rows]
    rules = [rule_of(row, at, channels, times[at]) for at, row in enumerate(rows)]
    return Listeners(subscriptions=rows, times=times, rules=rules, carried=carried_by(channels))


async def hushes(connection: Connection, account_id: int, moments: Sequence[datetime]) -> list[SilenceRule]:
    """The silences that may be about something of these moments."""
    rows = await silences.silences_between(connection, account_id, min(moments), max(moments))
    return [hush_of(row, at) for at, row in enumerate(rows)]
