"""Where in its image a finding is seen, whether the image's start reaches it, and since when it is known: what news that reach many
images at once leave open.

It is looked up for the images that a message names, in the verdict that each item came with and, where not even that knows, in what was
read of the image.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from hullmark.model.errors import HullmarkError
from hullmark.model.limit import Limit
from hullmark.model.notice import Digest, Evidence, Item, Notice
from hullmark.model.verdict import Evidence as Place
from hullmark.model.verdict import Finding
from hullmark.policy.facts import Facts
from hullmark.reach.matched import ReachIndex
from hullmark.server.objects.objects import Objects
from hullmark.server.stories.images.documents import get_analysis, verdict_at
from hullmark.server.stories.images.reached import read_index
from hullmark.server.stories.judging.earlier import first_seen_of
from hullmark.server.stories.services import Services
from hullmark.server.tables.images import images
from hullmark.server.tables.judging import verdicts
from hullmark.server.tables.judging.verdicts import VerdictRow

MOST_PLACED = Limit(
    10, "images of a message whose findings are looked up in their layers; the others are named without", "shortened"
)
_LONGEST = 2.0


class _Source(NamedTuple):
    """The verdict that an item came with, the key of what was read of its image ("": it is not kept), and the name of what is kept of what
    its start reaches ("": nothing is)."""

    row: VerdictRow
    document: str
    reach: str


async def add_places(services: Services, account_id: int, notice: Notice | Digest) -> Notice | Digest:
    """The same with the place and time of each finding of the first images, as far as these are known."""
    items = notice.items if isinstance(notice, Notice) else tuple(i for group in notice.groups for i in group.items[:3])
    wanted = [item for item in items if item.history_id is not None and any(map(_is_open, item.evidence))][:MOST_PLACED]
    if not wanted:
        return notice
    sources = await _sources(services, account_id, {item.history_id or 0 for item in wanted})
    found = await asyncio.to_thread(_all_placed, services.objects, wanted, sources)
    if isinstance(notice, Notice):
        return _with(notice, found)
    return replace(notice, groups=tuple(_with(group, found) for group in notice.groups))


def _with(notice: Notice, found: Mapping[int, Item]) -> Notice:
    return replace(notice, items=tuple(found.get(item.id, item) for item in notice.items))


def _is_open(evidence: Evidence) -> bool:
    """Whether something of a finding that is there can still be looked up."""
    is_placed = bool(evidence.path or evidence.instruction or evidence.layer >= 0)
    is_open = evidence.since is None or (evidence.package != "" and (not is_placed or evidence.reach is None))
    return evidence.is_gained and bool(evidence.rule) and is_open


async def _sources(services: Services, account_id: int, numbers: Iterable[int]) -> dict[int, _Source]:
    found: dict[int, _Source] = {}
    async with services.database.tenant(account_id) as connection:
        for number in sorted(numbers):
            row = await verdicts.by_number(connection, account_id, number)
            image = await images.held_image(connection, account_id, row.image_digest) if row is not None else None
            if row is not None:
                document, reach = (image.document, image.reach) if image is not None else ("", "")
                found[number] = _Source(row, document, reach)
    return found


def _all_placed(objects: Objects, items: Iterable[Item], sources: Mapping[int, _Source]) -> dict[int, Item]:
    """The items with what could be looked up in the time that there is: a message does not wait longer for it."""
    ends = time.monotonic() + _LONGEST
    found: dict[int, Item] = {}
    for item in items:
        source = sources.get(item.history_id or 0)
        if source is None or time.monotonic() > ends:
            continue
        try:
            found[item.id] = _item_placed(objects, item, source)
        except HullmarkError:
            continue  # a document is lost: the message says the rest
    return found


def _item_placed(objects: Objects, item: Item, source: _Source) -> Item:
    kept = verdict_at(objects, source.row)
    findings = {(finding.rule_id, finding.subject): finding for finding in kept.findings}
    since = first_seen_of(kept, source.row.at)
    facts: list[Facts] = []
    index = _index(objects, source.reach) if any(evidence.package for evidence in item.evidence) else None

    def places(finding: Finding) -> tuple[Place, ...]:
        seen = tuple(place for place in finding.evidence if place.path)
        if seen or finding.weakness is None or not source.document:
            return seen
        if not facts:
            facts.append(Facts(inventory=get_analysis(objects, source.document).inventory, now=source.row.at))
        package = facts[0].packages_by_purl.get(finding.weakness.package)
        return facts[0].at_package(package) if package is not None else ()

    def looked_up(evidence: Evidence) -> Evidence:
        finding = findings.get((evidence.rule, evidence.subject))
        if not _is_open(evidence):
            return evidence
        if index is not None and evidence.package and evidence.reach is None:
            evidence = replace(evidence, reach=index.of(evidence.package))
        if finding is None:
            return evidence
        return _add_place(evidence, places(finding), since.get(finding.trigger_id))

    return replace(item, evidence=tuple(map(looked_up, item.evidence)))


def _index(objects: Objects, name: str) -> ReachIndex | None:
    try:
        return read_index(objects, name)
    except HullmarkError:
        return None  # it is lost: the message says the rest


def _add_place(evidence: Evidence, places: tuple[Place, ...], since: datetime | None) -> Evidence:
    evidence = replace(evidence, since=evidence.since or since)
    if evidence.path or not places:
        return evidence
    first, *others = places
    return replace(evidence, path=first.path, layer=first.layer, instruction=first.created_by, more_places=len(others))
