"""Another version of a policy is put in force: what it says differently is added to the verdicts of all images, set by set.

Only the rules that differ are asked, about each package once (`package_deltas`). Images whose verdicts are not sums of that are judged as
wholes, as are all where more differs between the versions than rules about vulnerabilities.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from hullmark.match.coverage import snapshot_info
from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import VerdictInputs
from hullmark.notify.scene import Scene
from hullmark.server.stories.advisories.advisories import Books, object_of
from hullmark.server.stories.images.register import want_verdicts
from hullmark.server.stories.judging.evaluation import advice_by
from hullmark.server.stories.rollout import sums
from hullmark.server.stories.rollout.deltas import JUDGE, Judge, NextVerdict, VerdictDelta, WorseningNotice, outcome_of
from hullmark.server.stories.rollout.package_deltas import PackageDelta, Piece, Question, deltas_of, joined, total_of
from hullmark.server.stories.rollout.rule_differences import RuleDifference, difference_of
from hullmark.server.stories.rollout.telling import Causes, tell
from hullmark.server.stories.services import Services
from hullmark.server.tables import jobs
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.advisories.snapshots import Current
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import images
from hullmark.server.tables.judging import policies, policy_costs
from hullmark.server.tables.judging.policies import Activation, ExceptionRow, PolicyVersion
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.rollout import policy_changes, summed, waves
from hullmark.server.tables.rollout.policy_changes import ChangedBy
from hullmark.server.tables.rollout.summed import Row

FIRST, AT_ONCE = 500, 2000
"""Images that are written in one transaction: the first, of which people hear at once, and the others."""
WRITERS = 2
"""Parts that are written at the same time: while the database writes one, the next is thought about."""

_PAUSE = 0.5
_STANDINGS: tuple[tuple[int, images.Standing], ...] = ((2, "deployed"), (1, "certified"), (0, "any"))


class PolicyStep(NamedTuple):
    """From one version of a policy to the next, which an activation puts in force in its place. `cause`: why, for people."""

    account_id: int
    activation_id: int
    before_id: int
    cause: str


async def carry(services: Services, books: Books, step: PolicyStep) -> bool:
    """Bring all verdicts to the newer version, and have judged what has to be. Returns False if every image has to be judged instead.

    May be stopped anywhere, and be done again.
    """
    order = await _order(services, step)
    if order is None:
        return False
    lock = asyncio.Lock()
    parts = _parts(order)
    await asyncio.gather(*(_work(order, books, parts, lock) for _ in range(WRITERS)))
    async with services.database.system() as connection:
        if not await jobs.is_judging_ahead(connection, step.account_id, besides="carry"):
            await transitions.complete(connection, step.account_id, sorted(order.causes.numbers.values()))
    return True


class _Order:
    """What is worked at, and what is known so far: of packages and of package sets, with the advisories of `known`."""

    def __init__(
        self, services: Services, step: PolicyStep, versions: tuple[PolicyVersion, PolicyVersion],
        active: Activation, difference: RuleDifference,
    ) -> None:  # fmt: skip
        self.services = services
        self.step = step
        self.before, self.after = versions
        self.active = active
        self.difference = difference
        self.exceptions_digest = difference.target.exceptions_digest
        self.causes = Causes({})
        self.is_over = False
        self.forget(None)

    def forget(self, known: Current | None) -> None:
        """Other advisories count: what was known is asked anew."""
        self.known = known
        self.packages: dict[int, PackageDelta | None] = {}
        self.numbers: dict[int, int] = {}
        self.sets: dict[int, _SetDelta] = {}
        self.twins: dict[int, set[int]] = {}
        self.marker = 0


class _SetDelta(NamedTuple):
    """What is added to the verdicts of images that hold a package set: by the change of this number, of these packages. `twins`: packages
    in it of whose purl there is another package."""

    number: int
    packages: tuple[int, ...]
    twins: frozenset[int]
    total: PackageDelta


_NOTHING = _SetDelta(0, (), frozenset(), PackageDelta())


async def _order(services: Services, step: PolicyStep) -> _Order | None:
    """What is to be done; None if images have to be judged one by one."""
    async with services.database.system() as connection:
        known = await policies.activations(connection, step.account_id)
        active = next((activation for activation in known if activation.id == step.activation_id), None)
        versions = await policies.versions_by_ids(connection, {step.before_id, active.version_id if active else 0})
        exceptions = await policies.exceptions(connection, step.account_id)
        costs = await policy_costs.costs_of(connection, tuple(versions))
        has_advisories = (await snapshots.current(connection)).snapshot_id is not None
    if active is None or len(versions) < 2 or not has_advisories or any(cost.is_costly for cost in costs.values()):
        return None
    others = [other for other in known if _slot(other) == _slot(active) and other.id != active.id]
    before, after = versions[step.before_id], versions[active.version_id]
    if others or active.is_shadow or before.policy_id != after.policy_id:
        return None
    difference = await asyncio.to_thread(_difference, step.account_id, before, after, exceptions)
    return _Order(services, step, (before, after), active, difference) if difference is not None else None


def _difference(
    account_id: int, before: PolicyVersion, after: PolicyVersion, exceptions: Sequence[ExceptionRow]
) -> RuleDifference | None:
    try:
        return difference_of(account_id, before, after, exceptions)
    except HullmarkError:
        return None


def _slot(activation: Activation) -> tuple[int, str, bool]:
    return activation.policy_id, activation.environment, activation.is_shadow


# Parts


async def _parts(order: _Order) -> AsyncIterator[tuple[int, list[int]]]:
    """The account's images, some at a time, with the priority at which they are judged if need be: those that run first."""
    size = FIRST
    for priority, standing in _STANDINGS:
        last = 0
        while not order.is_over:
            async with order.services.database.system() as connection:
                some = await images.analysed_of(connection, order.step.account_id, last, size, standing)
            if not some:
                break
            yield priority, some
            last, size = some[-1], AT_ONCE


