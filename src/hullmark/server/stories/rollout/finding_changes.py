"""A snapshot says something else of packages: what becomes of all verdicts on images that hold them, set by set, and who is told.

Each policy in force is asked about the changed packages alone, as they were and as they are (`sums`). What differs is added to the counts
of every image that holds them, in waves: what images are held against more comes first, the most urgent of it before all else. Images
whose verdicts are no sums are judged one by one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from hullmark.match.coordinates import Coordinate, package_of
from hullmark.model import notice
from hullmark.model.limit import Limit
from hullmark.model.match import Fix, Match, MatchKind, SnapshotInfo, Suppression
from hullmark.model.verdict import Outcome, Verdict, VerdictInputs
from hullmark.notify.causes import Pair, Scene, cause_of, evidence_of
from hullmark.notify.transitions import transitions_of
from hullmark.policy.load import load_any
from hullmark.policy.verdict_diff import Lookup, compare
from hullmark.server.stories.advisories.advisories import Books
from hullmark.server.stories.advisories.news import Thresholds
from hullmark.server.stories.judging.earlier import looking
from hullmark.server.stories.rollout import sums
from hullmark.server.stories.rollout.sums import PackageFindings, Sum, Target
from hullmark.server.stories.rollout.waves import CAUSE as CAUSE
from hullmark.server.stories.rollout.waves import work_off
from hullmark.server.stories.services import Services
from hullmark.server.tables.advisories import match_changes, matches
from hullmark.server.tables.advisories.match_changes import HeldPackage, MatchChange, Side
from hullmark.server.tables.advisories.snapshots import LAST_RANK
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import coordinates
from hullmark.server.tables.judging import policies
from hullmark.server.tables.rollout import adoptions, waves
from hullmark.server.tables.rollout.waves import ADDS, QUIET, TAKES, FindingChange

CHANGES = 5000
"""Changes of matches that are weighed at once."""
FIRST_IMAGES, EARLY_IMAGES = 1000, 10_000
"""Images that the first waves of a rank reach."""
MOST_OF_A_WAVE = Limit(100_000, "changes of findings that one wave takes", "later")
"""Changes of findings that one wave takes."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """From one snapshot to the next: their digests and youngest dates, the number of the new one, and when it came to be known.

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
        for active in await policies.activations(connection, account_id):
            version = await policies.version_by_id(connection, active.version_id)
            target = sums.target_of(account_id, version, exceptions) if version is not None else None
            if target is not None:
                found[target.key] = target
    return list(found.values())


async def thresholds(connection: Connection) -> Thresholds:
    """The bounds of scores that policies in force ask for."""
    texts = {
        version.text
        for account_id in await adoptions.accounts_with_policies(connection)
        for active in await policies.activations(connection, account_id)
        if (version := await policies.version_by_id(connection, active.version_id)) is not None
    }
    return sums.thresholds_of(load_any(text.encode()) for text in texts)


async def weigh_changes(services: Services, books: Books, step: Step, rank: int) -> bool:
    """Ask policies about some changes up to a rank; answers whether there may be more."""
    async with services.database.system() as connection:
        changes = await match_changes.take(connection, step.snapshot_id, rank, CHANGES)
        if not changes:
            return False
        targets = await targets_of(connection)
        cases, untold = await _cases(connection, changes)
        now = services.clock()
        made = await asyncio.to_thread(_looked_up, books, targets, (cases, untold), (step, now))
        await waves.add_changes(connection, step.snapshot_id, made)
    return True


