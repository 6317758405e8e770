"""Another version of a policy is put in force: what it says differently is added to the verdicts of all images, set by set.

Only the rules that differ are asked, about each package once (`set_deltas`). Images whose verdicts are not sums of that are judged as
wholes, as are all where more differs between the versions than rules about vulnerabilities.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple, TypeVar

import msgspec

from hullmark.advisories.match.coverage import snapshot_info
from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import VerdictInputs
from hullmark.notify.scene import Scene
from hullmark.server.stories.advisories.advisories import SnapshotCache, object_of
from hullmark.server.stories.images.register import want_verdicts
from hullmark.server.stories.judging import turn
from hullmark.server.stories.judging.evaluation import advice_by
from hullmark.server.stories.rollout import sums
from hullmark.server.stories.rollout.deltas import JUDGE, Judge, NextVerdict, VerdictDelta, WorseningNotice, outcome_of
from hullmark.server.stories.rollout.package_deltas import PackageDelta, Piece, Question
from hullmark.server.stories.rollout.rule_differences import RuleDifference, difference_of
from hullmark.server.stories.rollout.set_deltas import SetDeltas
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
from hullmark.server.tables.rollout import policy_changes, summed
from hullmark.server.tables.rollout.policy_changes import ChangedBy, PolicySummary
from hullmark.server.tables.rollout.summed import Row

FIRST, GROWS, AT_ONCE = 10, 4, 2000
"""Images that are written in one transaction: the first, of which people hear at once, then so many times as many, and at most."""

_WRITERS = 2
"""Parts that are written at the same time: while the database writes one, the next is thought about."""
_TURNS = 5
"""How many turns of judging a turn of this lasts: it begins with what is known already only where the same process goes on."""
_KEPT = 4
"""Steps whose packages are kept in memory between their turns."""
_KEPT_SECONDS = 60.0
_PAUSE = 0.5
_STANDINGS: tuple[tuple[int, images.Standing], ...] = ((2, "deployed"), (1, "certified"), (0, "any"))
"""In the end all images are gone through, not those that were never certified: one that is certified meanwhile, as advisories come between,
would be in neither. Those that have the newer version already are passed over."""
_T = TypeVar("_T")


class PolicyStep(NamedTuple):
    """From one version of a policy to the next, which an activation puts in force in its place. `cause`: why, for people."""

    account_id: int
    activation_id: int
    before_id: int
    cause: str


class Position(NamedTuple):
    """How far a step is carried out: behind this image (0: before the first) of those of a standing."""

    standing: int = 0
    image_id: int = 0


class Carrier:
    """Carries steps out in turns, and keeps what it knows of the last ones from turn to turn."""

    def __init__(self) -> None:
        self._orders: dict[int, _Order] = {}

    async def carry(
        self, services: Services, snapshot_cache: SnapshotCache, step: PolicyStep, position: Position
    ) -> Position | bool:
        """Bring verdicts to the newer version, and have judged what has to be, for a turn; answers where to go on, or True: all is done.
        False: every image has to be judged instead. May be stopped anywhere, and be done again from the same position."""
        order = self._orders.pop(step.activation_id, None) or await _order(services, step)
        if order is None:
            return False
        if order.kept_for is not None:
            order.kept_for.cancel()
        order.begin(position)
        order.is_told = order.is_told or position != Position()
        parts, lock = _parts(order), asyncio.Lock()
        async with asyncio.TaskGroup() as writers:
            for _ in range(_WRITERS):
                writers.create_task(_work(order, snapshot_cache, parts, lock))
        async with services.database.system() as connection:
            await jobs.count_judging(connection, step.account_id, order.seconds)
            if order.left is None and not await jobs.is_judging_ahead(connection, step.account_id, besides="carry"):
                await transitions.complete(connection, step.account_id, sorted(order.causes.numbers.values()))
        if order.left is None:
            return True
        self._keep(order)
        return order.left

    def _keep(self, order: _Order) -> None:
        """Keep it for the next turn, unless that is another process's."""
        self._orders[order.step.activation_id] = order
        for old in list(self._orders)[:-_KEPT]:
            del self._orders[old]
        order.kept_for = asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._forget, order)

    def _forget(self, order: _Order) -> None:
        if self._orders.get(order.step.activation_id) is order:
            del self._orders[order.step.activation_id]


