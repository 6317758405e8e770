"""An image is judged by the policies that an account has in force for it, from what is stored, and the verdicts are written down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import NamedTuple

import msgspec

from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.model.errors import HullmarkError
from hullmark.model.notice import Cause, Transition
from hullmark.model.verdict import PASSING
from hullmark.notify.transitions import number_news
from hullmark.server.stories.advisories.advisories import SnapshotCache, current_snapshot
from hullmark.server.stories.images.analyse import means_of
from hullmark.server.stories.images.register import want_verdict, want_verdicts
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
from hullmark.server.stories.judging.evaluation import Evaluation, Inputs, JudgingSources, NewVerdict, judge_case
from hullmark.server.stories.judging.selection import choose
from hullmark.server.stories.judging.turn import Turn
from hullmark.server.stories.services import Services
from hullmark.server.tables import events, jobs
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import images
from hullmark.server.tables.judging import exception_lists, policies, policy_costs, statements, turns, verdicts
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


async def judge(services: Services, snapshot_cache: SnapshotCache, account_id: int, image_id: int, cause: str) -> int:
    """Judge an image by all that is in force for it; returns how many verdicts are new.

    What changes while it is judged is noticed before anything is written: then it is judged again. Raises HullmarkError where that
    never ends.
    """
    for _ in range(_TRIES):
        came_to = await _judge_once(services, snapshot_cache, account_id, (image_id,), cause)
        for fault in came_to.faults.values():
            raise fault
        if not came_to.again:
            return came_to.new
    raise HullmarkError("what the image is judged by changed all the time", advice="it is judged again by itself")


async def judge_some(
    services: Services,
    snapshot_cache: SnapshotCache,
    account_id: int,
    image_ids: Sequence[int],
    cause: str,
    priority: int = 0,
) -> int:
    """Judge images together, which takes far less than one after the other; returns how many verdicts are new. Those that changed
    meanwhile, and those that cannot be judged, are then judged one by one. Those that are left when it is
    others' turn wait again, with the same priority."""
    came_to = await _judge_once(services, snapshot_cache, account_id, image_ids, cause, priority)
    async with services.database.system() as connection:
        for image_id in (*came_to.again, *came_to.faults):
            await want_verdict(connection, account_id, image_id, cause)
    return came_to.new


async def _judge_once(
    services: Services,
    snapshot_cache: SnapshotCache,
    account_id: int,
    image_ids: Sequence[int],
    cause: str,
    priority: int = 0,
) -> _CameTo:
    async with services.database.system() as connection:
        before = await _standing(connection, account_id, image_ids)
        some = next(iter(before.values()), None)
        known_at = await seen_at(connection, some.inputs.snapshot_id) if some is not None else None
    now = services.clock()
    cases = {image_id: _cases(account_id, *inputs, now, cause) for image_id, inputs in before.items()}
    outcomes = await asyncio.to_thread(_judge_all, services, snapshot_cache, cases, known_at)
    await _count(services, account_id, outcomes)
    left = [(account_id, image_id) for image_id in before.keys() - outcomes.keys()]
    before = {image_id: before[image_id] for image_id in outcomes}
    faults = {image_id: error for image_id, error in outcomes.items() if isinstance(error, HullmarkError)}
    async with services.database.system() as connection:
        # First of all: what is still to be judged keeps a cause from being complete.
        await want_verdicts(connection, left, cause, priority)
        await policies.hold_in_force(connection, account_id)
        await verdicts.hold_current(connection, account_id, list(before))
        after = await _standing(connection, account_id, list(before))
        same = {
            image_id: judged
            for image_id, judged in outcomes.items()
            if not isinstance(judged, HullmarkError) and after.get(image_id) == before[image_id]
        }
        for image_id, judged in same.items():
            await _drop_others(connection, account_id, image_id, before[image_id].earlier, judged)
        count = await _store_verdicts(connection, account_id, [one for judged in same.values() for one in judged])
    return _CameTo(count, [image_id for image_id in before if image_id not in same and image_id not in faults], faults)


async def _count(services: Services, account_id: int, outcomes: dict[int, list[NewVerdict] | HullmarkError]) -> None:
    """Note what judging took, by version of a policy and for the account, which waits elsewhere once that is much."""
    costs: dict[tuple[int, int], list[float]] = {}
    for judged in outcomes.values():
        for one in judged if isinstance(judged, list) else ():
            costs.setdefault((one.judged.policy_id, one.judged.policy_version), []).append(one.seconds)
    if not costs:
        return
    async with services.database.system() as connection:
        await jobs.count_judging(connection, account_id, sum(map(sum, costs.values())))
        if await policy_costs.count_costs(connection, costs):
            await jobs.queue_again(connection, account_id)


