"""Judging and matching for answers: as Anchore judges, by what is stored, and kept for as long as it is made of the same."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Any, TypeVar

import msgspec

from hullmark.advisories.match.advisory_source import AdvisorySource
from hullmark.app.check import CheckOptions, find_needs, judge_by
from hullmark.app.vulns import MATCHING_READS, MatchOptions, match_scan
from hullmark.model.errors import HullmarkError
from hullmark.model.match import Matches
from hullmark.model.verdict import Outcome, Verdict, VerdictInputs
from hullmark.policy.context import NO_CONTEXT
from hullmark.scanning.request import ScanRequest
from hullmark.server.stories.advisories.advisories import SnapshotCache, current_snapshot
from hullmark.server.stories.images.analyse import means_of
from hullmark.server.stories.images.signed import Holding, state_of_signed
from hullmark.server.stories.images.stored import StoredFacts
from hullmark.server.stories.judging.evaluation import ANALYZER, digest_of_exceptions
from hullmark.server.stories.judging.exceptions import exceptions_for
from hullmark.server.stories.judging.loaded import load_policy
from hullmark.server.stories.services import Services
from hullmark.server.tables.advisories.snapshots import SnapshotRow
from hullmark.server.tables.images.images import HeldImage
from hullmark.server.tables.judging import policies
from hullmark.server.tables.judging.policies import ExceptionRow, PolicyVersion

PROFILE = "compat"
_KEEP = 60.0
"""Seconds that a verdict is answered again: some rules look at the time."""

_MOST = 64
_AT_ONCE = 2
_T = TypeVar("_T")


class DatedVerdict(msgspec.Struct, frozen=True):
    """A verdict, and the moment that counted as now."""

    verdict: Verdict
    at: datetime


class Judge:
    """Judges for one process. Results are cached by everything they depend on."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._snapshot_cache = SnapshotCache(services.objects, services.settings.data / "cache" / "snapshots")
        self._kept: OrderedDict[bytes, tuple[datetime, Any]] = OrderedDict()
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def verdict(self, account_id: int, row: HeldImage, version: PolicyVersion, tag: str) -> DatedVerdict:
        """What a policy says of an analysed image under a tag, in Anchore's own way."""
        async with self._services.database.system() as connection:
            snapshot = await current_snapshot(connection)
            excepted = tuple(await policies.exceptions(connection, account_id))
        now = self._services.clock()
        made_of = ("verdict", row.document, row.digest, row.dockerfile, version.name, version.digest, tag)
        holding = (account_id, row.id)
        signed = await asyncio.to_thread(_signed_at, self._services, version, holding)
        key = _key(*made_of, digest_of_exceptions(excepted), snapshot.digest if snapshot else "", *signed)

        def judge() -> DatedVerdict:
            facts = StoredFacts(self._services.objects, row.document, means_of(self._services), holding)
            with self._open_snapshot(snapshot) as source:
                options = CheckOptions(
                    profile=PROFILE, tag=tag, digest=row.digest, dockerfile=row.dockerfile, advisories=source
                )
                return DatedVerdict(_judge_facts(self._services, facts, version, excepted, options, now), now)

        return await self._find_or_make(key, now, judge)

    async def matches(self, row: HeldImage) -> Matches | None:
        """The matches of an analysed image; None if there are no advisories yet."""
        async with self._services.database.system() as connection:
            snapshot = await current_snapshot(connection)
        if snapshot is None:
            return None
        now = self._services.clock()
        day = now.date().isoformat()

        def match() -> Matches:
            facts = StoredFacts(self._services.objects, row.document, means_of(self._services))
            with self._snapshot_cache.opened(snapshot.digest, snapshot.object) as source:
                return match_scan(facts.look(ScanRequest(reads=MATCHING_READS)), source, MatchOptions(at=day))

        return await self._find_or_make(_key("matches", row.document, snapshot.digest, day), now, match)

    def _open_snapshot(self, snapshot: SnapshotRow | None) -> AbstractContextManager[AdvisorySource | None]:
        return self._snapshot_cache.opened(snapshot.digest, snapshot.object) if snapshot is not None else nullcontext()

    async def _find_or_make(self, key: bytes, now: datetime, make: Callable[[], _T]) -> _T:
        """What is kept, else what is made, a few at a time; who comes while it is made gets the same."""
        found: _T | None = self._find_kept(key, now)
        if found is not None:
            return found
        async with self._turn:
            found = self._find_kept(key, now)
            if found is not None:
                return found
            value = await asyncio.to_thread(make)
            self._kept[key] = (now, value)
            while len(self._kept) > _MOST:
                self._kept.popitem(last=False)
            return value

    def _find_kept(self, key: bytes, now: datetime) -> Any:
        kept = self._kept.get(key)
        return kept[1] if kept is not None and abs((now - kept[0]).total_seconds()) < _KEEP else None


def _signed_at(services: Services, version: PolicyVersion, holding: Holding) -> tuple[str, ...]:
    """What tells states of what is signed about an image apart, each account's own; nothing where the policy does not ask for it."""
    try:
        asks = find_needs(load_policy(version.text), NO_CONTEXT).signatures
    except HullmarkError:
        return ()
    if not asks:
        return ()
    return (*map(str, holding), state_of_signed(services.objects, holding))


def _key(*made_of: str) -> bytes:
    return hashlib.sha256(msgspec.json.encode(made_of)).digest()


def _judge_facts(
    services: Services,
    facts: StoredFacts,
    version: PolicyVersion,
    excepted: tuple[ExceptionRow, ...],
    options: CheckOptions,
    now: datetime,
) -> Verdict:
    """The verdict; `unknown` with the reason where none can be given."""
    try:
        exceptions = exceptions_for(excepted, version.name, options.tag or "")
        policy = load_policy(version.text)
        options = msgspec.structs.replace(options, exceptions=exceptions)
        return judge_by(facts.look, policy, now, means_of(services), options, facts.look_beside).verdict
    except HullmarkError as error:
        return Verdict(
            verdict=Outcome.UNKNOWN,
            reason=f"it cannot be judged: {error}",
            findings=(),
            problems=(),
            inputs=VerdictInputs(
                image=options.digest, policy=version.digest, snapshot=None, analyzer=ANALYZER, at=now.isoformat()
            ),
        )