class _Order:
    """What is worked at. `is_told`: people hear of the first images; `left`: where the next turn goes on; `seconds`: the processor time of
    this one."""

    def __init__(
        self, services: Services, step: PolicyStep, active: Activation, versions: tuple[PolicyVersion, PolicyVersion]
    ) -> None:
        self.services = services
        self.step = step
        self.active = active
        self.before, self.after = versions
        self.causes = Causes({})
        self.is_told = False
        self.known: Current | None = None
        self.kept_for: asyncio.TimerHandle | None = None
        self.begin(Position())

    def begin(self, position: Position) -> None:
        """Begin a turn."""
        self.turn = turn.Turn(seconds=_TURNS * turn.SECONDS)
        self.position = position
        self.left: Position | None = None
        self.is_over = False
        self.seconds = 0.0

    async def goes_on(self, connection: Connection) -> bool:
        """Count what the turn took; begin another one where nobody else waits."""
        seconds, self.seconds = self.seconds, 0.0
        await jobs.count_judging(connection, self.step.account_id, seconds)
        if await jobs.is_waiting(connection, jobs.REJUDGING):
            return False
        self.turn = turn.Turn(seconds=_TURNS * turn.SECONDS)
        return True

    def learn_from(self, difference: RuleDifference, known: Current | None = None) -> None:
        """Forget what is known of packages: these advisories count."""
        self.difference = difference
        self.known = known
        target = difference.target
        snapshot_id = (known.snapshot_id if known is not None else None) or 0
        by = ChangedBy(target.account_id, target.policy_id, target.version, target.exceptions_digest, snapshot_id)
        self.deltas = SetDeltas(by, PolicySummary(self.after.digest, difference.rule_count), self.causes)

    async def think(self, work: Callable[[], _T]) -> _T:
        """Do some work in a thread, and count its processor time."""

        def measure_work() -> _T:
            began = time.thread_time()
            try:
                return work()
            finally:
                self.seconds += time.thread_time() - began

        return await asyncio.to_thread(measure_work)


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
    before, after = versions[step.before_id], versions[active.version_id]
    difference = await asyncio.to_thread(_difference, step.account_id, before, after, exceptions)
    if difference is None:
        return None
    order = _Order(services, step, active, (before, after))
    order.learn_from(difference)
    return order


def _difference(
    account_id: int, before: PolicyVersion, after: PolicyVersion, exceptions: Sequence[ExceptionRow]
) -> RuleDifference | None:
    try:
        return difference_of(account_id, before, after, exceptions)
    except HullmarkError:
        return None


# Parts


async def _parts(order: _Order) -> AsyncIterator[tuple[int, list[int]]]:
    """The account's images, some at a time, with the priority at which they are judged if need be: those that run first."""
    size = FIRST if order.position == Position() else AT_ONCE
    for place, (priority, standing) in enumerate(_STANDINGS):
        last = order.position.image_id if place == order.position.standing else 0
        while place >= order.position.standing and not order.is_over:
            async with order.services.database.system() as connection:
                if order.turn.is_over() and not await order.goes_on(connection):
                    order.left = Position(place, last)
                    return
                some = await images.analysed_of(connection, order.step.account_id, last, size, standing)
            if not some:
                break
            yield priority, some
            last, size = some[-1], min(size * GROWS, AT_ONCE)


async def _work(
    order: _Order, snapshot_cache: SnapshotCache, parts: AsyncIterator[tuple[int, list[int]]], lock: asyncio.Lock
) -> None:
    while True:
        async with lock:
            part = await anext(parts, None)
            if part is None:
                return
            deltas = await _prepare(order, snapshot_cache, part[1])
        while not await _write(order, deltas, *part):
            async with lock:
                deltas = await _prepare(order, snapshot_cache, part[1])


async def _prepare(order: _Order, snapshot_cache: SnapshotCache, image_ids: Sequence[int]) -> SetDeltas:
    """Ask about the packages of these images that are not known yet; waits for advisories that are being carried out. Answers what is
    known then."""
    while True:
        async with order.services.database.system() as connection:
            # Nothing is locked meanwhile, as this may take some seconds: whether other advisories came to count is seen afterwards.
            known = await snapshots.current(connection)
            if await snapshots.is_carried_out(connection):
                if order.known is None or _basis(order.known) != _basis(known):
                    order.learn_from(order.difference, known)
                question = await order.think(partial(_question, order, snapshot_cache, known))
                await order.deltas.learn(connection, image_ids, question, order.think)
                if _basis(known) == _basis(await snapshots.current(connection)):
                    return order.deltas
        order.known = None
        await asyncio.sleep(_PAUSE)


def _basis(known: Current) -> tuple[int | None, str]:
    return known.snapshot_id, known.at