async def _cases(connection: Connection, changes: Sequence[MatchChange]) -> tuple[list[_Case], set[int]]:
    """What is said of packages, as matches; and the packages of which something else cannot be told."""
    ids = {each.coordinate_id for each in changes}
    known = await coordinates.coordinates_by_id(connection, ids)
    held = await match_changes.packages_of(connection, ids)
    bodies = await match_changes.bodies_of(
        connection, {side.row.advisory_id for each in changes for side in (*each.before, *each.after)}
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
            coordinate = known[change.coordinate_id]
            sides = [
                tuple(_match(side, package, coordinate, bodies) for side in each)
                for each in (change.before, change.after)
            ]
            cases.append(_Case(package.id, change.name, sides[0], sides[1]))
    return cases, untold


def _match(side: Side, package: HeldPackage, coordinate: Coordinate, bodies: Mapping[int, bytes]) -> Match:
    row, weight = side.row, side.weight
    advisory = matches.advisory_of(bodies[row.advisory_id], weight)
    by = "distro" if side.exempt is not None else row.suppressed_by
    reason = side.exempt if side.exempt is not None else row.suppressed_reason
    return Match(
        package=msgspec.structs.replace(
            package_of(coordinate), name=package.name, version=package.version, arch=package.arch, purl=package.purl
        ),
        advisory=advisory,
        fix=msgspec.convert({"state": row.fix_state, "version": row.fix_version, "date": row.fix_date}, Fix),
        kind=msgspec.convert(row.kind, MatchKind),
        name=row.name,
        version=row.version,
        why=row.why,
        risk=weight.risk,
        confidence=row.confidence,
        suppressed=msgspec.convert({"by": by, "reason": reason}, Suppression) if by else None,
    )


def _looked_up(
    books: Books, targets: Sequence[Target], said: tuple[list[_Case], set[int]], about: tuple[Step, datetime]
) -> list[FindingChange]:
    with looking(books) as lookup:
        return _made(targets, *said, (*about, lookup))


def _made(
    targets: Sequence[Target], cases: Sequence[_Case], untold: set[int], about: tuple[Step, datetime, Lookup]
) -> list[FindingChange]:
    """What changes by policy and package, cases in their order."""
    step, now, _ = about
    at = sums.Moment(now, SnapshotInfo(digest=step.after, data_at=step.data_at))
    said: dict[str, list[_Change | None]] = {}
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
        if key not in said:
            before = sums.said_of(target.policy, [case.before for case in cases], at)
            after = sums.said_of(target.policy, [case.after for case in cases], at)
            said[key] = [_change(target, each, about) for each in zip(before, after, strict=True)]
        for place, change in enumerate(said[key]):
            if change is not None:
                found[place][number] = _new(target, cases[place].package_id, **change)
    return loose + [each for place, case in enumerate(cases) for each in _with_others(targets, case, found[place])]


def _with_others(targets: Sequence[Target], case: _Case, found: dict[int, FindingChange]) -> list[FindingChange]:
    """The changes of a case, also of versions by which it changes nothing, where another of the policy's is in force."""
    concerned = {(each.account_id, each.policy_id) for each in found.values()}
    made = []
    for number, target in enumerate(targets):
        if number in found:
            made.append(found[number])
        elif target.key[:2] in concerned:
            stage = min(each.stage for each in found.values() if (each.account_id, each.policy_id) == target.key[:2])
            made.append(_new(target, case.package_id, stage=stage))
    return made


_Change = dict[str, Any]
"""What a FindingChange says besides of whom."""


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


def _change(
    target: Target, said: tuple[PackageFindings, PackageFindings], about: tuple[Step, datetime, Lookup]
) -> _Change | None:
    total = sums.sum_of(target, *said)
    if total is None:
        return None
    if total.is_doubtful:
        return {"stage": ADDS, "is_doubtful": True}
    told = _told(target, total, said, about)
    takes = total.stops < 0 or (bool(told) and all(each["kind"] == "finding.retracted" for each in told))
    return {
        "stage": QUIET if not told else TAKES if takes else ADDS,
        "stops": total.stops,
        "warns": total.warns,
        "findings": total.findings,
        "next_at": total.next_at,
        "lost": [list(key) for key in total.lost],
        "gained": [msgspec.to_builtins(finding) for finding in total.gained],
        "told": told,
    }


# What is told


def _told(
    target: Target, total: Sum, said: tuple[PackageFindings, PackageFindings], about: tuple[Step, datetime, Lookup]
) -> list[dict[str, Any]]:
    """What is told of an image that is out of compliance anyway, and the cause, which is also that of coming out of it, or back in."""
    step, now, lookup = about
    before, after = (
        Verdict(
            verdict=Outcome.STOP,
            reason="",
            findings=tuple(each.findings[key] for key in sorted(each.findings)),
            problems=(),
            inputs=VerdictInputs(image="", policy="", snapshot=digest, analyzer="", at=""),
            rule_count=1,
        )
        for each, digest in zip(said, (step.before, step.after), strict=True)
    )
    scene = Scene(
        image_id=None,
        image_digest="",
        policy_id=target.policy_id,
        policy=target.name,
        environment="",
        reference="",
        at=now,
        snapshot=str(step.snapshot_id),
        seen={"advisory": step.seen_at},
    )
    told = [
        _entry(news.cause, transition.kind, transition.severity, transition.evidence)
        for news in transitions_of(before, after, scene, lookup)
        for transition in news.transitions
    ]
    if told or not total.stops:
        return told
    difference = compare(before, after, lookup)
    changes = difference.changes[:1]
    cause = cause_of(changes[0].cause, changes[0].compared, changes, Pair(before, after), scene)
    return [_entry(cause, "", cause.severity, tuple(map(evidence_of, changes)))]


def _entry(cause: notice.Cause, kind: str, severity: str, evidence: tuple[notice.Evidence, ...]) -> dict[str, Any]:
    return {
        "cause": cause.key,
        "kind": kind,
        "severity": severity,
        "evidence": [msgspec.to_builtins(each) for each in evidence],
        "about": msgspec.to_builtins(msgspec.structs.replace(cause, evidence=())),
    }


# In waves


async def rejudge(services: Services, books: Books, step: Step, rank: int) -> None:
    """Carry out what is known up to a rank. Before the last rank only causes that reach few images, so that people hear of them at once;
    then, in one go, all that is left, also what takes from what images are held against."""
    while await weigh_changes(services, books, step, rank):
        pass
    await work_off(services, step.snapshot_id, step.after, is_day=step.is_day)
    for images in (FIRST_IMAGES, EARLY_IMAGES):
        if await _open(services, step, (ADDS,), images):
            await work_off(services, step.snapshot_id, step.after, is_day=step.is_day)
    for stages in ((ADDS, TAKES), (QUIET,)) if rank == LAST_RANK else ():
        while await _open(services, step, stages):
            await work_off(services, step.snapshot_id, step.after, is_day=step.is_day)


async def _open(services: Services, step: Step, stages: tuple[int, ...], images: int | None = None) -> bool:
    """Begin a wave; answers whether there was anything to do."""
    async with services.database.system() as connection:
        found = await waves.open_wave(connection, step.snapshot_id, stages, MOST_OF_A_WAVE, images)
    return found is not None
