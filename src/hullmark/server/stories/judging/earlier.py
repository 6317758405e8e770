"""What an image was judged to be before: the verdict that a new one is compared with, and what the comparison goes by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cache
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from hullmark.advisories.database.snapshot import Snapshot
from hullmark.app.verdicts import known_of
from hullmark.model.errors import HullmarkError
from hullmark.model.verdict import Outcome, VerdictInputs
from hullmark.notify.causes import ExceptionName, KeptException
from hullmark.policy.verdict_diff import KnownVulnerability, Lookup
from hullmark.server.objects.objects import Objects
from hullmark.server.stories.advisories.advisories import SnapshotCache, object_of
from hullmark.server.stories.images.documents import KeptVerdict, verdict_at
from hullmark.server.stories.judging.grants import grants_of
from hullmark.server.tables.advisories import snapshots
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import tag_moves
from hullmark.server.tables.judging import deployments, verdicts
from hullmark.server.tables.judging.deployments import Deployment
from hullmark.server.tables.judging.policies import ExceptionRow
from hullmark.server.tables.judging.verdicts import VerdictRow
from hullmark.server.tables.places.granted import GrantedFacts
from hullmark.server.tables.rollout import adoptions


class MovedTag(msgspec.Struct, frozen=True, kw_only=True):
    """A tag that came here from another image, since when, and the last verdicts in force there."""

    reference: str
    at: datetime
    rows: tuple[VerdictRow, ...]


class Earlier(msgspec.Struct, frozen=True, kw_only=True):
    """What holds before an image is judged: its current verdicts, what its tags said of other images, where it runs, and what it is
    granted there (where a policy asks for it).

    `carried` are the ids of verdicts already updated to the current snapshot.
    """

    rows: tuple[VerdictRow, ...]
    moved: tuple[MovedTag, ...]
    deployments: tuple[Deployment, ...]
    grants: tuple[GrantedFacts, ...] = ()
    carried: frozenset[int] = frozenset()


class EarlierVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict before. `is_moved`: it is that on another image, from which the tag `reference` came here at `at`."""

    row: VerdictRow
    is_moved: bool = False
    reference: str = ""
    at: datetime | None = None


async def earlier_of(connection: Connection, account_id: int, image_ids: Sequence[int]) -> dict[int, Earlier]:
    """What holds of images now. The tags matter only to those that never had a verdict."""
    current = await verdicts.current_of(connection, account_id, image_ids, shadows=True)
    running = await deployments.of_images(connection, account_id, image_ids)
    grants = await grants_of(connection, account_id, image_ids) if running else {}
    is_carried = bool(current) and await snapshots.is_carried_out(connection)
    awaited = await verdicts.list_awaiting_verdicts(connection, account_id, image_ids) if is_carried else set[int]()
    found = {}
    for image_id in image_ids:
        rows = current.get(image_id, ())
        carried = frozenset(row.id for row in rows if is_carried and row.snapshot_digest and row.id not in awaited)
        found[image_id] = Earlier(
            rows=rows,
            moved=() if rows else await _find_moved_tags(connection, account_id, image_id),
            deployments=running.get(image_id, ()),
            grants=grants.get(image_id, ()),
            carried=carried,
        )
    return found


async def _find_moved_tags(connection: Connection, account_id: int, image_id: int) -> tuple[MovedTag, ...]:
    if await verdicts.last_in_force(connection, account_id, image_id):
        return ()
    moved = []
    for reference, other, at in await tag_moves.moved_from(connection, account_id, image_id):
        found = tuple(await verdicts.last_in_force(connection, account_id, other))
        moved.append(MovedTag(reference=reference, at=at, rows=found))
    return tuple(moved)


