"""An image that waits is analysed: by one worker, which holds it as long as it gives signs of life."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext, suppress
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec

from hullmark.advisories.database.snapshot import Snapshot
from hullmark.model.errors import HullmarkError
from hullmark.model.image import Image
from hullmark.model.inventory import Inventory
from hullmark.model.notice import Cause, Evidence, Transition
from hullmark.model.policy_facts import PolicyFacts
from hullmark.model.reference import Reference, parse_reference
from hullmark.net.errors import NetError
from hullmark.policy.gate import FACETS, Need
from hullmark.scanning.facets import facets_for
from hullmark.scanning.following import reach_request
from hullmark.scanning.request import ScannerPlaces, ScanRequest, ScanResources
from hullmark.scanning.scan import scan_image
from hullmark.scanning.stored_image import stored_image
from hullmark.server.objects.object_keep import ObjectKeep
from hullmark.server.objects.objects import ObjectsUnreachable
from hullmark.server.stories.advisories.advisories import SnapshotCache, current_snapshot
from hullmark.server.stories.advisories.matching import READS, matchable, take_in
from hullmark.server.stories.images.documents import StoredAnalysis, fingerprint, put_analysis
from hullmark.server.stories.images.folders import content_facet, put_folders
from hullmark.server.stories.images.logins import RegistryLogin, asking, login_for
from hullmark.server.stories.images.reached import keep_reach
from hullmark.server.stories.images.register import want_analysis, want_look, want_verdict
from hullmark.server.stories.images.signed import RegistryImage, look_beside
from hullmark.server.stories.images.uploads import forget_upload, opened_upload
from hullmark.server.stories.muting import is_muted
from hullmark.server.stories.services import Services
from hullmark.server.tables import events
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.database import Connection, DatabaseUnreachable
from hullmark.server.tables.images import coordinates, images, leases
from hullmark.server.tables.images.images import ImageRow
from hullmark.server.tables.images.leases import AnalysisOutcome, Failure, ReleasedLease
from hullmark.server.tables.images.registries import registries
from hullmark.server.tables.notice import transitions
from hullmark.server.tables.slots import slot
from hullmark.server.tasks import end_task
from hullmark.source import open_image
from hullmark.source.source import RegistryUnwell

_PASSING = (NetError, RegistryUnwell, ObjectsUnreachable, DatabaseUnreachable)
_LONGEST_PAUSE = 900.0
_BUSY_PAUSES = (2.0, 5.0)
_MUTED_PAUSES = (60.0, 90.0)
_TRIES = 5
_WRITES_BEHIND = 4
_ANALYSED = "image analysed"
_PAUSE = 0.5
_T = TypeVar("_T")


class AnalysisResult(msgspec.Struct, frozen=True, kw_only=True):
    """The result of reading an image: what is stored of it, and its packages. `looked_for` are the accounts for which it was looked at what
    others signed about it (None: there is no registry to ask)."""

    outcome: AnalysisOutcome
    inventory: Inventory
    looked_for: tuple[int, ...] | None = None


class _ImageOrigin(msgspec.Struct, frozen=True):
    """Where an image is available from: a reference in a registry, the login that accounts have there, and these accounts.

    `tagged` is the reference as the first of them wrote it: it may lead to an index, which is signed in place of the image."""

    reference: Reference
    login: RegistryLogin | None
    tagged: str
    accounts: tuple[int, ...]


class _Busy(Exception):
    """No registry may be asked for the image now; `pauses`: between how many seconds it waits."""

    def __init__(self, pauses: tuple[float, float] = _BUSY_PAUSES) -> None:
        super().__init__()
        self.pauses = pauses


async def analyse(services: Services, snapshot_cache: SnapshotCache, image_id: int, worker: str) -> str:
    """Analyse an image that waits, as `worker`. A failure is written down, or is tried again later.

    Returns the outcome: `analysed`, `failed`, `kept` (failed, and an earlier analysis counts on), `put off`, `lost` (another
    has the image by now), or "" if it need not be analysed.
    """
    settings = services.settings
    async with services.database.system() as connection:
        row = await leases.take(connection, image_id, worker, settings.lease)
        places = await _places(services, row) if row is not None else []
    if row is None:
        return ""
    return await carry_out(services, snapshot_cache, row, worker, partial(_read, services, row, places))


async def carry_out(
    services: Services,
    snapshot_cache: SnapshotCache,
    row: ImageRow,
    worker: str,
    source: Callable[[], Awaitable[AnalysisResult]],
) -> str:
    """Analyse an image that `worker` holds by `leases.take`; `source` reads it. Answers as `analyse` does."""
    try:
        async with _renew_lease(services, row.id, worker):
            analysed = await source()
            counts = await _patiently(
                services, lambda: _finish_analysis(services, snapshot_cache, row, worker, analysed)
            )
    except _Busy as busy:
        pauses = busy.pauses
        return await _patiently(services, lambda: _put_off(services, row.id, worker, pauses))
    except HullmarkError as error:
        failure = error
        came_to = await _patiently(services, lambda: _record_failure(services, row, worker, failure))
        if came_to == "kept" and row.upload:
            await forget_upload(services, row.upload)
        return came_to
    except asyncio.CancelledError:
        await asyncio.shield(_handed_back(services, row.id, worker))
        raise
    except Exception as error:
        broken = HullmarkError(
            f"the analysis broke: {type(error).__name__}", advice="look at the worker's log and report it"
        )
        await _patiently(services, lambda: _record_failure(services, row, worker, broken))
        raise
    if row.upload and counts:
        await forget_upload(services, row.upload)
    return "analysed" if counts else "lost"


async def _patiently(services: Services, write: Callable[[], Awaitable[_T]]) -> _T:
    """What has to be written down is tried again for as long as the lease could last without the database."""
    deadline = time.monotonic() + services.settings.lease
    while True:
        try:
            return await write()
        except DatabaseUnreachable:
            if time.monotonic() > deadline:
                raise
        await asyncio.sleep(_PAUSE)


async def _places(services: Services, row: ImageRow) -> list[_ImageOrigin]:
    """Where each account that holds the image found it, with that account's login."""
    if row.upload or row.kind == "sbom":
        return []
    found: dict[tuple[Reference, RegistryLogin | None], _ImageOrigin] = {}
    async with services.database.system() as connection:
        for account_id, reference, _ in await images.holders(connection, row.id):
            named = parse_reference(reference)
            login = login_for(await registries(connection, account_id), named, account_id, services.vault)
            exact = msgspec.structs.replace(named, tag="", digest=row.digest)
            place = found.get((exact, login)) or _ImageOrigin(exact, login, str(named), ())
            found[exact, login] = msgspec.structs.replace(place, accounts=(*place.accounts, account_id))
    return list(found.values())


