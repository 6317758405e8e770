"""A snapshot says something else of packages: what becomes of all verdicts on images that hold them, set by set, and who is told.

Each policy in force is asked about the changed packages alone, as they were and as they are (`sums`). What differs is added to the counts
of every image that holds them, in waves: what images are held against more comes first, the most urgent of it before all else. Images
whose verdicts are not sums are judged one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

import msgspec

from hullmark.advisories.match.coordinates import Coordinate, package_of
from hullmark.advisories.match.coverage import snapshot_info
from hullmark.model.advisory import FixState
from hullmark.model.limit import Limit
from hullmark.model.match import Fix, Match, MatchKind, Suppression
from hullmark.model.package import Package
from hullmark.model.verdict import VerdictInputs
from hullmark.notify.scene import Scene
from hullmark.policy.verdict_diff import Lookup
from hullmark.server.stories.advisories.advisories import SnapshotCache, object_of
from hullmark.server.stories.advisories.news import Thresholds
from hullmark.server.stories.judging.earlier import looking
from hullmark.server.stories.judging.loaded import load_policy
from hullmark.server.stories.rollout import sums
from hullmark.server.stories.rollout.announcements import announcements
from hullmark.server.stories.rollout.sums import PackageFindings, Target
from hullmark.server.stories.rollout.waves import CAUSE as CAUSE
from hullmark.server.stories.rollout.waves import work_off
from hullmark.server.stories.services import Services
from hullmark.server.tables import jobs
from hullmark.server.tables.advisories import match_changes, matches
from hullmark.server.tables.advisories.match_changes import HeldPackage, MatchChange, Side
from hullmark.server.tables.advisories.snapshots import LAST_RANK
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import coordinates
from hullmark.server.tables.judging import policies, policy_costs
from hullmark.server.tables.judging.policies import PolicyVersion
from hullmark.server.tables.rollout import adoptions, waves
from hullmark.server.tables.rollout.waves import ADDS, QUIET, TAKES, FindingChange

CHANGES = 5000
"""Changes of matches that are weighed at once."""
FIRST_IMAGES, EARLY_IMAGES = 1000, 10_000
"""Images that the first waves of a rank reach."""
MOST_OF_A_WAVE = Limit(100_000, "changes of findings that one wave takes", "later")
"""Changes of findings that one wave takes."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """From one snapshot to the next: their digests and newest dates, the number of the new one, and when it became known.

    `is_day`: from one day to the next, with the snapshot that counted already. Verdicts that were made with it may be of the day before.
    """

    snapshot_id: int
    before: str
    after: str
    before_at: str
    data_at: str
    seen_at: datetime
    is_day: bool = False


class _Case(NamedTuple):
    """One vulnerability in one package, as it was and is said."""

    package_id: int
    name: str
    before: tuple[Match, ...]
    after: tuple[Match, ...]


# What policies make of it


async def targets_of(connection: Connection, accounts: Iterable[int] | None = None) -> list[Target]:
    """All versions of policies that are in force, and to which advisories matter."""
    found: dict[tuple[int, int, int], Target] = {}
    for account_id in accounts if accounts is not None else await adoptions.accounts_with_policies(connection):
        exceptions = await policies.exceptions(connection, account_id)
        for version in await _versions(connection, account_id):
            is_costly = await policy_costs.is_costly(connection, version.id)
            target = await asyncio.to_thread(sums.target_of, account_id, version, exceptions, is_costly=is_costly)
            if target is not None:
                found[target.key] = target
    return list(found.values())


async def _versions(connection: Connection, account_id: int) -> list[PolicyVersion]:
    """The versions that verdicts are by: those in force, and those from which verdicts are still being brought to newer ones."""
    active = {activation.version_id for activation in await policies.activations(connection, account_id)}
    known = await policies.versions_by_ids(
        connection, active.union(await jobs.versions_carried(connection, account_id))
    )
    return [version for _, version in sorted(known.items())]


async def thresholds(connection: Connection) -> Thresholds:
    """The bounds of scores that policies in force ask for."""
    texts = {
        version.text
        for account_id in await adoptions.accounts_with_policies(connection)
        for version in await _versions(connection, account_id)
    }
    return await asyncio.to_thread(lambda: sums.thresholds_of(load_policy(text) for text in sorted(texts)))


async def weigh_changes(services: Services, snapshot_cache: SnapshotCache, step: Step, rank: int) -> bool:
    """Ask policies about some changes up to a rank; returns whether there may be more."""
    async with services.database.system() as connection:
        changes = await match_changes.take(connection, step.snapshot_id, rank, CHANGES)
        if not changes:
            return False
        targets = await targets_of(connection)
        cases = await _cases(connection, changes)
        now = services.clock()
        weighed = await asyncio.to_thread(_looked_up, snapshot_cache, targets, cases, step, now)
        await waves.add_changes(connection, step.snapshot_id, weighed)
    return True


class _Cases(NamedTuple):
    """Changed packages with their matches, and the ids of packages about which something else is unknown."""

    known: list[_Case]
    untold: set[int]


class _Context(NamedTuple):
    """The step of the roll-out, the moment that counts as now with the new snapshot, and a look-up in both snapshots."""

    step: Step
    at: sums.Moment
    lookup: Lookup


async def _cases(connection: Connection, changes: Sequence[MatchChange]) -> _Cases:
    """The packages that the changes are about."""
    ids = {change.coordinate_id for change in changes}
    known = await coordinates.coordinates_by_id(connection, ids)
    held = await match_changes.packages_of(connection, ids)
    bodies = await match_changes.bodies_of(
        connection, {side.row.advisory_id for change in changes for side in (*change.before, *change.after)}
    )
    cases: list[_Case] = []
    untold: set[int] = set()
    for change in changes:
        for package in held.get(change.coordinate_id, ()):
            if package.id != change.package_id and (
                change.package_id is not None or (package.is_owned and change.name)
            ):
                continue
            if not change.name:
                untold.add(package.id)
                continue
            matched = matched_package(package, known[change.coordinate_id])
            sides = [
                tuple(match_of(side, matched, bodies) for side in sides) for sides in (change.before, change.after)
            ]
            cases.append(_Case(package.id, change.name, sides[0], sides[1]))
    return _Cases(cases, untold)


def matched_package(package: HeldPackage, coordinate: Coordinate) -> Package:
    """A package as matches name it."""
    return msgspec.structs.replace(
        package_of(coordinate), name=package.name, version=package.version, arch=package.arch, purl=package.purl
    )


def match_of(side: Side, package: Package, bodies: Mapping[int, bytes]) -> Match:
    """A match that is stored, as `find` says it. `bodies` are those of advisories, by number."""
    row, weight = side.row, side.weight
    by = "distro" if side.exempt is not None else row.suppressed_by
    reason = side.exempt if side.exempt is not None else row.suppressed_reason
    return Match(
        package=package,
        advisory=matches.advisory_of(bodies[row.advisory_id], weight),
        fix=Fix(state=cast("FixState", row.fix_state), version=row.fix_version, date=row.fix_date),
        kind=cast("MatchKind", row.kind),
        name=row.name,
        version=row.version,
        why=row.why,
        risk=weight.risk,
        confidence=row.confidence,
        suppressed=msgspec.convert({"by": by, "reason": reason}, Suppression) if by else None,
    )


def _looked_up(
    snapshot_cache: SnapshotCache, targets: Sequence[Target], cases: _Cases, step: Step, now: datetime
) -> list[FindingChange]:
    with looking(snapshot_cache) as lookup, snapshot_cache.opened(step.after, object_of(step.after)) as source:
        at = sums.Moment(now, snapshot_info(source, now.date().isoformat()))
        return _finding_changes(targets, cases.known, cases.untold, _Context(step, at, lookup))


def _finding_changes(
    targets: Sequence[Target], cases: Sequence[_Case], untold: set[int], context: _Context
) -> list[FindingChange]:
    """What changes by policy and package, cases in their order."""
    at = context.at
    results: dict[str, list[_Change | None]] = {}
    found: list[dict[int, FindingChange]] = [{} for _ in cases]
    loose: list[FindingChange] = []
    for number, target in enumerate(targets):
        if target.policy is None or target.asks_untold:
            loose += (_doubtful(target, package) for package in sorted(untold))
        if target.policy is None:
            for place, case in enumerate(cases):
                found[place][number] = _doubtful(target, case.package_id)
            continue
        # Policies that say the same find the same, in whatever account.
        key = f"{target.policy.digest} {target.narrowed}"
        if key not in results:
            before = sums.said_of(target.policy, [case.before for case in cases], at)
            after = sums.said_of(target.policy, [case.after for case in cases], at)
            results[key] = [_change(target, pair, context) for pair in zip(before, after, strict=True)]
        for place, change in enumerate(results[key]):
            if change is not None:
                found[place][number] = _new(target, cases[place].package_id, **change)
    return loose + [
        outcome for place, case in enumerate(cases) for outcome in _with_others(targets, case, found[place])
    ]


def _with_others(targets: Sequence[Target], case: _Case, found: dict[int, FindingChange]) -> list[FindingChange]:
    """The changes of a case, also for versions without a change if another version of the policy is in force. Those of one policy are
    written in one stage: what a wave does not know of a version is judged as a whole."""
    stages: dict[tuple[int, int], int] = {}
    for change in found.values():
        policy = (change.account_id, change.policy_id)
        stages[policy] = min(stages.get(policy, change.stage), change.stage)
    changes = []
    for number, target in enumerate(targets):
        stage = stages.get(target.key[:2])
        if stage is not None:
            known = found.get(number)
            changes.append(
                msgspec.structs.replace(known, stage=stage) if known else _new(target, case.package_id, stage=stage)
            )
    return changes


_Change = dict[str, Any]
"""The fields of a FindingChange other than its target."""


def _new(target: Target, package_id: int, **values: Any) -> FindingChange:
    return FindingChange(
        account_id=target.account_id,
        policy_id=target.policy_id,
        policy_version=target.version,
        exceptions_digest=target.exceptions_digest,
        package_id=package_id,
        **values,
    )


def _doubtful(target: Target, package_id: int) -> FindingChange:
    return _new(target, package_id, stage=ADDS, is_doubtful=True)


def _change(target: Target, findings: tuple[PackageFindings, PackageFindings], context: _Context) -> _Change | None:
    total = sums.sum_of(target, *findings)
    if total is None:
        return None
    if total.is_doubtful:
        return {"stage": ADDS, "is_doubtful": True}
    entries = announcements(total, findings, _sides(context), _scene(target, context), context.lookup)
    takes = total.stops < 0 or (bool(entries) and all(entry["kind"] == "finding.retracted" for entry in entries))
    return {
        "stage": QUIET if not entries else TAKES if takes else ADDS,
        "stops": total.stops,
        "warns": total.warns,
        "findings": total.findings,
        "next_at": total.next_at,
        "lost": [list(key) for key in total.lost],
        "gained": [msgspec.to_builtins(finding) for finding in total.gained],
        "told": entries,
    }


def _sides(context: _Context) -> tuple[VerdictInputs, VerdictInputs]:
    before, after = (
        VerdictInputs(image="", policy="", snapshot=digest, analyzer="", at="")
        for digest in (context.step.before, context.step.after)
    )
    return before, after


def _scene(target: Target, context: _Context) -> Scene:
    return Scene(
        image_id=None,
        image_digest="",
        policy_id=target.policy_id,
        policy=target.name,
        environment="",
        reference="",
        at=context.at.now,
        snapshot=str(context.step.snapshot_id),
        seen={"advisory": context.step.seen_at},
    )


# In waves


async def rejudge(services: Services, snapshot_cache: SnapshotCache, step: Step, rank: int) -> None:
    """Carry out what is known up to a rank. Before the last rank only causes that reach few images, so that people hear of them at once;
    then, in one go, all that is left, also what takes from what images are held against."""
    while await weigh_changes(services, snapshot_cache, step, rank):
        pass
    await work_off(services, step.snapshot_id, step.after, is_day=step.is_day)
    for images in (FIRST_IMAGES, EARLY_IMAGES):
        if await _open(services, step, (ADDS,), images):
            await work_off(services, step.snapshot_id, step.after, is_day=step.is_day)
    for stages in ((ADDS, TAKES), (QUIET,)) if rank == LAST_RANK else ():
        while await _open(services, step, stages):
            await work_off(services, step.snapshot_id, step.after, is_day=step.is_day)


async def _open(services: Services, step: Step, stages: tuple[int, ...], images: int | None = None) -> bool:
    """Begin a wave; returns whether there was anything to do."""
    async with services.database.system() as connection:
        found = await waves.open_wave(connection, step.snapshot_id, stages, MOST_OF_A_WAVE, images)
    return found is not None
