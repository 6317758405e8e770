"""An image is judged by the policies that an account has in force for it, from what is stored, and the verdicts are written down."""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime

from hullmark.app.server.advisories import Books, current_snapshot
from hullmark.app.server.analyse import means_of
from hullmark.app.server.case import Case, Inputs, Made, judge_case
from hullmark.app.server.earlier import (
    Compared,
    Earlier,
    compared_with,
    earlier_of,
    looking,
    seen_at,
)
from hullmark.app.server.moments import tell_of_grace
from hullmark.app.server.selection import choose
from hullmark.app.server.services import Services
from hullmark.app.server.stored import StoredFacts
from hullmark.match.book import Book
from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import PASSING
from hullmark.notify.transitions import numbered
from hullmark.store import events, images, jobs, policies, snapshots, verdicts
from hullmark.store.database import Connection
from hullmark.store.notice import transitions
from hullmark.store.policies import Activation
from hullmark.store.verdicts import VerdictRow

_TRIES = 5


async def judge(services: Services, books: Books, account_id: int, image_id: int, cause: str) -> int:
    """Judge an image by all that is in force for it; answers how many verdicts are new.

    What changes while it is judged is noticed before anything is written: then it is judged again. Raises HullmarkError where that
    never ends.
    """
    for _ in range(_TRIES):
        async with services.database.system() as connection:
            inputs = await inputs_of(connection, account_id, image_id)
            earlier = await earlier_of(connection, account_id, image_id)
            known_at = await seen_at(connection, inputs.snapshot_id) if inputs is not None else None
        if inputs is None:
            return 0
        cases = _cases(account_id, inputs, earlier, (services.clock(), cause))
        made = await asyncio.to_thread(_judge_all, services, books, cases, known_at)
        async with services.database.system() as connection:
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))", (f"judge {image_id}", account_id)
            )
            await snapshots.current_kept(connection)
            await verdicts.hold_current(connection, account_id, image_id)
            holds = (
                await inputs_of(connection, account_id, image_id),
                await earlier_of(connection, account_id, image_id),
            )
            if holds == (inputs, earlier):
                return await _written(connection, account_id, image_id, made)
    raise HullmarkError("what the image is judged by changed all the time", advice="it is judged again by itself")


async def inputs_of(connection: Connection, account_id: int, image_id: int) -> Inputs | None:
    """What an image is judged by now; None if it is not analysed, or the account does not hold it."""
    row = await images.image_by_id(connection, image_id)
    held = await images.held_image(connection, account_id, row.digest) if row is not None else None
    if row is None or row.state != "analysed" or held is None:
        return None
    references = tuple(dict.fromkeys((*held.tags, held.reference) if held.reference else held.tags))
    chosen = choose(await policies.activations(connection, account_id), references)
    versions = {}
    for each in chosen:
        version = await policies.version_by_id(connection, each.activation.version_id)
        if version is not None:
            versions[version.id] = version
    snapshot = await current_snapshot(connection)
    known = await policies.exceptions(connection, account_id, ended=True) if chosen else []
    return Inputs(
        image=row,
        held=held,
        chosen=chosen,
        versions=versions,
        exceptions=tuple(each for each in known if each.ended_at is None),
        snapshot_digest=snapshot.digest if snapshot is not None else "",
        snapshot_object=snapshot.object if snapshot is not None else "",
        snapshot_id=snapshot.id if snapshot is not None else None,
        ended=tuple(each for each in known if each.ended_at is not None),
    )


def _cases(account_id: int, inputs: Inputs, earlier: Earlier, why: tuple[datetime, str]) -> list[Case]:
    now, cause = why
    cases = []
    for chosen in inputs.chosen:
        active = chosen.activation
        row = next((each for each in earlier.rows if each.is_shadow and _slot(each) == _slot(active)), None)
        shadowed = Compared(row=row) if row is not None else None
        in_force = compared_with(earlier, active.policy_id, active.environment, chosen.reference)
        cases.append(
            Case(
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


def _judge_all(services: Services, books: Books, cases: list[Case], known_at: datetime | None) -> list[Made]:
    if not cases:
        return []
    inputs = cases[0].inputs
    facts = StoredFacts(services.objects, inputs.image.document, means_of(services))
    with book_of(books, inputs) as book, looking(books) as lookup:
        return [judge_case(services, facts, case, (book, lookup, known_at)) for case in cases]


def book_of(books: Books, inputs: Inputs) -> AbstractContextManager[Book | None]:
    """The advisories that count now, if there are any."""
    if not inputs.snapshot_object:
        return nullcontext()
    return books.opened(inputs.snapshot_digest, inputs.snapshot_object)


async def _written(connection: Connection, account_id: int, image_id: int, found: list[Made]) -> int:
    """Write the verdicts down and tell what changed. The caller's transaction."""
    kept = [(each.judged.policy_id, each.judged.environment, each.judged.is_shadow) for each in found]
    await verdicts.drop_others(connection, account_id, image_id, kept)
    count, told = 0, list[str]()
    for each in found:
        judged = each.judged
        recorded = await verdicts.record(connection, judged)
        count += recorded.is_new
        if judged.is_shadow:
            continue
        await tell_of_grace(connection, judged, each.policy, each.granted, recorded.history_id)
        if judged.verdict in PASSING:
            await verdicts.certify(connection, account_id, image_id, judged.at)
        if recorded.is_new:
            for news in (numbered(one, recorded.history_id) for one in each.news):
                told += [] if news.suppressed else [news.cause.key]
                await transitions.tell(
                    connection,
                    account_id,
                    news.cause,
                    news.transitions,
                    is_complete=bool(news.suppressed),
                    suppressed=news.suppressed,
                )
        if recorded.before != judged.verdict:
            await _tell_event(connection, each, recorded.before)
    await _complete(connection, account_id, told)
    return count


async def _complete(connection: Connection, account_id: int, told: list[str]) -> None:
    """Have what was told sent as wholes, if this was the last image of the account that waited to be judged."""
    known = await transitions.open_causes(connection, account_id, told)
    if known and not await jobs.is_judging_ahead(connection, account_id):
        await transitions.complete(connection, account_id, known)


async def _tell_event(connection: Connection, made: Made, before: str) -> None:
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
    await events.tell(connection, judged.account_id, "verdict.changed", ("image", judged.image_digest), body)