@asynccontextmanager
async def _renew_lease(services: Services, image_id: int, worker: str) -> AsyncIterator[None]:
    """While it lasts, the lease is renewed. A lease that is lost is found out at the end, when the result is written down."""
    settings = services.settings

    async def beat() -> None:
        while True:
            await asyncio.sleep(settings.heartbeat)
            with suppress(DatabaseUnreachable):
                async with services.database.system() as connection:
                    await leases.keep_lease(connection, image_id, worker, settings.lease)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        await end_task(beating)


async def _read(services: Services, row: ImageRow, places: list[_ImageOrigin]) -> AnalysisResult:
    """Read the image from the first place that has it, while no more than may do so ask its registry.

    Raises _Busy if a place is left where that has to be waited for, else the last place's HullmarkError if none has it.
    """
    if row.upload:
        return await asyncio.to_thread(_read_upload, services, row.upload)
    if places and await is_muted(services):
        raise _Busy(_MUTED_PAUSES)
    if row.kind == "sbom":
        raise HullmarkError("what the SBOM tells was not written down", advice="send the SBOM again")
    error: HullmarkError = HullmarkError("no account holds the image any more", advice="add it again")
    is_busy = False
    for place in places:
        most = place.login.parallel if place.login is not None else services.settings.registry_parallel
        async with slot(services.database, f"registry:{place.reference.host}", most) as is_free:
            if not is_free:
                is_busy = True
                continue
            try:
                return await asyncio.to_thread(_read_place, services, row.id, place)
            except HullmarkError as problem:
                error = problem
    if is_busy:
        raise _Busy
    raise error


