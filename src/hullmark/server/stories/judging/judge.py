"""An image is judged by the policies that an account has in force for it, from what is stored, and the verdicts are written down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import NamedTuple

from hullmark.match.advisory_source import AdvisorySource
from hullmark.model.errors import HullmarkError
from hullmark.model.notice import Cause, Transition
from hullmark.model.verdict import PASSING
from hullmark.notify.transitions import numbered
from hullmark.policy.verdict_diff import Lookup
from hullmark.server.stories.advisories.advisories import Books, current_snapshot
from hullmark.server.stories.images.analyse import means_of
from hullmark.server.stories.images.register import want_verdict
from hullmark.server.stories.images.stored import StoredFacts
from hullmark.server.stories.judging.deadlines import tell_of_grace
from hullmark.server.stories.judging.earlier import (
    Earlier,
    EarlierVerdict,
    compared_with,
    earlier_of,
    looking,
    seen_at,
)
from hullmark.server.stories.judging.evaluation import Evaluation, Inputs, NewVerdict, judge_case
from hullmark.server.stories.judging.selection import choose
from hullmark.server.stories.services import Services
from hullmark.server.tables import events, jobs
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import images
from hullmark.server.tables.judging import policies, verdicts
from hullmark.server.tables.judging.policies import Activation
from hullmark.server.tables.judging.verdicts import VerdictRow
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.rollout import summed

_TRIES = 5


class _CameTo(NamedTuple):
    """What came of judging images: how many verdicts are new, and which images are to be judged again, as something changed meanwhile, or
    by themselves, as they cannot be judged."""

    new: int
    again: list[int]
    faults: dict[int, HullmarkError]


async def judge(services: Services, books: Books, account_id: int, image_id: int, cause: str) -> int:
    """Judge an image by all that is in force for it; answers how many verdicts are new.

    What changes while it is judged is noticed before anything is written: then it is judged again. Raises HullmarkError where that
    never ends.
    """
    for _ in range(_TRIES):
        came_to = await _judge_once(services, books, account_id, (image_id,), cause)
        for fault in came_to.faults.values():
            raise fault
        if not came_to.again:
            return came_to.new
    raise HullmarkError("what the image is judged by changed all the time", advice="it is judged again by itself")


async def judge_some(services: Services, books: Books, account_id: int, image_ids: Sequence[int], cause: str) -> int:
    """Judge images together, which takes far less than one after the other; answers how many verdicts are new. Those of which something
    changed meanwhile, and those that cannot be judged, are judged by themselves after that."""
    came_to = await _judge_once(services, books, account_id, image_ids, cause)
    async with services.database.system() as connection:
        for image_id in (*came_to.again, *came_to.faults):
            await want_verdict(connection, account_id, image_id, cause)
    return came_to.new


async def _judge_once(
    services: Services, books: Books, account_id: int, image_ids: Sequence[int], cause: str
) -> _CameTo:
    async with services.database.system() as connection:
        before = await _standing(connection, account_id, image_ids)
        some = next(iter(before.values()), None)
        known_at = await seen_at(connection, some.inputs.snapshot_id) if some is not None else None
    why = (services.clock(), cause)
    cases = {image_id: _cases(account_id, *each, why) for image_id, each in before.items()}
    made = await asyncio.to_thread(_judge_all, services, books, cases, known_at)
    faults = {image_id: each for image_id, each in made.items() if isinstance(each, HullmarkError)}
    async with services.database.system() as connection:
        await verdicts.hold_current(connection, account_id, list(before))
        after = await _standing(connection, account_id, list(before))
        same = {
            image_id: each
            for image_id, each in made.items()
            if not isinstance(each, HullmarkError) and after.get(image_id) == before[image_id]
        }
        for image_id, each in same.items():
            await _drop_others(connection, account_id, image_id, (before[image_id].earlier, each))
        count = await _written(connection, account_id, [one for each in same.values() for one in each])
    return _CameTo(count, [each for each in before if each not in same and each not in faults], faults)


class _JudgingInputs(NamedTuple):
    inputs: Inputs
    earlier: Earlier


async def _standing(connection: Connection, account_id: int, image_ids: Sequence[int]) -> dict[int, _JudgingInputs]:
    """What images are judged by, and how they stand; those that are analysed and held."""
    inputs = await inputs_of(connection, account_id, image_ids)
    earlier = await earlier_of(connection, account_id, list(inputs))
    return {image_id: _JudgingInputs(each, earlier[image_id]) for image_id, each in inputs.items()}


async def inputs_of(connection: Connection, account_id: int, image_ids: Sequence[int]) -> dict[int, Inputs]:
    """What images are judged by now; those that are analysed and that the account holds."""
    held = await images.held_by_ids(connection, account_id, image_ids)
    active = await policies.activations(connection, account_id)
    versions = await policies.versions_by_ids(connection, {each.version_id for each in active})
    snapshot = await current_snapshot(connection)
    known = await policies.exceptions(connection, account_id, ended=True) if active else []
    counting = tuple(each for each in known if each.ended_at is None)
    ended = tuple(each for each in known if each.ended_at is not None)
    found = {}
    for image_id in image_ids:
        row = held.get(image_id)
        if row is None or row.state != "analysed":
            continue
        references = tuple(dict.fromkeys((*row.tags, row.reference) if row.reference else row.tags))
        chosen = choose(active, references)
        wanted = {each.activation.version_id for each in chosen}
        found[image_id] = Inputs(
            image=row,
            held=row,
            chosen=chosen,
            versions={number: version for number, version in versions.items() if number in wanted},
            exceptions=counting if chosen else (),
            snapshot_digest=snapshot.digest if snapshot is not None else "",
            snapshot_object=snapshot.object if snapshot is not None else "",
            snapshot_id=snapshot.id if snapshot is not None else None,
            ended=ended if chosen else (),
        )
    return found


def _cases(account_id: int, inputs: Inputs, earlier: Earlier, why: tuple[datetime, str]) -> list[Evaluation]:
    now, cause = why
    cases = []
    for chosen in inputs.chosen:
        active = chosen.activation
        row = next((each for each in earlier.rows if each.is_shadow and _slot(each) == _slot(active)), None)
        shadowed = EarlierVerdict(row=row) if row is not None else None
        in_force = compared_with(earlier, active.policy_id, active.environment, chosen.reference)
        cases.append(
            Evaluation(
                account_id=account_id,
                inputs=inputs,
                chosen=chosen,
                now=now,
                cause=cause,
                earlier=earlier,
                compared=shadowed if active.is_shadow else in_force,
            )
        )
    return cases


def _slot(each: VerdictRow | Activation) -> tuple[int, str]:
    return each.policy_id, each.environment


def _judge_all(
    services: Services, books: Books, cases: dict[int, list[Evaluation]], known_at: datetime | None
) -> dict[int, list[NewVerdict] | HullmarkError]:
    """The verdicts of each image, or why there are none."""
    judged = [some for some in cases.values() if some]
    if not judged:
        return {image_id: [] for image_id in cases}
    made: dict[int, list[NewVerdict] | HullmarkError] = {}
    with book_of(books, judged[0][0].inputs) as book, looking(books) as lookup:
        for image_id, some in cases.items():
            try:
                made[image_id] = _judge_image(services, some, (book, lookup, known_at))
            except HullmarkError as error:
                made[image_id] = error
    return made


def _judge_image(
    services: Services, cases: list[Evaluation], by: tuple[AdvisorySource | None, Lookup, datetime | None]
) -> list[NewVerdict]:
    if not cases:
        return []
    facts = StoredFacts(services.objects, cases[0].inputs.image.document, means_of(services))
    return [judge_case(services, facts, case, by) for case in cases]


def book_of(books: Books, inputs: Inputs) -> AbstractContextManager[AdvisorySource | None]:
    """The advisories that count now, if there are any."""
    if not inputs.snapshot_object:
        return nullcontext()
    return books.opened(inputs.snapshot_digest, inputs.snapshot_object)


async def _drop_others(
    connection: Connection, account_id: int, image_id: int, what: tuple[Earlier, list[NewVerdict]]
) -> None:
    """Remove the verdicts of an image that nothing in force asks for any more."""
    earlier, made = what
    kept = [(each.judged.policy_id, each.judged.environment, each.judged.is_shadow) for each in made]
    if any((row.policy_id, row.environment, row.is_shadow) not in kept for row in earlier.rows):
        await verdicts.drop_others(connection, account_id, image_id, kept)


async def _written(connection: Connection, account_id: int, made: list[NewVerdict]) -> int:
    """Write verdicts down and tell what changed; answers how many are new. The caller's transaction."""
    recorded = [(each, await verdicts.record(connection, each.judged)) for each in made]
    in_force = [(each, noted) for each, noted in recorded if not each.judged.is_shadow]
    for each, noted in in_force:
        await tell_of_grace(connection, each.judged, each.policy, each.granted, noted.history_id)
    passing = [each.judged for each, _ in in_force if each.judged.verdict in PASSING]
    if passing:
        await summed.certify(connection, [(account_id, judged.image_id) for judged in passing], passing[0].at)
    await _tell_news(connection, account_id, in_force)
    changed = [(each, noted.before) for each, noted in in_force if noted.before != each.judged.verdict]
    await events.tell_all(connection, account_id, [_event(each, before) for each, before in changed])
    return sum(noted.is_new for _, noted in recorded)