def compared_with(earlier: Earlier, policy_id: int, environment: str, reference: str) -> EarlierVerdict | None:
    """What a verdict in force is compared with: the one of the same policy; else that of the policy which another one replaces in the
    environment; else that on the image which its tag pointed to. None if there is none."""
    there = [row for row in earlier.rows if not row.is_shadow and row.environment == environment]
    for row in sorted(there, key=lambda row: (row.policy_id != policy_id, row.id)):
        return EarlierVerdict(row=row)
    for moved in sorted(earlier.moved, key=lambda moved: moved.reference != reference):
        for row in moved.rows:
            if (row.policy_id, row.environment) == (policy_id, environment):
                return EarlierVerdict(row=row, is_moved=True, reference=moved.reference, at=moved.at)
    return None


def as_it_was(objects: Objects, row: VerdictRow, snapshot_digest: str) -> KeptVerdict:
    """The verdict of a row, with the inputs that the row names, but the current advisories. If its document is lost, the bare
    outcome."""
    try:
        kept = verdict_at(objects, row)
    except HullmarkError:
        kept = KeptVerdict(
            verdict=Outcome(row.verdict),
            reason=row.reason,
            findings=(),
            problems=(),
            inputs=VerdictInputs(image=row.image_digest, policy="", snapshot=None, analyzer="", at=row.at.isoformat()),
            has_unknowns=True,
        )
    return as_compared(kept, row.image_digest, Basis(row.policy_digest, snapshot_digest, row.analyzer))


class Basis(NamedTuple):
    """What a verdict was made with: the digests of the policy and the advisories ("": none), and the analyzer."""

    policy_digest: str
    snapshot_digest: str
    analyzer: str


def as_compared(kept: KeptVerdict, image_digest: str, basis: Basis) -> KeptVerdict:
    """A verdict with the inputs that it is compared by.

    A policy's own digest counts also the exceptions that are kept beside it, and the extractors are not part of the analyzer's
    name.
    """
    analyzer = basis.analyzer
    name = f"{analyzer} ({kept.extractors[:12]})" if kept.extractors else analyzer
    inputs = replace(
        kept.inputs,
        image=image_digest,
        policy=basis.policy_digest,
        snapshot=basis.snapshot_digest or None,
        analyzer=name,
    )
    return replace(kept, inputs=inputs)


def first_seen_of(kept: KeptVerdict, at: datetime) -> dict[str, datetime]:
    """Since when the findings of a verdict that was made at a moment are known."""
    return {finding.trigger_id: at for finding in kept.findings} | dict(kept.first_seen)


async def seen_at(connection: Connection, snapshot_id: int | None) -> datetime | None:
    """When a snapshot became known."""
    found = await adoptions.tell_of(connection, snapshot_id) if snapshot_id is not None else None
    return found.added_at if found is not None else None


def named_exceptions(rows: tuple[ExceptionRow, ...]) -> Mapping[ExceptionName, KeptException]:
    """Exceptions by what findings say of them; of equal ones, that which counts still or was made last."""
    found: dict[ExceptionName, KeptException] = {}
    for row in sorted(rows, key=lambda row: (row.ended_at is None, row.created_at)):
        words = [str(row.body.get(word, "")) for word in ("rule", "subject", "owner", "reason", "expires")]
        found[(words[0], words[1], words[2], words[3], words[4])] = KeptException(
            id=str(row.id), created_at=row.created_at, ended_at=row.ended_at
        )
    return found


@contextmanager
def looking(snapshot_cache: SnapshotCache) -> Iterator[Lookup]:
    """Looks into the snapshots that are kept. For one that is not it raises KeyError. For one thread."""
    with ExitStack() as stack:

        @cache
        def open_snapshot(digest: str) -> Snapshot | None:
            try:
                return stack.enter_context(snapshot_cache.opened(digest, object_of(digest)))
            except HullmarkError:
                return None

        yield _remembering(open_snapshot)


def _remembering(opened: Callable[[str], Snapshot | None]) -> Lookup:
    @cache
    def look(digest: str, name: str) -> KnownVulnerability | None:
        source = opened(digest)
        if source is None:
            raise KeyError(digest)
        return known_of(source, name)

    return look