def _read_upload(services: Services, key: str) -> AnalysisResult:
    with opened_upload(services.objects, key) as image:
        return read(services, image)


def _read_place(services: Services, image_id: int, place: _ImageOrigin) -> AnalysisResult:
    with asking(services, place.reference, place.login) as options:
        found = read(services, open_image(f"registry:{place.reference}", options))
        accounts = [(account_id, image_id) for account_id in place.accounts]
        beside = RegistryImage(place.tagged, found.inventory.source, options)
        look_beside(services.objects, beside, accounts, services.clock())
    return msgspec.structs.replace(found, looked_for=place.accounts)


def means_of(services: Services) -> ScanResources:
    """What scans of the server use: records in the object store, and a malware scanner if one is set."""
    scanners = ScannerPlaces(clamd=services.settings.clamd or None)
    return ScanResources(keep=ObjectKeep(services.objects), keeping="always", scanners=scanners)


def read(services: Services, image: Image) -> AnalysisResult:
    """All that is to be known of an image, written into the object store. Raises HullmarkError where it cannot be read."""
    keep = ObjectKeep(services.objects, behind=_WRITES_BEHIND)
    resources = msgspec.structs.replace(means_of(services), keep=keep)
    names = FACETS if services.settings.clamd else FACETS - {Need.MALWARE}
    try:
        with facets_for(names, resources) as facets:
            request = ScanRequest(
                files=True, digests=True, ghosts=True, reads=READS, facets=(*facets, content_facet()), relations=True,
                licences=True,
            )  # fmt: skip
            scanned = scan_image(image, reach_request(request), resources)
        keep.settle()
    finally:
        keep.close()
    reached = keep_reach(services.objects, scanned, fingerprint())
    whole = msgspec.structs.replace(
        scanned.inventory, problems=tuple(sorted({*scanned.inventory.problems, *reached.problems}))
    )
    inventory = msgspec.structs.replace(whole, files=None)
    stored = msgspec.structs.replace(stored_image(image, whole), config=whole.config)
    facets_found = dict(scanned.facets)
    contents = facets_found.pop("contents")
    facts = PolicyFacts(config=whole.config, ghosts=True, **facets_found)
    found = {read.name: scanned.found[read.name] for read in READS}
    analysis = StoredAnalysis(image=stored, inventory=inventory, facts=facts, found=found, reach=reached.name)
    distro = whole.distro
    document, files = put_analysis(services.objects, analysis, whole.files)
    instructions = tuple(layer.created_by for layer in whole.source.layers)
    put_folders(services.objects, document, whole.files or (), instructions, contents)
    outcome = AnalysisOutcome(
        fingerprint=fingerprint(),
        document=document,
        files=files,
        distro=f"{distro.id}:{distro.version_id}".rstrip(":") if distro is not None else "",
        package_count=len(whole.packages),
        file_count=len(whole.files or ()),
        layers=tuple((layer.digest, layer.diff_id, layer.size) for layer in whole.source.layers),
        config_digest=whole.source.config_digest,
        reach=reached.name,
    )
    return AnalysisResult(outcome=outcome, inventory=matchable(msgspec.structs.replace(scanned, inventory=inventory)))


async def _finish_analysis(
    services: Services, snapshot_cache: SnapshotCache, row: ImageRow, worker: str, analysed: AnalysisResult
) -> bool:
    """Write the result down, with its packages, and have every account that holds the image judge it: one transaction.

    False if it does not count, since the image is no longer held.
    """
    for _ in range(_TRIES):
        async with services.database.system() as connection:
            snapshot = await current_snapshot(connection)
        try:
            opened = snapshot_cache.opened(snapshot.digest, snapshot.object) if snapshot is not None else nullcontext()
            with opened as source:
                return await _write_result(services, source, row, worker, analysed)
        except snapshots.OtherSnapshot:
            continue  # a new one came in between: what was written is undone, and is written again with that one
    raise HullmarkError("new advisories come faster than one image is stored", advice="it is tried again")


