"""What held of an image at a moment: as it was judged then, or as it would have been with the advisories of today."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import nullcontext
from datetime import datetime
from typing import NamedTuple

import msgspec

from hullmark.app.check import judge_by
from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import Action
from hullmark.policy.verdict_diff import Difference, compare
from hullmark.server.stories.advisories.advisories import SnapshotCache, current_snapshot
from hullmark.server.stories.images.analyse import means_of
from hullmark.server.stories.images.documents import KeptVerdict, verdict_at
from hullmark.server.stories.images.stored import StoredFacts
from hullmark.server.stories.judging.earlier import Basis, as_compared, looking
from hullmark.server.stories.judging.evaluation import ANALYZER, count_of
from hullmark.server.stories.judging.exceptions import asked_for, exceptions_for
from hullmark.server.stories.judging.loaded import load_policy
from hullmark.server.stories.judging.selection import SelectedVersion, choose
from hullmark.server.stories.services import Services
from hullmark.server.tables.advisories.snapshots import SnapshotRow
from hullmark.server.tables.images.images import HeldImage
from hullmark.server.tables.judging import policies, verdicts
from hullmark.server.tables.judging.policies import ExceptionRow, PolicyVersion
from hullmark.server.tables.judging.verdicts import VerdictRow


class PastVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What a policy said of an image in an environment, at a moment. `is_hindsight`: with today's advisories, which nobody had then.

    `number` is that of the history (None: it was never written down), `kept` the whole verdict (None: its document is lost).
    """

    policy_id: int
    policy: str
    policy_version: int
    environment: str
    verdict: str
    reason: str
    stops: int
    warns: int
    snapshot_digest: str
    number: int | None = None
    is_hindsight: bool = False
    kept: KeptVerdict | None = None


class _PastState(NamedTuple):
    """What was in force for an image at a moment, and what counted besides."""

    chosen: tuple[SelectedVersion, ...]
    versions: dict[int, PolicyVersion]
    exceptions: tuple[ExceptionRow, ...]
    rows: tuple[VerdictRow, ...]
    snapshot: SnapshotRow | None


async def known_then(services: Services, account_id: int, image: HeldImage, moment: datetime) -> list[PastVerdict]:
    """The verdicts that held at a moment, by what was known and in force then."""
    then = await _then(services, account_id, image, moment)
    slots = {(choice.activation.policy_id, choice.activation.environment) for choice in then.chosen}
    rows = [row for row in then.rows if (row.policy_id, row.environment) in slots]
    return await asyncio.to_thread(lambda: [_as_kept(services, row) for row in rows])


async def with_hindsight(
    services: Services, snapshot_cache: SnapshotCache, account_id: int, image: HeldImage, moment: datetime
) -> list[PastVerdict]:
    """The same with the advisories that count today, and what is known to be signed: by the policies and exceptions of then, the moment as
    now. Nothing is written."""
    then = await _then(services, account_id, image, moment)
    return await asyncio.to_thread(_judge_past, services, snapshot_cache, account_id, image, then, moment)


async def _then(services: Services, account_id: int, image: HeldImage, moment: datetime) -> _PastState:
    async with services.database.tenant(account_id) as connection:
        active = [row for row in await policies.activations(connection, account_id, moment) if not row.is_shadow]
        versions = await policies.versions_by_ids(connection, {row.version_id for row in active})
        exceptions = await policies.exceptions(connection, account_id, as_of=moment)
        rows = await verdicts.as_of(connection, account_id, image.id, moment, moment)
        snapshot = await current_snapshot(connection)
    references = tuple(dict.fromkeys((*image.tags, image.reference) if image.reference else image.tags))
    return _PastState(choose(active, references), versions, tuple(exceptions), tuple(rows), snapshot)


def _as_kept(services: Services, row: VerdictRow) -> PastVerdict:
    try:
        kept = as_compared(
            verdict_at(services.objects, row),
            row.image_digest,
            Basis(row.policy_digest, row.snapshot_digest, row.analyzer),
        )
    except HullmarkError:
        kept = None
    return PastVerdict(
        policy_id=row.policy_id,
        policy=row.policy,
        policy_version=row.policy_version,
        environment=row.environment,
        verdict=row.verdict,
        reason=row.reason,
        stops=row.stops,
        warns=row.warns,
        snapshot_digest=row.snapshot_digest,
        number=row.id,
        kept=kept,
    )


def _judge_past(
    services: Services,
    snapshot_cache: SnapshotCache,
    account_id: int,
    image: HeldImage,
    then: _PastState,
    moment: datetime,
) -> list[PastVerdict]:
    if not then.chosen:
        return []
    facts = StoredFacts(services.objects, image.document, means_of(services), (account_id, image.id))
    snapshot = then.snapshot
    opened = snapshot_cache.opened(snapshot.digest, snapshot.object) if snapshot is not None else nullcontext()
    found = []
    with opened as source:
        for choice in then.chosen:
            version = then.versions[choice.activation.version_id]
            exceptions = exceptions_for(then.exceptions, version.name, choice.reference)
            options = asked_for(choice, image, source, exceptions)
            policy = load_policy(version.text)
            checked = judge_by(facts.look, policy, moment, means_of(services), options, facts.look_beside)
            values = {name: getattr(checked.verdict, name) for name in type(checked.verdict).__struct_fields__}
            basis = Basis(version.digest, snapshot.digest if snapshot is not None else "", ANALYZER)
            kept = as_compared(KeptVerdict(**values, extractors=image.fingerprint), image.digest, basis)
            found.append(_in_hindsight(choice, version, kept, basis))
    return found


def _in_hindsight(choice: SelectedVersion, version: PolicyVersion, kept: KeptVerdict, basis: Basis) -> PastVerdict:
    return PastVerdict(
        policy_id=version.policy_id,
        policy=version.name,
        policy_version=version.version,
        environment=choice.activation.environment,
        verdict=kept.verdict.value,
        reason=kept.reason,
        stops=count_of(kept, Action.STOP),
        warns=count_of(kept, Action.WARN),
        snapshot_digest=basis.snapshot_digest,
        is_hindsight=True,
        kept=kept,
    )


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy said in one environment at two moments (None: it was not in force), and what they differ in (None: nothing is known
    of that)."""

    policy: str
    environment: str
    before: PastVerdict | None
    after: PastVerdict | None
    difference: Difference | None


def pair_verdicts(
    snapshot_cache: SnapshotCache, before: Iterable[PastVerdict], after: Iterable[PastVerdict]
) -> list[Pair]:
    """The verdicts of two moments beside each other, by policy and environment, each with the one cause. For a thread."""
    olds, news = ({(row.policy, row.environment): row for row in rows} for rows in (before, after))
    with looking(snapshot_cache) as lookup:
        return [
            Pair(
                policy=policy,
                environment=environment,
                before=(old := olds.get((policy, environment))),
                after=(new := news.get((policy, environment))),
                difference=compare(old.kept, new.kept, lookup)
                if old is not None and new is not None and old.kept is not None and new.kept is not None
                else None,
            )
            for policy, environment in sorted(olds.keys() | news.keys())
        ]
