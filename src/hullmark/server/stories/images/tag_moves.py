"""A tag moves to another image: stored in one transaction with the notices about it."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from hullmark.model.notice import Cause, Evidence, Transition, TransitionKind
from hullmark.model.verdict import PASSING
from hullmark.server.tables.database import Connection
from hullmark.server.tables.images import images, tag_moves
from hullmark.server.tables.images.tags import TagName
from hullmark.server.tables.judging import verdicts
from hullmark.server.tables.notice import transitions
from hullmark.source.reference import Reference


def name_of(tagged: Reference) -> TagName:
    """What the tag that a reference names is called."""
    return TagName(tagged.host, tagged.repository, tagged.tag or "latest")


async def point(
    connection: Connection, account_id: int, tagged: Reference, image: tuple[int, str], seen_at: datetime
) -> int | None:
    """Have a tag point to an image (number, digest), which was seen at a moment; returns the image that it pointed to, if
    another."""
    name = name_of(tagged)
    moved_from = await images.point_tag(connection, account_id, name, image[0])
    if moved_from is None:
        return None
    before = await images.image_by_id(connection, moved_from)
    if before is None:
        return moved_from
    number = await tag_moves.last_move(connection, account_id, name)
    reference = f"{name[0]}/{name[1]}:{name[2]}"
    moved = _moved(reference, image, before.digest, number, seen_at)
    pointed_tags = [moved, *await _flips(connection, account_id, moved_from, moved)]
    # More may follow from the verdicts of the new image.
    await transitions.tell(
        connection, account_id, _cause(reference, before.digest, image[1], seen_at), pointed_tags, is_complete=False
    )
    for pointed in pointed_tags:
        await tag_moves.stands_for(connection, account_id, pointed.key, moved_from)
    return moved_from


async def _flips(connection: Connection, account_id: int, moved_from: int, moved: Transition) -> list[Transition]:
    """What the tag leads out of compliance, or back into it, by verdicts that there are already: of others, who makes them tells."""
    held = await verdicts.current(connection, account_id, moved_from)
    before = {(row.policy_id, row.environment): row.verdict for row in held}
    found: list[Transition] = []
    for row in await verdicts.current(connection, account_id, moved.image_id or 0):
        old = before.get((row.policy_id, row.environment), row.verdict)
        if (old in PASSING) is (row.verdict in PASSING):
            continue
        kind: TransitionKind = "compliance.regained" if row.verdict in PASSING else "compliance.lost"
        flip = replace(
            moved,
            kind=kind,
            key=f"{kind}:{row.policy_id}:{row.environment}:{moved.key}",
            policy_id=row.policy_id,
            policy=row.policy,
            environment=row.environment,
            before=old,
            after=row.verdict,
            history_id=row.id,
        )
        found.append(flip)
    return found


def cause_key(reference: str, digest: str) -> str:
    """The key of the cause that a tag (HOST/REPOSITORY:TAG) moved to an image."""
    return f"tag:{reference}@{digest}"


def _cause(reference: str, before: str, after: str, seen_at: datetime) -> Cause:
    return Cause(
        kind="image",
        key=cause_key(reference, after),
        subject=reference,
        sentence=f"The tag {reference} points to another image.",
        before=before,
        after=after,
        seen_at=seen_at,
        evidence=(Evidence(subject=reference, message=f"it pointed to {before}, and points to {after}"),),
    )


def _moved(reference: str, image: tuple[int, str], before: str, number: int, at: datetime) -> Transition:
    return Transition(
        kind="tag.moved",
        # A tag may come back to an image: each move is one.
        key=f"tag.moved:{reference}@{image[1]}#{number}",
        at=at,
        image_id=image[0],
        image_digest=image[1],
        reference=reference,
        before=before,
        after=image[1],
    )