class _JudgingInputs(NamedTuple):
    inputs: Inputs
    earlier: Earlier


async def _standing(connection: Connection, account_id: int, image_ids: Sequence[int]) -> dict[int, _JudgingInputs]:
    """The inputs and current verdicts of images; only those that are analysed and held."""
    inputs = await inputs_of(connection, account_id, image_ids)
    earlier = await earlier_of(connection, account_id, list(inputs))
    return {image_id: _JudgingInputs(image_inputs, earlier[image_id]) for image_id, image_inputs in inputs.items()}


async def inputs_of(connection: Connection, account_id: int, image_ids: Sequence[int]) -> dict[int, Inputs]:
    """What images are judged by now; those that are analysed and that the account holds."""
    held = await images.held_by_ids(connection, account_id, image_ids)
    active = await policies.activations(connection, account_id)
    versions = await policies.versions_by_ids(connection, {activation.version_id for activation in active})
    snapshot = await current_snapshot(connection)
    known = await policies.exceptions(connection, account_id, ended=True) if active else []
    counting = tuple(exception for exception in known if exception.ended_at is None)
    ended = tuple(exception for exception in known if exception.ended_at is not None)
    found = {}
    for image_id in image_ids:
        row = held.get(image_id)
        if row is None or row.state != "analysed":
            continue
        references = tuple(dict.fromkeys((*row.tags, row.reference) if row.reference else row.tags))
        chosen = choose(active, references)
        wanted = {choice.activation.version_id for choice in chosen}
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


def _cases(account_id: int, inputs: Inputs, earlier: Earlier, now: datetime, cause: str) -> list[Evaluation]:
    cases = []
    for chosen in inputs.chosen:
        active = chosen.activation
        row = next((row for row in earlier.rows if row.is_shadow and _slot(row) == _slot(active)), None)
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


def _slot(row: VerdictRow | Activation) -> tuple[int, str]:
    return row.policy_id, row.environment


def _judge_all(
    services: Services, snapshot_cache: SnapshotCache, cases: dict[int, list[Evaluation]], known_at: datetime | None
) -> dict[int, list[NewVerdict] | HullmarkError]:
    """The verdicts of each image, or why there are none; of some images only where it is others' turn before all are judged."""
    turn = Turn()
    judged = [some for some in cases.values() if some]
    if not judged:
        return {image_id: [] for image_id in cases}
    outcomes: dict[int, list[NewVerdict] | HullmarkError] = {}
    with open_advisories(snapshot_cache, judged[0][0].inputs) as source, looking(snapshot_cache) as lookup:
        for image_id, some in cases.items():
            if outcomes and turn.is_over():
                break
            try:
                outcomes[image_id] = _judge_image(services, some, JudgingSources(source, lookup, known_at))
            except HullmarkError as error:
                outcomes[image_id] = error
    return outcomes


def _judge_image(services: Services, cases: list[Evaluation], sources: JudgingSources) -> list[NewVerdict]:
    if not cases:
        return []
    began = time.thread_time()
    first = cases[0]
    holding = (first.account_id, first.inputs.image.id)
    facts = StoredFacts(services.objects, first.inputs.image.document, means_of(services), holding)
    reading = (time.thread_time() - began) / len(cases)
    judged = (judge_case(services, facts, case, sources) for case in cases)
    return [msgspec.structs.replace(one, seconds=one.seconds + reading) for one in judged]


def open_advisories(snapshot_cache: SnapshotCache, inputs: Inputs) -> AbstractContextManager[AdvisorySource | None]:
    """The advisories that count now, if there are any."""
    if not inputs.snapshot_object:
        return nullcontext()
    return snapshot_cache.opened(inputs.snapshot_digest, inputs.snapshot_object)


async def _drop_others(
    connection: Connection, account_id: int, image_id: int, earlier: Earlier, new_verdicts: list[NewVerdict]
) -> None:
    """Remove the verdicts of an image that nothing in force asks for any more."""
    kept = [
        verdicts.VerdictSlot(new_verdict.judged.policy_id, new_verdict.judged.environment, new_verdict.judged.is_shadow)
        for new_verdict in new_verdicts
    ]
    if any((row.policy_id, row.environment, row.is_shadow) not in kept for row in earlier.rows):
        await verdicts.drop_others(connection, account_id, image_id, kept)