async def _work(order: _Order, books: Books, parts: AsyncIterator[tuple[int, list[int]]], lock: asyncio.Lock) -> None:
    while True:
        async with lock:
            part = await anext(parts, None)
            if part is None:
                return
            await _prepare(order, books, part[1])
        while not await _write(order, *part):
            async with lock:
                await _prepare(order, books, part[1])


async def _prepare(order: _Order, books: Books, image_ids: Sequence[int]) -> None:
    """Ask about the packages of these images that are not known yet; waits for advisories that are being carried out."""
    while True:
        async with order.services.database.system() as connection:
            known = await snapshots.current_kept(connection)
            if await snapshots.is_carried_out(connection):
                if order.known is None or _basis(order.known) != _basis(known):
                    order.forget(known)
                await _learn(connection, order, books, known, image_ids)
                return
        await asyncio.sleep(_PAUSE)


def _basis(known: Current) -> tuple[int | None, str]:
    return known.snapshot_id, known.at


async def _learn(connection: Connection, order: _Order, books: Books, known: Current, image_ids: Sequence[int]) -> None:
    sets = {number for some in (await policy_changes.sets_of(connection, image_ids)).values() for number in some}
    members = await policy_changes.matched_members_of(connection, sets - order.sets.keys())
    new = {package for some in members.values() for package in some} - order.packages.keys()
    question = await asyncio.to_thread(_question, order, books, known)
    deltas = await deltas_of(connection, new, question, order.causes.known)
    by = ChangedBy(
        order.step.account_id,
        order.after.policy_id,
        order.after.version,
        order.exceptions_digest,
        known.snapshot_id or 0,
    )
    telling = [(package, delta) for package, delta in sorted(deltas.items()) if delta.lost or delta.gained]
    numbers = await policy_changes.keep_changes(
        connection, by, [(package, delta.lost, delta.gained) for package, delta in telling]
    )
    twins = await waves.twins_of(connection, new)
    order.numbers |= dict(zip((package for package, _ in telling), numbers, strict=True))
    # The findings are in the database now.
    order.packages |= {
        package: deltas[package]._replace(lost=(), gained=()) if package in deltas else None for package in new
    }
    for package, twin in twins:
        order.twins.setdefault(package, set()).add(twin)
    await _sum_up(connection, order, by, members, sets)


def _question(order: _Order, books: Books, known: Current) -> Question:
    """What packages are asked; opens the snapshot that counts."""
    digest = known.digest or ""
    now = order.services.clock()
    with books.opened(digest, object_of(digest)) as source:
        at = sums.Moment(now, snapshot_info(source, now.date().isoformat()))
    scene = Scene(
        image_id=None,
        image_digest="",
        policy_id=order.after.policy_id,
        policy=order.after.name,
        environment=order.active.environment,
        reference="",
        at=now,
        snapshot=str(known.snapshot_id),
        activation=str(order.active.id),
        seen={"policy": order.active.created_at},
        advice=advice_by(order.after.text),
    )
    before, after = (
        VerdictInputs(image="", policy=version.digest, snapshot=digest, analyzer="", at="")
        for version in (order.before, order.after)
    )
    return Question(order.difference, at, scene, (before, after))


async def _sum_up(
    connection: Connection, order: _Order, by: ChangedBy, members: dict[int, list[int]], sets: Iterable[int]
) -> None:
    """Add up what package sets bring, and number those sums."""
    changed = {
        number: tuple(package for package in some if order.packages[package] is not None)
        for number, some in members.items()
    }
    told = [number for number, some in changed.items() if any(package in order.numbers for package in some)]
    parts = [[order.numbers[package] for package in changed[number] if package in order.numbers] for number in told]
    if not order.marker:
        parts.append([])
    numbers = await policy_changes.keep_sums(connection, by, order.after.digest, parts)
    if not order.marker:
        order.marker = numbers.pop()
    numbered = dict(zip(told, numbers, strict=True))
    deltas = {package: delta for package, delta in order.packages.items() if delta is not None}
    for number in sets:
        if number not in order.sets:
            some = changed.get(number, ())
            twins = frozenset(order.twins.keys() & set(members.get(number, ()))) if order.twins else frozenset[int]()
            total = total_of(deltas, some) if some else _NOTHING.total
            known = _SetDelta(numbered.get(number, 0), some, twins, total)
            order.sets[number] = known if some or twins else _NOTHING


