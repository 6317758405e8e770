"""A tag moves to another image: stored in one transaction with the notices about it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from hullmark.model.notice import Cause, Evidence, Transition
from hullmark.model.reference import Reference
from hullmark.notify.scene import Scene
from hullmark.notify.transitions import transitions_of
from hullmark.server.objects.objects import Objects
from hullmark.server.stories.judging.earlier import as_it_was, first_seen_of
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import images, tag_moves
from hullmark.server.tables.images.tags import TagName
from hullmark.server.tables.judging import policies, turns, verdicts
from hullmark.server.tables.judging.turns import VerdictTurn
from hullmark.server.tables.judging.verdicts import VerdictRow
from hullmark.server.tables.notice import transitions


def name_of(tagged: Reference) -> TagName:
    """What the tag that a reference names is called."""
    return TagName(tagged.host, tagged.repository, tagged.tag or "latest")


class TagTarget(NamedTuple):
    """An image that a tag points to: its number, its digest, and when the tag was seen to."""

    image_id: int
    digest: str
    seen_at: datetime


async def point(
    connection: Connection, objects: Objects, account_id: int, tagged: Reference, target: TagTarget
) -> int | None:
    """Have a tag point to an image; returns the image that it pointed to, if another."""
    name = name_of(tagged)
    moved_from = await images.point_tag(connection, account_id, name, target.image_id)
    if moved_from is None:
        return None
    before = await images.image_by_id(connection, moved_from)
    if before is None:
        return moved_from
    number = await tag_moves.last_move(connection, account_id, name)
    reference = f"{name[0]}/{name[1]}:{name[2]}"
    moved = _make_move(reference, target, before.digest, number)
    held = await verdicts.current(connection, account_id, target.image_id)
    judged = await _compare_verdicts(connection, objects, account_id, moved_from, held, moved)
    if not held and await policies.activations(connection, account_id):
        moved = replace(moved, evidence=(Evidence(subject=reference, message=_UNTOLD, advice="nothing yet"),))
    pointed_tags = [moved, *judged]
    # More may follow from the verdicts of the new image.
    await transitions.tell(
        connection, account_id, _cause(reference, before.digest, target), pointed_tags, is_complete=False
    )
    for pointed in pointed_tags:
        await tag_moves.stands_for(connection, account_id, pointed.key, moved_from)
    return moved_from


_UNTOLD = "the image that it points to now is not judged yet; its verdict is told when it is"


async def _compare_verdicts(
    connection: Connection,
    objects: Objects,
    account_id: int,
    moved_from: int,
    held: Sequence[VerdictRow],
    moved: Transition,
) -> list[Transition]:
    """What the tag leads to, by verdicts that there are already: of others, who makes them tells. `moved_from` is the image before,
    `held` are the verdicts on the one that it points to now."""
    there = {
        (row.policy_id, row.environment): row for row in await verdicts.current(connection, account_id, moved_from)
    }
    pairs = [(old, row) for row in held if (old := there.get((row.policy_id, row.environment))) is not None]
    await turns.note_turns(
        connection, account_id, [_turn(old, row, moved) for old, row in pairs if old.verdict != row.verdict]
    )
    found = await asyncio.to_thread(lambda: [_list_transitions(objects, old, row, moved) for old, row in pairs])
    return [
        replace(transition, key=f"{transition.kind}:{row.policy_id}:{row.environment}:{moved.key}", history_id=row.id)
        for (_, row), news in zip(pairs, found, strict=True)
        for transition in news
    ]


def _turn(old: VerdictRow, row: VerdictRow, moved: Transition) -> VerdictTurn:
    return VerdictTurn(
        image_id=moved.image_id or 0,
        policy_id=row.policy_id,
        environment=row.environment,
        before=old.verdict,
        after=row.verdict,
        at=moved.at,
        history_id=row.id,
        kind="image",
        sentence=_sentence(moved.reference),
    )


def _sentence(reference: str) -> str:
    return f"The tag {reference} points to another image."


def _list_transitions(objects: Objects, old: VerdictRow, row: VerdictRow, moved: Transition) -> list[Transition]:
    """The transitions between the verdicts on the image before and on the new one."""
    # That advisories came in between does not matter: it is another image.
    before = as_it_was(objects, old, row.snapshot_digest)
    after = as_it_was(objects, row, row.snapshot_digest)
    scene = Scene(
        image_id=moved.image_id,
        image_digest=moved.image_digest,
        policy_id=row.policy_id,
        policy=row.policy,
        environment=row.environment,
        reference=moved.reference,
        at=moved.at,
        is_moved=True,
        first_seen=first_seen_of(after, row.at),
    )
    return [transition for news in transitions_of(before, after, scene) for transition in news.transitions]


def cause_key(reference: str, digest: str) -> str:
    """The key of the cause that a tag (HOST/REPOSITORY:TAG) moved to an image."""
    return f"tag:{reference}@{digest}"


def _cause(reference: str, before: str, target: TagTarget) -> Cause:
    return Cause(
        kind="image",
        key=cause_key(reference, target.digest),
        subject=reference,
        sentence=_sentence(reference),
        before=before,
        after=target.digest,
        seen_at=target.seen_at,
    )


def _make_move(reference: str, target: TagTarget, before: str, number: int) -> Transition:
    return Transition(
        kind="tag.moved",
        # A tag may come back to an image: each move is one.
        key=f"tag.moved:{reference}@{target.digest}#{number}",
        at=target.seen_at,
        image_id=target.image_id,
        image_digest=target.digest,
        reference=reference,
        before=before,
        after=target.digest,
    )
