"""Channel `opsgenie`: an alert for each thread, through version 2 of Opsgenie's Alert API (`/v2/alerts`).

An alert is known by its alias, of which one can be open: created again, it is counted, and opened again where it was closed.
Requests are done later than they are answered (202); closing what is not there does nothing. A message has 130 characters, a
description 15,000, a note 25,000, details 8,000 altogether.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from hullmark.model.advisory import Severity
from hullmark.notify.channel import SECRET, Channel, Delivery, Outgoing, Post, Steps, Thread, check_reply
from hullmark.notify.threaded import (
    CARRIED,
    Answers,
    account_of,
    describe_image,
    lines_of,
    link_of,
    list_items,
    note_id,
    note_of,
    plain,
    said_by,
    severity_of,
    state_of,
    threads_for,
    why,
)

_HOSTS = {"us": "https://api.opsgenie.com", "eu": "https://api.eu.opsgenie.com"}
_MOST_MESSAGE = 130
_MOST_DESCRIPTION = 15_000
_MOST_NOTE = 25_000
_MOST_ANSWER = 4 << 20
Priority = Literal["P1", "P2", "P3", "P4", "P5"]
_PRIORITIES: dict[Severity, Priority] = {
    "critical": "P1",
    "high": "P2",
    "medium": "P3",
    "low": "P4",
    "negligible": "P5",
    "unknown": "P3",
}
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=50)]


class Responder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is to be told: a team, a person, an escalation or a schedule, by name (of a person: the address)."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    type: Literal["team", "user", "escalation", "schedule"] = "team"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`api_key` is that of an API integration. `region` is where the account lives; `url` another host than that.

    `priorities` says which priority a severity becomes, other than usual.
    """

    api_key: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[\x21-\x7e]+$", extra=SECRET)]
    region: Literal["us", "eu"] = "us"
    url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^\s/@?#\\][^\s@?#\\]*)?$", max_length=1000)] = ""
    responders: Annotated[tuple[Responder, ...], msgspec.Meta(max_length=50)] = ()
    tags: Annotated[tuple[Word, ...], msgspec.Meta(max_length=19)] = ()
    priorities: dict[Severity, Priority] = {}


def deliver(delivery: Delivery, settings: Settings) -> Steps:
    """For each thread, its alert is created (or counted), gets notes about changes, or is closed."""
    name = ""
    for thread in threads_for(delivery):
        if not thread.is_open and not thread.was_open and not thread.remote:
            continue
        if not thread.is_open:
            yield from _request(settings, f"/{thread.marker}/close?identifierType=alias", _note(thread, delivery))
        else:
            yield from _request(settings, "", _alert(thread, delivery, settings))
            delivery.keep(thread.key, thread.marker)
            if thread.was_open:
                yield from _add_note_once(thread, delivery, settings)
        name = thread.marker
    return name


def _add_note_once(thread: Thread, delivery: Delivery, settings: Settings) -> Answers:
    """A note about what changed, once. A newly opened alert says it already."""
    path = f"/{thread.marker}/notes?identifierType=alias"
    there = yield _post(settings, f"{path}&limit=100&order=desc", None)
    if there.status == 200 and note_id(thread, delivery).encode() in there.body:
        return there
    return (yield from _request(settings, path, _note(thread, delivery)))


def _request(settings: Settings, path: str, body: dict[str, Any]) -> Answers:
    return check_reply((yield _post(settings, path, body)), "Opsgenie")


def _post(settings: Settings, path: str, body: dict[str, Any] | None) -> Outgoing:
    """A request below /v2/alerts; without a body it only reads."""
    headers = {"authorization": f"GenieKey {settings.api_key}", "content-type": "application/json"}
    return Post(
        url=f"{(settings.url or _HOSTS[settings.region]).rstrip('/')}/v2/alerts{path}",
        body=b"" if body is None else msgspec.json.encode(body),
        headers=headers,
        method="GET" if body is None else "POST",
        most=_MOST_ANSWER,
    )


def _note(thread: Thread, delivery: Delivery) -> dict[str, Any]:
    text = "\n".join(lines_of("\n".join(note_of(thread, delivery)), _MOST_NOTE - 200))
    return {"note": f"{text}\n{note_id(thread, delivery)}", "source": "Hullmark", "user": "Hullmark"}


def _alert(thread: Thread, delivery: Delivery, settings: Settings) -> dict[str, Any]:
    severity = severity_of(thread, delivery)
    link = link_of(delivery)
    head = [plain(delivery.title, 1000), *said_by(delivery, 6000), state_of(thread), link]
    images = list_items(
        thread.open, thread.open_count, 7500, lambda item: f"- {describe_image(item)} {why(item)}".rstrip()
    )
    return {
        "message": plain(thread.title, _MOST_MESSAGE),
        "alias": thread.marker,
        "description": "\n".join(lines_of("\n".join(filter(None, (*head, *images))), _MOST_DESCRIPTION - 2)),
        "responders": [msgspec.structs.asdict(responder) for responder in settings.responders],
        "tags": ["hullmark", *settings.tags],
        "details": {"account": account_of(delivery.notice), "severity": severity, "images": str(thread.open_count)}
        | ({"link": plain(link, 1000)} if link else {}),
        "entity": plain(thread.key, 512),
        "source": "Hullmark",
        "priority": settings.priorities.get(severity, _PRIORITIES[severity]),
    }


CHANNEL = Channel(
    name="opsgenie",
    title="Opsgenie",
    settings=Settings,
    deliver=deliver,
    is_threaded=True,
    carries=CARRIED,
    module=__name__,
)