async def _tell_news(
    connection: Connection, account_id: int, in_force: list[tuple[NewVerdict, verdicts.RecordResult]]
) -> None:
    """Tell what each cause brought about, of all images at once."""
    told: dict[tuple[str, str], tuple[Cause, list[Transition]]] = {}
    for each, noted in in_force:
        if noted.is_new:
            for one in each.news:
                news = numbered(one, noted.history_id)
                _, some = told.setdefault((news.cause.key, news.suppressed), (news.cause, []))
                some += news.transitions
    # Each locks its cause: all who judge do so in one order. What nobody hears of comes first, as it says that no more is to come.
    for (_, suppressed), (cause, some) in sorted(told.items(), key=lambda each: (each[0][0], not each[0][1])):
        await transitions.tell(connection, account_id, cause, some, is_complete=bool(suppressed), suppressed=suppressed)
    await _complete(connection, account_id, [key for key, suppressed in told if not suppressed])


async def _complete(connection: Connection, account_id: int, told: list[str]) -> None:
    """Have what was told sent as wholes, if these were the last images of the account that waited to be judged."""
    known = await transitions.open_causes(connection, account_id, told)
    if known and not await jobs.is_judging_ahead(connection, account_id):
        await transitions.complete(connection, account_id, known)


def _event(made: NewVerdict, before: str) -> events.NewEvent:
    judged = made.judged
    body = {
        "digest": judged.image_digest,
        "policy": made.policy,
        "environment": judged.environment,
        "reference": judged.reference,
        "before": before,
        "after": judged.verdict,
        "reason": judged.reason,
        "cause": judged.cause,
    }
    return events.NewEvent(kind="verdict.changed", resource=("image", judged.image_digest), body=body)
