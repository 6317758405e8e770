"""Events, a page at a time, and the list of their types."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal

import msgspec

from hullmark.report.anchore.words import Json, stamp

Level = Literal["info", "error"]

EVENT_TYPES = {
    "system.feeds.sync.completed": "New advisories are in use.",
    "system.feeds.sync.failed": "Advisories could not be fetched.",
    "system.feeds.sync.started": "Advisories are being fetched.",
    "system.image_analysis.completed": "An image was analysed.",
    "system.image_analysis.failed": "An image could not be analysed.",
    "system.image_analysis.registry_lookup_failed": "A registry could not be asked about an image.",
    "system.repository.list_tags_fail": "A registry could not be asked for the tags of a repository.",
    "system.service.removed": "A process of the server is no longer there.",
    "user.checks.tag.policy_evaluation.update": "The verdict on a tag has changed.",
    "user.checks.tag.vulnerabilities.update": "The vulnerabilities of a tag have changed.",
    "user.image.analysis.completed": "An image of the account was analysed.",
    "user.image.analysis.failed": "An image of the account could not be analysed.",
    "user.policy.active.content_change": "The text of the active policy has changed.",
    "user.policy.active.updated": "Another policy is active.",
}
"""Anchore's names for what happens: category, subcategory and event, with dots between."""

_CATEGORIES = {"system": "What concerns the whole server.", "user": "What concerns one account."}


class EventInfo(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the server keeps it. `type` is one of `EVENT_TYPES`, or an own word. `host` and `request` are "" where not known."""

    id: str
    account: str
    type: str
    level: Level
    message: str
    at: datetime
    resource_type: str = ""
    resource_id: str = ""
    service: str = "apiext"
    host: str = ""
    url: str = ""
    request: str = ""
    details: Json = {}


class EventSource(msgspec.Struct, frozen=True, kw_only=True):
    """The process that reported it."""

    base_url: str
    hostid: str
    request_id: str
    servicename: str


class EventResource(msgspec.Struct, frozen=True, kw_only=True):
    """What it is about."""

    id: str
    type: str
    user_id: str


class EventBody(msgspec.Struct, frozen=True, kw_only=True):
    """What happened."""

    details: Json
    level: str
    message: str
    resource: EventResource
    source: EventSource
    timestamp: str
    type: str


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """An event with its id."""

    created_at: str | None
    event: EventBody
    generated_uuid: str


class Events(msgspec.Struct, frozen=True, kw_only=True):
    """A page of events."""

    item_count: int
    next_page: bool
    page: int
    results: list[Event]


def event(info: EventInfo) -> Event:
    """An event."""
    moment = info.at.replace(tzinfo=UTC) if info.at.tzinfo is None else info.at.astimezone(UTC)
    source = EventSource(base_url=info.url, hostid=info.host, request_id=info.request, servicename=info.service)
    body = EventBody(
        details=info.details,
        level=info.level,
        message=info.message,
        resource=EventResource(id=info.resource_id, type=info.resource_type, user_id=info.account),
        source=source,
        timestamp=moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z",
        type=info.type,
    )
    return Event(created_at=stamp(info.at), event=body, generated_uuid=info.id)


def events(infos: Iterable[EventInfo], page: int, *, is_last: bool) -> Events:
    """A page of events, in the order given."""
    results = [event(info) for info in infos]
    return Events(item_count=len(results), next_page=not is_last, page=page, results=results)


def event_types() -> list[Json]:
    """All types, by category and subcategory."""
    by_category: dict[str, dict[str, list[Json]]] = {}
    for name, message in sorted(EVENT_TYPES.items()):
        category, rest = name.split(".", 1)
        subcategory = rest.rpartition(".")[0]
        by_category.setdefault(category, {}).setdefault(subcategory, []).append(
            {"message": message, "name": rest.rpartition(".")[2], "resource_type": subcategory, "type": name}
        )
    return [
        {
            "category": category,
            "description": _CATEGORIES[category],
            "subcategories": [
                {"description": "", "events": found, "name": name} for name, found in subcategories.items()
            ],
        }
        for category, subcategories in by_category.items()
    ]
