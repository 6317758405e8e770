"""A draft is tried on all analysed images of an account, beside what is in force, some images at a time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from hullmark.app.check import CheckOptions, judge_by
from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import Finding, Outcome, Verdict, VerdictInputs
from hullmark.policy.languages import AnyPolicy
from hullmark.server.stories.advisories.advisories import SnapshotCache
from hullmark.server.stories.images.analyse import means_of
from hullmark.server.stories.images.documents import verdict_at
from hullmark.server.stories.images.stored import StoredFacts
from hullmark.server.stories.judging.evaluation import ANALYZER, Inputs
from hullmark.server.stories.judging.exceptions import exceptions_for
from hullmark.server.stories.judging.judge import inputs_of, open_advisories
from hullmark.server.stories.judging.loaded import load_policy
from hullmark.server.stories.judging.turn import Turn
from hullmark.server.stories.services import Services
from hullmark.server.tables import jobs
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import images
from hullmark.server.tables.judging import policies, simulations, verdicts
from hullmark.server.tables.judging.policies import ExceptionRow
from hullmark.server.tables.judging.simulations import FlipRow, RuleHits, SimulationRow, TriedImages
from hullmark.server.tables.judging.verdicts import VerdictRow

_AT_ONCE = 20
_SHOWN = 100
_LONGEST = 2000


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A draft that is tried, with the account's exceptions, as of `now`."""

    row: SimulationRow
    draft: AnyPolicy
    exceptions: tuple[ExceptionRow, ...]
    now: datetime


async def want_simulation(connection: Connection, account_id: int, key: UUID) -> None:
    """Have a draft tried, or tried on."""
    args = {"simulation_id": str(key), "account_id": account_id}
    await jobs.defer(connection, "simulate", args, once=f"simulate:{key}", queue=jobs.COSTLY, priority=5)


async def simulate(services: Services, snapshot_cache: SnapshotCache, key: str) -> None:
    """Try a draft, going on where it was stopped, until it is others' turn; what went wrong is written down."""
    async with services.database.system() as connection:
        row = await simulations.by_id(connection, UUID(key))
        if row is None:
            return
        total = await images.count_analysed(connection, row.account_id)
        row = await simulations.begin(connection, row.id, total)
    if row is None:
        return
    try:
        draft = load_policy(row.draft)
        turn = Turn()
        row = await _some(services, snapshot_cache, row, draft)
        while row is not None and not turn.is_over():
            row = await _some(services, snapshot_cache, row, draft)
        async with services.database.system() as connection:
            if row is not None:
                await want_simulation(connection, row.account_id, row.id)
    except HullmarkError as error:
        async with services.database.system() as connection:
            await simulations.end(connection, UUID(key), "failed", str(error)[:2000])


async def _some(
    services: Services, snapshot_cache: SnapshotCache, row: SimulationRow, draft: AnyPolicy
) -> SimulationRow | None:
    """Judge the next images; returns the trial's new state, None if it is over."""
    async with services.database.system() as connection:
        some = await images.analysed_of(connection, row.account_id, row.last_image, _AT_ONCE)
        if not some:
            await simulations.end(connection, row.id, "done")
            return None
        inputs = await inputs_of(connection, row.account_id, some)
        current = await verdicts.current_of(connection, row.account_id, some)
        wanted = [(image_inputs, list(current.get(image_id, ()))) for image_id, image_inputs in inputs.items()]
        # Not those of the inputs: they are empty where nothing is in force yet.
        exceptions = tuple(await policies.exceptions(connection, row.account_id))
    trial = Trial(row=row, draft=draft, exceptions=exceptions, now=services.clock())
    found = await asyncio.to_thread(_try_draft, services, snapshot_cache, trial, wanted)
    last = some[-1] if found.last is None else found.last
    async with services.database.system() as connection:
        await jobs.count_judging(connection, row.account_id, found.seconds)
        tried = TriedImages(last_image=last, seen=some.index(last) + 1, flips=found.flips, hits=found.hits)
        if not await simulations.advance(connection, row, tried):
            return None
        return await simulations.by_id(connection, row.id)


class _TrialResult(NamedTuple):
    """What differs, how often rules fire, the processor time that it took, and the last image of those looked at (None: it is all)."""

    flips: list[FlipRow]
    hits: list[RuleHits]
    seconds: float
    last: int | None