# A part is written


async def _write(order: _Order, priority: int, image_ids: Sequence[int]) -> bool:
    """Write the verdicts of some images; returns False if other advisories count now, and nothing was written."""
    step, now = order.step, order.services.clock()
    async with order.services.database.system() as connection:
        known = await snapshots.current_kept(connection)
        if (
            order.known is None
            or _basis(order.known) != _basis(known)
            or not await snapshots.is_carried_out(connection)
        ):
            return False
        if not await policies.is_in_force(connection, step.account_id, step.activation_id):
            order.is_over = True
            return True  # what took its place has all images judged
        held = await policy_changes.sets_of(connection, image_ids)
        slot = (order.active.policy_id, order.active.environment)
        rows = [row for row in await summed.rows_of(connection, image_ids, {slot[0]}, None) if _is_of(row, slot)]
        outcomes = await asyncio.to_thread(_outcomes, order, rows, held, now)
        unsummed = [row for row, outcome in outcomes if isinstance(outcome, Judge)]
        await summed.await_judging(connection, unsummed)
        await want_verdicts(connection, {row[:2] for row in unsummed}, step.cause, priority)
        written = [(row, outcome) for row, outcome in outcomes if isinstance(outcome, NextVerdict)]
        if written:
            version = (order.after.version, order.after.digest)
            replaced = [outcome.row for _, outcome in written]
            ids = await summed.write(connection, replaced, known.digest or "", step.cause, now, version)
            announced = [(*row, number) for row, number in zip(written, ids, strict=True)]
            await tell(connection, order.services, order.causes, announced, (step.cause, now))
    return True


def _is_of(row: Row, slot: tuple[int, str]) -> bool:
    return (row.policy_id, row.environment) == slot and not row.is_shadow


def _outcomes(
    order: _Order, rows: Iterable[Row], held: dict[int, list[int]], now: datetime
) -> list[tuple[Row, NextVerdict | Judge]]:
    return [
        (row, _outcome(order, row, [order.sets[number] for number in held.get(row.image_id, ())], now))
        for row in rows
        if row.policy_version != order.after.version or row.exceptions_digest != order.exceptions_digest
    ]


def _outcome(order: _Order, row: Row, sets: Sequence[_SetDelta], now: datetime) -> NextVerdict | Judge:
    if (row.policy_version, row.exceptions_digest) != (order.before.version, order.exceptions_digest):
        return JUDGE  # it was judged by something else than was in force
    if not row.is_matched or (row.has_unknowns and not order.difference.keeps_unknowns):
        return JUDGE
    some = [delta for delta in sets if delta is not _NOTHING]
    total = _total(order, some)
    if total is None or total.is_doubtful:
        return JUDGE
    delta = VerdictDelta(
        order.marker,
        is_doubtful=False,
        says=True,
        stops=total.stops,
        warns=total.warns,
        findings=total.findings,
        next_at=total.next_at,
        cause=_cause(order),
        severity=max([-piece.lightness for piece in total.pieces], default=0),
        told=_notices(order, total),
    )
    outcome = outcome_of(row, (delta,), now)
    if not isinstance(outcome, NextVerdict):
        return JUDGE
    changes = (order.marker, *(delta.number for delta in some if delta.number))
    return outcome._replace(row=outcome.row._replace(changes=changes))


def _total(order: _Order, sets: Sequence[_SetDelta]) -> PackageDelta | None:
    """What an image's sets bring together, a package that several hold once; None if two of its packages are one to the policy."""
    packages = set[int]().union(*[delta.packages for delta in sets])
    twins = frozenset[int]().union(*[delta.twins for delta in sets])
    if any(not twins.isdisjoint(order.twins[package]) for package in packages & twins):
        return None
    if len(packages) == sum([len(delta.packages) for delta in sets]):
        return sets[0].total if len(sets) == 1 else joined([delta.total for delta in sets])
    return joined([delta for package in packages if (delta := order.packages[package]) is not None])


def _cause(order: _Order) -> str:
    """The key of the one cause of all that is told; "" while there is nothing to tell."""
    return next((key for _, key in order.causes.known), "")


def _notices(order: _Order, total: PackageDelta) -> tuple[WorseningNotice, ...]:
    """The news, that which decides first."""
    kinds: dict[str, list[Piece]] = {}
    for piece in total.pieces:
        kinds.setdefault(piece.kind, []).append(piece)
    is_better = total.stops < 0
    ordered = sorted(kinds.items(), key=lambda item: ((item[0] == "finding.retracted") is not is_better, item[0]))
    return tuple(
        WorseningNotice(_cause(order), kind, -some[0].lightness, [msgspec.Raw(piece.evidence) for piece in some])
        for kind, some in ordered
    )
