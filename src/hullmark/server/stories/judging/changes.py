"""Why the verdicts on an image changed: the one cause of each change, the findings added and removed, and who was told."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.policy.verdict_diff import Cause, Change, Difference, compare
from hullmark.server.objects.objects import Objects
from hullmark.server.stories.images.documents import verdict_at
from hullmark.server.stories.judging.earlier import Basis, as_compared
from hullmark.server.stories.services import Services
from hullmark.server.tables.judging import verdict_changes, verdicts
from hullmark.server.tables.judging.verdict_changes import Receiver, VerdictTransition
from hullmark.server.tables.judging.verdicts import VerdictRow

MOST_FINDINGS = Limit(200, "findings that came, and that went, shown of a change", "shortened")
"""The most added, and removed, findings shown of a change."""

_LOOKED_AT = 200
_LONGEST = 2000


class Side(msgspec.Struct, frozen=True, kw_only=True):
    """One of two verdicts. `id` is its number in the history."""

    id: int
    verdict: str
    reason: str
    policy: str
    policy_version: int
    at: datetime


class CauseSaid(msgspec.Struct, frozen=True, kw_only=True):
    """The one cause: `before` and `after` are the two inputs that were compared. `certain`: no other input that differs could be it."""

    kind: str
    subject: str
    sentence: str
    before: str
    after: str
    certain: bool


class FindingSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A finding that came or went, or counts for more or less, and what made it."""

    rule: str
    action: str
    subject: str
    message: str
    cause: str


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """An input that differs."""

    what: str
    before: str
    after: str


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """What people were told about it. `outcome` is told, suppressed, or waiting while that is not decided; `why` says why nobody
    was told."""

    id: int
    kind: str
    cause: str
    outcome: str
    why: str
    receivers: list[Receiver]


class ChangeSaid(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that says something else than the one before it. `before` and `cause` are null for the first.

    `gained` and `lost` show some of the findings, `gained_count` and `lost_count` say how many there are.
    """

    environment: str
    reference: str
    recorded_at: datetime
    before: Side | None
    after: Side
    cause: CauseSaid | None
    gained: list[FindingSaid]
    lost: list[FindingSaid]
    gained_count: int
    lost_count: int
    also: list[Input]
    told: list[Announcement]


class Pages(msgspec.Struct, frozen=True, kw_only=True):
    """Some changes, and the number before which to go on; None: there is no more."""

    items: list[ChangeSaid]
    next: int | None


async def changes_of(
    services: Services, account_id: int, image_id: int, policy: str, before: int | None, limit: int
) -> Pages:
    """What changed about an image, the newest first, before a number. Verdicts that say the same as the one before are left out: a page
    may hold fewer than `limit`."""
    async with services.database.tenant(account_id) as connection:
        steps = await verdict_changes.steps(connection, account_id, image_id, policy, before, _LOOKED_AT + 1)
        numbers = {number for step in steps for number in (step.id, step.before_id) if number is not None}
        rows = {row.id: row for row in await verdicts.by_numbers(connection, account_id, sorted(numbers))}
        tellings = await verdict_changes.tellings(connection, account_id, image_id, [step.id for step in steps])
        transition_ids = [telling.id for some in tellings.values() for telling in some]
        receivers = await verdict_changes.receivers(connection, account_id, transition_ids)

    def read() -> Pages:
        items: list[ChangeSaid] = []
        for step in steps[:_LOOKED_AT]:
            earlier = rows.get(step.before_id) if step.before_id is not None else None
            item = _change_item(services.objects, earlier, rows[step.id], tellings.get(step.id, []), receivers)
            if item is not None:
                items.append(item)
            if len(items) == limit:
                return Pages(items=items, next=step.id if step is not steps[-1] else None)
        return Pages(items=items, next=steps[_LOOKED_AT - 1].id if len(steps) > _LOOKED_AT else None)

    return await asyncio.to_thread(read)


def _change_item(
    objects: Objects,
    old: VerdictRow | None,
    new: VerdictRow,
    tellings: list[VerdictTransition],
    receivers: dict[int, list[Receiver]],
) -> ChangeSaid | None:
    """What changed between two verdicts; None if nothing did."""
    difference = _difference(objects, old, new) if old is not None else None
    if difference is not None and difference.cause is Cause.NOTHING and not difference.changes and not tellings:
        return None
    changes = difference.changes if difference is not None else ()
    gained, lost = ([change for change in changes if change.is_gained is came] for came in (True, False))
    return ChangeSaid(
        environment=new.environment,
        reference=new.reference,
        recorded_at=new.recorded_at,
        before=_side(old) if old is not None else None,
        after=_side(new),
        cause=_cause(difference, tellings),
        gained=[_finding(change) for change in gained[:MOST_FINDINGS]],
        lost=[_finding(change) for change in lost[:MOST_FINDINGS]],
        gained_count=len(gained),
        lost_count=len(lost),
        also=_also(difference),
        told=[
            Announcement(
                id=telling.id,
                kind=telling.kind,
                cause=telling.sentence,
                outcome=telling.outcome or "waiting",
                why=telling.why,
                receivers=receivers.get(telling.id, []),
            )
            for telling in tellings
        ],
    )


def _also(difference: Difference | None) -> list[Input]:
    found = difference.also if difference is not None else ()
    return [Input(what=change.what, before=change.before, after=change.after) for change in found]


def _difference(objects: Objects, old: VerdictRow, new: VerdictRow) -> Difference | None:
    """None if a document is lost: then only the announcement of that time is known."""
    try:
        before, after = (
            as_compared(
                verdict_at(objects, row), row.image_digest, Basis(row.policy_digest, row.snapshot_digest, row.analyzer)
            )
            for row in (old, new)
        )
    except HullmarkError:
        return None
    return compare(before, after)


def _side(row: VerdictRow) -> Side:
    return Side(
        id=row.id,
        verdict=row.verdict,
        reason=row.reason,
        policy=row.policy,
        policy_version=row.policy_version,
        at=row.at,
    )


def _cause(difference: Difference | None, tellings: list[VerdictTransition]) -> CauseSaid | None:
    """The cause as it was announced at the time, else as derived from the two verdicts."""
    is_certain = difference is None or difference.is_certain
    if tellings:
        first = tellings[0]
        return CauseSaid(
            kind=first.cause_kind,
            subject=first.subject,
            sentence=first.sentence,
            before=first.cause_before,
            after=first.cause_after,
            certain=is_certain,
        )
    if difference is None:
        return None
    compared = difference.compared
    return CauseSaid(
        kind=difference.cause.value,
        subject=compared.what if compared is not None else "",
        sentence=difference.sentence,
        before=compared.before if compared is not None else "",
        after=compared.after if compared is not None else "",
        certain=difference.is_certain,
    )


def _finding(change: Change) -> FindingSaid:
    finding = change.finding
    return FindingSaid(
        rule=finding.rule_id,
        action=finding.action.value,
        subject=finding.subject[:_LONGEST],
        message=finding.message[:_LONGEST],
        cause=change.cause.value,
    )