def _try_draft(
    services: Services, snapshot_cache: SnapshotCache, trial: Trial, wanted: list[tuple[Inputs, list[VerdictRow]]]
) -> _TrialResult:
    flips: list[FlipRow] = []
    verdicts_of: list[tuple[Verdict | None, Verdict]] = []
    turn, began, seconds = Turn(), time.thread_time(), 0.0
    last: int | None = None
    for inputs, current in wanted:
        if last is not None and turn.is_over():
            return _TrialResult(flips, _hits(verdicts_of), seconds + time.thread_time() - began, last)
        checked = _judge_by_draft(services, snapshot_cache, inputs, trial)
        seconds += checked.seconds
        before = _before(services, current, trial.row.environment)
        verdicts_of.append((before, checked.verdict))
        flip = _flip(inputs, before, checked.verdict)
        if flip is not None:
            flips.append(flip)
        last = inputs.image.id
    return _TrialResult(flips, _hits(verdicts_of), seconds + time.thread_time() - began, None)


def _hits(pairs: Iterable[tuple[Verdict | None, Verdict]]) -> list[RuleHits]:
    """How often each rule fires, before and after; what exceptions cover is left out."""
    before, after, findings = Counter[str](), Counter[str](), Counter[str]()
    for old, new in pairs:
        before.update(_count_fired_rules(old).keys())
        fired = _count_fired_rules(new)
        after.update(fired.keys())
        findings.update(fired)
    return [
        RuleHits(rule=rule, before=before[rule], after=after[rule], findings=findings[rule])
        for rule in sorted(before | after)
    ]


def _count_fired_rules(verdict: Verdict | None) -> Counter[str]:
    found = verdict.findings if verdict is not None else ()
    return Counter(
        finding.rule_id.replace("\0", "\ufffd")[:_LONGEST]
        for finding in found
        if finding.allowlisted is None or "stage" in finding.allowlisted
    )


class _DraftVerdict(NamedTuple):
    """A draft's verdict, and the processor time of its expressions."""

    verdict: Verdict
    seconds: float


def _judge_by_draft(services: Services, snapshot_cache: SnapshotCache, inputs: Inputs, trial: Trial) -> _DraftVerdict:
    """The draft's verdict on one image. A fault only affects this image: its verdict is unknown."""
    reference = inputs.held.tags[0] if inputs.held.tags else inputs.held.reference
    exceptions = exceptions_for(trial.exceptions, trial.row.policy or trial.draft.name, reference)
    try:
        holding = (trial.row.account_id, inputs.image.id)
        facts = StoredFacts(services.objects, inputs.image.document, means_of(services), holding)
        with open_advisories(snapshot_cache, inputs) as source:
            options = CheckOptions(
                tag=reference,
                digest=inputs.image.digest,
                dockerfile=inputs.held.dockerfile,
                advisories=source,
                environment=trial.row.environment,
                exceptions=exceptions,
            )
            checked = judge_by(facts.look, trial.draft, trial.now, means_of(services), options, facts.look_beside)
            return _DraftVerdict(checked.verdict, checked.seconds)
    except HullmarkError as error:
        stated = VerdictInputs(
            image=inputs.image.digest,
            policy=trial.draft.digest,
            snapshot=inputs.snapshot_digest or None,
            analyzer=ANALYZER,
            at=trial.now.isoformat(),
        )
        reason = f"it cannot be judged: {error}"
        return _DraftVerdict(
            Verdict(verdict=Outcome.UNKNOWN, reason=reason, findings=(), problems=(), inputs=stated), 0.0
        )


def _before(services: Services, current: list[VerdictRow], environment: str) -> Verdict | None:
    """What is in force in the environment, else in any."""
    fitting = [row for row in current if row.environment in (environment, "")]
    if not fitting:
        return None
    row = max(fitting, key=lambda current: current.environment)
    return verdict_at(services.objects, row)


def _flip(inputs: Inputs, before: Verdict | None, after: Verdict) -> FlipRow | None:
    """What is different, None if nothing is."""
    old = {_key(finding) for finding in before.findings if finding.allowlisted is None} if before is not None else set()
    new = {_key(finding): finding for finding in after.findings if finding.allowlisted is None}
    word = before.verdict.value if before is not None else ""
    if word == after.verdict.value and old == new.keys():
        return None
    reasons = [f"{new[key].rule_id}: {new[key].message}" for key in new if key not in old]
    reasons += [f"no longer: {gate} {trigger} on {subject}" for gate, trigger, subject, _ in sorted(old - new.keys())]
    if after.verdict is Outcome.UNKNOWN:
        reasons.insert(0, after.reason)
    return FlipRow(
        image_id=inputs.image.id,
        digest=inputs.image.digest,
        reference=inputs.held.tags[0] if inputs.held.tags else inputs.held.reference,
        before=word,
        after=after.verdict.value,
        reasons=[reason.replace("\0", "\ufffd")[:_LONGEST] for reason in reasons[:_SHOWN]],
    )


def _key(finding: Finding) -> tuple[str, str, str, str]:
    return finding.gate, finding.trigger, finding.subject, finding.action.value