async def _write_result(
    services: Services, source: Snapshot | None, row: ImageRow, worker: str, analysed: AnalysisResult
) -> bool:
    async with services.database.system() as connection:
        if not await leases.finish(connection, row.id, worker, analysed.outcome):
            return False
        if source is not None:
            await take_in(connection, source, row.id, analysed.inventory)
        else:
            await coordinates.store_packages(connection, row.id, analysed.inventory, ())
        body = {"digest": row.digest, "packages": analysed.outcome.package_count, "distro": analysed.outcome.distro}
        for account_id, _, _ in await images.holders(connection, row.id):
            await events.tell(connection, account_id, "image.analysed", ("image", row.digest), body)
            if analysed.looked_for is None or account_id in analysed.looked_for:
                await want_verdict(connection, account_id, row.id, _ANALYSED)
            else:  # it found the image elsewhere, or with another login
                await want_look(connection, account_id, row.id, cause=_ANALYSED)
    return True


async def _record_failure(services: Services, row: ImageRow, worker: str, error: HullmarkError) -> str:
    """A trouble that passes is waited for, as often as is set; any other failure stays until somebody adds the image again."""
    is_passing = isinstance(error, _PASSING) and row.attempts < services.settings.attempts
    failure = Failure(reason=str(error)[:2000], advice=(error.advice or "")[:2000], tried=fingerprint())
    async with services.database.system() as connection:
        ended = await leases.give_back(connection, row.id, worker, "waiting" if is_passing else "failed", failure)
        if ended is None:
            return "lost"
        if is_passing:
            pause = min(2.0**row.attempts, _LONGEST_PAUSE) * random.uniform(0.5, 1.5)  # noqa: S311 - only spreads the load
            await want_analysis(connection, row.id, services.clock() + timedelta(seconds=pause))
            return "put off"
        await tell_failed(connection, ended, services.clock())
        return "kept" if ended.state == "analysed" else "failed"


async def tell_failed(connection: Connection, ended: ReleasedLease, now: datetime) -> None:
    """Have every account that holds an image know that it failed. Where an earlier analysis is kept it is judged, as it was not while the
    image waited."""
    body = {"digest": ended.digest, "reason": ended.reason, "advice": ended.advice}
    for account_id, reference, _ in await images.holders(connection, ended.id):
        await events.tell(connection, account_id, "image.failed", ("image", ended.digest), body, "error")
        cause, failed = failed_analysis(ended, reference, now)
        await transitions.tell(connection, account_id, cause, [failed])
        if ended.state == "analysed":
            await want_verdict(connection, account_id, ended.id, "image not analysed anew")


def failed_analysis(ended: ReleasedLease, reference: str, now: datetime) -> tuple[Cause, Transition]:
    """The notice that an image could not be analysed. Each failure is its own cause."""
    key = f"analysis:{ended.digest}@{now.isoformat()}"
    evidence = Evidence(
        subject=ended.digest,
        message=ended.reason,
        since=now,
        advice=ended.advice or f"mend that, then hullmark image analyse {reference or ended.digest}",
    )
    cause = Cause(
        kind="data",
        key=key,
        subject=reference or ended.digest,
        sentence=f"The image could not be analysed: {ended.reason}",
        seen_at=now,
        after=ended.state,
        evidence=(evidence,),
    )
    failed = Transition(
        kind="analysis.failed",
        key=f"analysis.failed:{key}",
        at=now,
        image_id=ended.id,
        image_digest=ended.digest,
        reference=reference,
        after=ended.state,
        evidence=(evidence,),
    )
    return cause, failed


async def _put_off(services: Services, image_id: int, worker: str, pauses: tuple[float, float]) -> str:
    """The image waits for its turn at the registry, for some seconds, not all for the same; this was not an attempt."""
    async with services.database.system() as connection:
        if await leases.give_back(connection, image_id, worker, "waiting") is None:
            return "lost"
        pause = random.uniform(*pauses)  # noqa: S311 - only spreads the load
        await want_analysis(connection, image_id, services.clock() + timedelta(seconds=pause))
        return "put off"


async def _handed_back(services: Services, image_id: int, worker: str) -> None:
    """The worker must stop: the next one takes the image at once."""
    async with services.database.system() as connection:
        if await leases.give_back(connection, image_id, worker, "waiting"):
            await want_analysis(connection, image_id)