def _question(order: _Order, snapshot_cache: SnapshotCache, known: Current) -> Question:
    """What packages are asked; opens the snapshot that counts."""
    digest = known.digest or ""
    now = order.services.clock()
    with snapshot_cache.opened(digest, object_of(digest)) as source:
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


# A part is written


async def _write(order: _Order, deltas: SetDeltas, priority: int, image_ids: Sequence[int]) -> bool:
    """Write the verdicts of some images, of whose sets these are the deltas; returns False if other advisories count now, and nothing was
    written."""
    step, now = order.step, order.services.clock()
    async with order.services.database.system() as connection:
        await policies.hold_in_force(connection, step.account_id)
        known = await snapshots.current_kept(connection)
        is_known = deltas is order.deltas and order.known is not None and _basis(order.known) == _basis(known)
        if not is_known or not await snapshots.is_carried_out(connection):
            return False
        if not await policies.is_in_force(connection, step.account_id, step.activation_id):
            order.is_over = True
            return True  # what took its place has all images judged
        rows = [
            row
            for row in await summed.rows_of(connection, image_ids, {order.active.policy_id}, None, order.after.version)
            if row.environment == order.active.environment and not row.is_shadow
        ]
        held = await policy_changes.sets_of(connection, image_ids)
        outcomes = await order.think(partial(_outcomes, order, deltas, rows, held, now))
        unsummed = [row for row, outcome in outcomes if isinstance(outcome, Judge)]
        await summed.await_judging(connection, unsummed)
        await want_verdicts(connection, {row[:2] for row in unsummed}, step.cause, priority)
        written = [(row, outcome) for row, outcome in outcomes if isinstance(outcome, NextVerdict)]
        if written:
            await _replace(connection, order, written, now)
    return True


async def _replace(
    connection: Connection, order: _Order, written: Sequence[tuple[Row, NextVerdict]], now: datetime
) -> None:
    digest = (order.known.digest if order.known is not None else None) or ""
    cause = order.step.cause
    ids = await summed.write(connection, [outcome.row for _, outcome in written], digest, cause, now, order.after)
    announced = [(*row, number) for row, number in zip(written, ids, strict=True)]
    if order.is_told:
        await transitions.go_on(connection, list(order.causes.numbers.values()))
    await tell(connection, order.services, order.causes, announced, cause, now)
    if order.causes.numbers and not order.is_told:
        order.is_told = True
        # Nothing that is to come holds this back: the next part goes on with the same causes.
        await transitions.complete(connection, order.step.account_id, sorted(order.causes.numbers.values()))


def _outcomes(
    order: _Order, deltas: SetDeltas, rows: Iterable[Row], held: dict[int, list[int]], now: datetime
) -> list[tuple[Row, NextVerdict | Judge]]:
    return [(row, _outcome(order, deltas, row, held.get(row.image_id, ()), now)) for row in rows]


def _outcome(order: _Order, deltas: SetDeltas, row: Row, sets: Iterable[int], now: datetime) -> NextVerdict | Judge:
    if (row.policy_version, row.exceptions_digest) != (
        order.before.version,
        order.difference.target.exceptions_digest,
    ):
        return JUDGE  # it was judged by something else than was in force
    if not row.is_matched or (row.has_unknowns and not order.difference.keeps_unknowns):
        return JUDGE
    some = deltas.of(sets)
    total = deltas.total(some)
    if total is None or total.is_doubtful:
        return JUDGE
    cause = order.causes.first
    delta = VerdictDelta(
        deltas.marker,
        is_doubtful=False,
        says=True,
        stops=total.stops,
        warns=total.warns,
        findings=total.findings,
        next_at=total.next_at,
        cause=cause,
        severity=max([-piece.lightness for piece in total.pieces], default=0),
        told=_notices(cause, total),
    )
    outcome = outcome_of(row, (delta,), now)
    if not isinstance(outcome, NextVerdict):
        return JUDGE
    changes = (deltas.marker, *(delta.number for delta in some if delta.number))
    return outcome._replace(row=outcome.row._replace(changes=changes))


def _notices(cause: str, total: PackageDelta) -> tuple[WorseningNotice, ...]:
    """The news, that which decides first."""
    kinds: dict[str, list[Piece]] = {}
    for piece in total.pieces:
        kinds.setdefault(piece.kind, []).append(piece)
    is_better = total.stops < 0
    ordered = sorted(kinds.items(), key=lambda item: ((item[0] == "finding.retracted") is not is_better, item[0]))
    return tuple(
        WorseningNotice(cause, kind, -some[0].lightness, [msgspec.Raw(piece.evidence) for piece in some])
        for kind, some in ordered
    )
