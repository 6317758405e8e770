"""Waves: changes of what is found in packages, carried into the verdicts of all images that hold them, some images at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter

import msgspec

from hullmark.model import notice
from hullmark.server.stories.images.register import want_verdicts
from hullmark.server.stories.rollout.deltas import (
    JUDGE,
    Judge,
    Moment,
    NextVerdict,
    VerdictDelta,
    make_verdict_delta,
    outcome_of,
)
from hullmark.server.stories.rollout.telling import MOST_EVIDENCE, CauseName, Causes, gather, tell
from hullmark.server.stories.services import Services
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.rollout import summed, waves
from hullmark.server.tables.rollout.summed import Row
from hullmark.server.tables.rollout.waves import Part

AT_ONCE = 3
"""Parts that are written at the same time: while the database writes one, the next is thought about."""
CAUSE = "advisories"
"""What verdicts say that they were made for."""

_PAUSE = 0.1
_NONE: frozenset[int] = frozenset()
_Target = tuple[int, int, int, str]
_number = attrgetter("id")


class Wave(msgspec.Struct, frozen=True, kw_only=True):
    """A wave in memory. `packages` are the changed ones, by the set that holds them; `twins` those whose purl is in a set
    twice. `changes` are by version of a policy (with the digest of its exceptions) and package."""

    number: int
    packages: dict[int, frozenset[int]]
    twins: dict[int, frozenset[int]]
    sets: waves.Sets
    changes: dict[_Target, dict[int, list[VerdictDelta]]]
    concerned: dict[tuple[int, int], set[int]]
    causes: Causes


async def work_off(services: Services, snapshot_id: int, digest: str, *, is_day: bool = False) -> None:
    """Write all waves that are open, and close them. Others may do so at the same time. `is_day`: only another day brought them, and
    which verdicts are of the day before nobody knows: all are judged again."""
    loaded: dict[int, Wave] = {}
    lock = asyncio.Lock()
    order = _Order(services=services, snapshot_id=snapshot_id, digest=digest, is_day=is_day, loaded=loaded, lock=lock)
    while True:
        await asyncio.gather(*(_work(order) for _ in range(AT_ONCE)))
        async with services.database.system() as connection:
            left = await waves.parts_left(connection, snapshot_id)
        if not left:
            break
        await asyncio.sleep(_PAUSE)  # somebody else is at the last ones
    async with services.database.system() as connection:
        open_waves = await waves.waves(connection, snapshot_id)
    for number in open_waves:
        await _close(order, number)


class _Order(msgspec.Struct, kw_only=True):
    """What is worked at, and the waves at hand."""

    services: Services
    snapshot_id: int
    digest: str
    is_day: bool
    loaded: dict[int, Wave]
    lock: asyncio.Lock


async def _work(order: _Order) -> None:
    while await _write_part(order):
        pass


async def _load_wave(order: _Order, number: int) -> Wave:
    async with order.lock:
        if number not in order.loaded:
            async with order.services.database.system() as connection:
                order.loaded.clear()
                order.loaded[number] = await _wave(connection, number)
        return order.loaded[number]


async def _wave(connection: Connection, number: int) -> Wave:
    changes: dict[_Target, dict[int, list[VerdictDelta]]] = {}
    concerned: dict[tuple[int, int], set[int]] = {}
    causes: dict[CauseName, notice.Cause] = {}
    for change in await waves.changes_of(connection, number):
        key = (change.account_id, change.policy_id, change.policy_version, change.exceptions_digest)
        changes.setdefault(key, {}).setdefault(change.package_id, []).append(make_verdict_delta(change))
        concerned.setdefault((change.account_id, change.policy_id), set()).add(change.package_id)
        for entry in change.told:
            evidence = tuple(msgspec.convert(item, notice.Evidence) for item in entry["evidence"])
            about = msgspec.convert(entry["about"], notice.Cause)
            gather(causes, change.account_id, msgspec.structs.replace(about, evidence=evidence[:MOST_EVIDENCE]))
    packages = {package for names in concerned.values() for package in names}
    others: dict[int, list[int]] = {}
    for package, twin in await waves.twins_of(connection, packages):
        others.setdefault(twin, []).append(package)
    by_set = _by_set((held, [package]) for held, package in await waves.sets_with(connection, packages))
    twins = _by_set((held, others[twin]) for held, twin in await waves.sets_with(connection, others))
    return Wave(
        number=number,
        packages=by_set,
        twins=twins,
        sets=waves.Sets.of(by_set.keys() | twins.keys()),
        changes=changes,
        concerned=concerned,
        causes=Causes(causes),
    )


def _by_set(held: Iterable[tuple[int, list[int]]]) -> dict[int, frozenset[int]]:
    found: dict[int, set[int]] = {}
    for number, packages in held:
        found.setdefault(number, set()).update(packages)
    return {number: frozenset(packages) for number, packages in found.items()}


# A part


async def _write_part(order: _Order) -> bool:
    """Write the verdicts of some images; returns whether there was any left."""
    services, now = order.services, order.services.clock()
    async with services.database.system() as connection:
        part = await waves.take_part(connection, order.snapshot_id)
        if part is None:
            return False
        wave = await _load_wave(order, part.wave_id)
        found = await _outcomes(connection, order, wave, part, now)
        await _write(connection, order, wave, found, now)
    return True


_Found = list[tuple[Row, NextVerdict | Judge | Moment]]


async def _outcomes(connection: Connection, order: _Order, wave: Wave, part: Part, now: datetime) -> _Found:
    held: dict[int, tuple[frozenset[int], frozenset[int]]] = {}
    packages_of, twins_of = wave.packages.get, wave.twins.get
    for image, sets in await waves.images_with(connection, wave.sets, part):
        packages = _NONE.union(*[packages_of(package_set, _NONE) for package_set in sets])
        if packages:
            held[image] = (
                packages,
                _NONE.union(*[twins_of(package_set, _NONE) for package_set in sets]) if wave.twins else _NONE,
            )
    policies = {policy for _, policy in wave.concerned}
    rows = await summed.rows_of(connection, list(held), policies, None if order.is_day else order.snapshot_id)
    found = ((row, _outcome(wave, row, held[row.image_id], now)) for row in rows)
    return [(row, JUDGE if order.is_day else outcome) for row, outcome in found if outcome is not None]


def _outcome(
    wave: Wave, row: Row, held: tuple[frozenset[int], frozenset[int]], now: datetime
) -> NextVerdict | Judge | Moment | None:
    packages, twins = held
    concerned = wave.concerned.get((row.account_id, row.policy_id))
    if concerned is None or concerned.isdisjoint(packages):
        return None
    by_package = wave.changes.get((row.account_id, row.policy_id, row.policy_version, row.exceptions_digest))
    if by_package is None or (twins and not (concerned & packages).isdisjoint(twins)):
        return JUDGE  # it was judged by something else than is in force, or two packages are one to the policy
    changes = [change for package in packages for change in by_package.get(package, ())]
    if not changes:
        return JUDGE
    if len(changes) > 1:
        changes.sort(key=_number)
    return outcome_of(row, changes, now)


async def _write(connection: Connection, order: _Order, wave: Wave, found: _Found, now: datetime) -> None:
    unsummed = [row for row, outcome in found if isinstance(outcome, Judge)]
    await summed.await_judging(connection, unsummed)
    # After all that people wait for.
    await want_verdicts(connection, {row[:2] for row in unsummed}, CAUSE, priority=0)
    moments = [(row, outcome.next_at) for row, outcome in found if isinstance(outcome, Moment)]
    await summed.bring_forward(connection, moments)
    written = [(row, outcome) for row, outcome in found if isinstance(outcome, NextVerdict)]
    if not written:
        return
    ids = await summed.write(connection, [outcome.row for _, outcome in written], order.digest, CAUSE, now)
    announced = [(*row, number) for row, number in zip(written, ids, strict=True)]
    await tell(connection, order.services, wave.causes, announced, CAUSE, now)


async def _close(order: _Order, number: int) -> None:
    """Delete a finished wave, and complete its causes."""
    async with order.services.database.system() as connection:
        changes = await waves.changes_of(connection, number)
        if not await waves.close_wave(connection, number):
            return
        keys = {(change.account_id, str(entry["cause"])) for change in changes for entry in change.told}
        known = await waves.cause_ids(connection, keys)
        for account_id in sorted({account for account, _ in known}):
            ids: Sequence[int] = [cause for (account, _), cause in known.items() if account == account_id]
            await transitions.complete(connection, account_id, ids)
