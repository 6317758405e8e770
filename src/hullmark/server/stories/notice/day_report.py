"""A day's numbers, and whether they add up: each sum is counted in two independent ways."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo

import msgspec

from hullmark.server.tables import exports
from hullmark.server.tables.database import Database
from hullmark.server.tables.notice import report as notice_report
from hullmark.server.tables.notice import silences
from hullmark.server.tables.notice.report import KnownCounts, OutcomeCount, SentMessages, Totals

_TEST = "test"
"""Messages of this form are tests."""

_STATES = ("gathering", "waiting", "delivered", "dead")


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """Two numbers that must be equal."""

    says: str
    left: int
    right: int
    holds: bool


class TouchedCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What was affected: packages whose findings changed by the day's snapshots, and images with announcements."""

    packages: int
    images: int


class Transitions(msgspec.Struct, frozen=True, kw_only=True):
    """What changed: announced, suppressed by reason, or pending (not decided yet)."""

    count: int
    by_kind: dict[str, int]
    told: int
    suppressed: dict[str, int]
    pending: int


class Messages(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a channel that began that day, by their state now, and how many transitions they contain."""

    channel: str
    form: str
    state: str
    count: int
    items: int


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of a day, from `since` until before `until`.

    `items`: the day's transitions in messages, by the messages' state now; one that is told to two channels counts twice.
    `removed_channels`: since then; what was told there is in no message any more.
    """

    day: date
    timezone: str
    since: datetime
    until: datetime
    snapshots: int
    adopted: int
    causes: dict[str, int]
    matched: TouchedCounts
    transitions: Transitions
    items: dict[str, int]
    messages: list[Messages]
    attempts: dict[str, int]
    silences: int
    removed_channels: int
    checks: list[Check]
    adds_up: bool


def bounds(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """When a day begins and ends in a zone, in UTC: it may have 23 hours, or 25."""
    start, end = (
        datetime.combine(boundary, time.min, zone).astimezone(UTC) for boundary in (day, day + timedelta(days=1))
    )
    return start, end


async def day_report(database: Database, account_id: int, day: date, timezone: str, zone: tzinfo) -> Numbers:
    """The numbers of a day, all of one state of the database."""
    since, until = bounds(day, zone)
    values = {"account": account_id, "since": since, "until": until}
    async with database.system() as connection:
        await exports.begin(connection, account_id)
        seen = await notice_report.count_known(connection, values)
        totals = await notice_report.totals(connection, values)
        outcomes = await notice_report.outcomes(connection, values)
        items = await notice_report.items_by_state(connection, values)
        sent = await notice_report.list_sent_messages(connection, values)
        attempts = await notice_report.attempts(connection, values)
        hushed = await silences.silences_between(connection, account_id, since, until - timedelta(microseconds=1))
        removed = await notice_report.removed_channels(connection, account_id, since)
    changed = _transitions(outcomes)
    checks = list(_checks(totals, changed, items, sent, removed))
    return Numbers(
        day=day,
        timezone=timezone,
        since=since,
        until=until,
        **_describe_counts(seen),  # type: ignore[arg-type]
        matched=TouchedCounts(packages=seen.packages, images=totals.images),
        transitions=changed,
        items={state: items.get(state, 0) for state in _STATES},
        messages=[Messages(**{name: getattr(counts, name) for name in Messages.__struct_fields__}) for counts in sent],
        attempts={outcome: attempts.get(outcome, 0) for outcome in ("delivered", "again", "refused")},
        silences=len(hushed),
        removed_channels=removed,
        checks=checks,
        adds_up=all(check.holds for check in checks),
    )


def _describe_counts(seen: KnownCounts) -> dict[str, object]:
    return {"snapshots": seen.snapshots, "adopted": seen.adopted, "causes": dict(sorted(seen.causes.items()))}


def _transitions(outcomes: Iterable[OutcomeCount]) -> Transitions:
    """The sums of what was counted by kind, outcome and reason."""
    kinds: dict[str, int] = {}
    suppressed: dict[str, int] = {}
    by_outcome = dict.fromkeys(("", "told", "suppressed"), 0)
    for outcome in outcomes:
        kinds[outcome.kind] = kinds.get(outcome.kind, 0) + outcome.count
        by_outcome[outcome.outcome] += outcome.count
        if outcome.outcome == "suppressed":
            suppressed[outcome.why] = suppressed.get(outcome.why, 0) + outcome.count
    return Transitions(
        count=sum(kinds.values()),
        by_kind=kinds,
        told=by_outcome["told"],
        suppressed=dict(sorted(suppressed.items())),
        pending=by_outcome[""],
    )


def _checks(
    totals: Totals, changed: Transitions, items: dict[str, int], sent: Sequence[SentMessages], removed: int
) -> Iterable[Check]:
    suppressed = sum(changed.suppressed.values())
    lost = totals.unheard_told if removed else 0
    yield _check("transitions = told + suppressed + pending", totals.count, changed.told + suppressed + changed.pending)
    yield _check("told + suppressed = transitions that were routed", changed.told + suppressed, totals.routed)
    yield _check("pending = transitions that wait to be routed", changed.pending, totals.waiting)
    yield _check("told = transitions in messages + those of removed channels", changed.told, totals.heard + lost)
    yield _check("suppressed transitions in messages = 0", totals.heard_suppressed, 0)
    yield _check("suppressed transitions without a reason = 0", totals.silent, 0)
    yield _check("items of told transitions = items in messages of all states", totals.items, sum(items.values()))
    yield _check(
        "items that the day's messages count = items that they have",
        sum(form.items for form in sent if form.form != _TEST),
        sum(form.held for form in sent),
    )
    yield _check("delivered messages without a successful attempt = 0", sum(form.without_attempt for form in sent), 0)


def _check(says: str, left: int, right: int) -> Check:
    return Check(says=says, left=left, right=right, holds=left == right)