async def _store_verdicts(connection: Connection, account_id: int, new_verdicts: list[NewVerdict]) -> int:
    """Store verdicts and announce changes; returns how many are new. The caller's transaction."""
    recorded = [(new_verdict, await verdicts.record(connection, new_verdict.judged)) for new_verdict in new_verdicts]
    in_force = [(new_verdict, noted) for new_verdict, noted in recorded if not new_verdict.judged.is_shadow]
    for new_verdict, noted in in_force:
        await tell_of_grace(connection, new_verdict.judged, new_verdict.policy, new_verdict.granted, noted.history_id)
    for new_verdict, _ in in_force:
        if new_verdict.has_other_signatures:
            judged = new_verdict.judged
            await statements.want_again(
                connection, account_id, judged.image_id, judged.policy_id, judged.environment, judged.at
            )
    used = [(key, new_verdict.judged.at) for new_verdict, _ in in_force for key in new_verdict.excepted]
    if used:
        await exception_lists.note_used(connection, account_id, [key for key, _ in used], used[0][1])
    passing = [new_verdict.judged for new_verdict, _ in in_force if new_verdict.judged.verdict in PASSING]
    if passing:
        await summed.certify(connection, [(account_id, judged.image_id) for judged in passing], passing[0].at)
    await _tell_news(connection, account_id, in_force)
    await _note_turns(connection, account_id, in_force)
    if any(noted.is_new and not noted.before for _, noted in in_force):
        # The news that a tag moved may wait for a first verdict, also for one that there is nothing to tell of.
        await transitions.want_routing(connection, account_id)
    changed = [
        (new_verdict, noted.before) for new_verdict, noted in in_force if noted.before != new_verdict.judged.verdict
    ]
    await events.tell_all(connection, account_id, [_event(new_verdict, before) for new_verdict, before in changed])
    return sum(noted.is_new for _, noted in recorded)


async def _note_turns(
    connection: Connection, account_id: int, in_force: list[tuple[NewVerdict, verdicts.RecordResult]]
) -> None:
    """Write down which verdicts say another word, and why."""
    noted = [
        turns.VerdictTurn(
            image_id=new_verdict.judged.image_id,
            policy_id=new_verdict.judged.policy_id,
            environment=new_verdict.judged.environment,
            before=new_verdict.turn.before,
            after=new_verdict.judged.verdict,
            at=new_verdict.judged.at,
            history_id=recorded.history_id,
            kind=new_verdict.turn.kind,
            sentence=new_verdict.turn.sentence,
        )
        for new_verdict, recorded in in_force
        if recorded.is_new and new_verdict.turn is not None
    ]
    await turns.note_turns(connection, account_id, noted)


async def _tell_news(
    connection: Connection, account_id: int, in_force: list[tuple[NewVerdict, verdicts.RecordResult]]
) -> None:
    """Write down the transitions of each cause, for all images together."""
    groups: dict[tuple[str, str], tuple[Cause, list[Transition]]] = {}
    for new_verdict, noted in in_force:
        if noted.is_new:
            for one in new_verdict.news:
                news = number_news(one, noted.history_id)
                _, some = groups.setdefault((news.cause.key, news.suppressed), (news.cause, []))
                some += news.transitions
    # Each locks its cause: all who judge do so in one order. What nobody is told of comes first, as it says that no more is to
    # come.
    for (_, suppressed), (cause, some) in sorted(groups.items(), key=lambda item: (item[0][0], not item[0][1])):
        await transitions.tell(connection, account_id, cause, some, is_complete=bool(suppressed), suppressed=suppressed)
    await _complete(connection, account_id, [key for key, suppressed in groups if not suppressed])


async def _complete(connection: Connection, account_id: int, keys: list[str]) -> None:
    """Mark causes as complete, if no other image of the account waits to be judged."""
    known = await transitions.open_causes(connection, account_id, keys)
    if known and not await jobs.is_judging_ahead(connection, account_id):
        await transitions.complete(connection, account_id, known)


def _event(new_verdict: NewVerdict, before: str) -> events.NewEvent:
    judged = new_verdict.judged
    body = {
        "digest": judged.image_digest,
        "policy": new_verdict.policy,
        "environment": judged.environment,
        "reference": judged.reference,
        "before": before,
        "after": judged.verdict,
        "reason": judged.reason,
        "cause": judged.cause,
    }
    return events.NewEvent(kind="verdict.changed", resource=("image", judged.image_digest), body=body)
