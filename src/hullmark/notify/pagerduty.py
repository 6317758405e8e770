"""Channel `pagerduty`: an alert for each thread, through PagerDuty's Events API v2 (`POST /v2/enqueue`).

An alert is known by its dedup_key: triggered again it is brought up to date, or opened again where it was resolved; resolving it
twice does nothing. So nothing has to be looked for, and a repetition changes nothing. Events may have 512 KB; 400 says that an
event is wrong, 429 and 5xx that it is to be sent later.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from hullmark.model.advisory import Severity
from hullmark.model.notice import Item, Notice
from hullmark.notify.channel import SECRET, Channel, Delivery, Post, Steps, Thread, check_reply
from hullmark.notify.threaded import (
    CARRIED,
    account_of,
    describe_image,
    lines_of,
    link_of,
    plain,
    severity_of,
    state_of,
    threads_for,
    why,
)

_HOSTS = {"us": "https://events.pagerduty.com", "eu": "https://events.eu.pagerduty.com"}
_MOST_BYTES = 512_000
_MOST_SUMMARY = 1024
Level = Literal["critical", "error", "warning", "info"]
_LEVELS: dict[Severity, Level] = {
    "critical": "critical",
    "high": "error",
    "medium": "warning",
    "low": "info",
    "negligible": "info",
    "unknown": "warning",
}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`routing_key` is the integration key of a service. `region` is where the PagerDuty account lives; `url` another host than that.

    `levels` says which of PagerDuty's severities ours become, other than usual.
    """

    routing_key: Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[\x21-\x7e]+$", extra=SECRET)]
    region: Literal["us", "eu"] = "us"
    url: Annotated[str, msgspec.Meta(pattern=r"^(https?://[^\s/@?#\\][^\s@?#\\]*)?$", max_length=1000)] = ""
    levels: dict[Severity, Level] = {}


def deliver(delivery: Delivery, settings: Settings) -> Steps:
    """One event for each thread."""
    url = f"{(settings.url or _HOSTS[settings.region]).rstrip('/')}/v2/enqueue"
    name = ""
    for thread in threads_for(delivery):
        if not thread.is_open and not thread.was_open and not thread.remote:
            continue
        body = _trigger(thread, delivery, settings) if thread.is_open else _resolve(thread, settings)
        headers = {"content-type": "application/json"}
        check_reply((yield Post(url=url, body=body, headers=headers)), "PagerDuty")
        delivery.keep(thread.key, thread.marker)
        name = thread.marker
    return name


def _resolve(thread: Thread, settings: Settings) -> bytes:
    return msgspec.json.encode(
        {"routing_key": settings.routing_key, "event_action": "resolve", "dedup_key": thread.marker}
    )


def _trigger(thread: Thread, delivery: Delivery, settings: Settings) -> bytes:
    """The event, with as many images as fit."""
    count = len(thread.open)
    while True:
        body = msgspec.json.encode(_event(thread, delivery, settings, count))
        if len(body) <= _MOST_BYTES or not count:
            return body
        count //= 2


def _event(thread: Thread, delivery: Delivery, settings: Settings, count: int) -> dict[str, Any]:
    severity = severity_of(thread, delivery)
    link = link_of(delivery)
    about = {"client": "Hullmark", "client_url": link, "links": [{"href": link, "text": "All of it"}]} if link else {}
    return {
        **about,
        "routing_key": settings.routing_key,
        "event_action": "trigger",
        "dedup_key": thread.marker,
        "payload": {
            "summary": plain(f"{thread.title}: {state_of(thread)}", _MOST_SUMMARY),
            "source": f"hullmark/{account_of(delivery.notice)}",
            "severity": settings.levels.get(severity, _LEVELS[severity]),
            "timestamp": delivery.now.isoformat(),
            "group": account_of(delivery.notice),
            "class": plain(delivery.notice.cause.kind, 100) if isinstance(delivery.notice, Notice) else "digest",
            "custom_details": {
                "what": plain(delivery.title, 1000),
                "text": "\n".join(lines_of(delivery.text, 8000)),
                "severity": severity,
                "images": thread.open_count,
                "first": [_image(image) for image in thread.open[:count]],
            },
        },
    }


def _image(item: Item) -> dict[str, str]:
    return {
        "image": describe_image(item),
        "digest": plain(item.image, 200),
        "why": why(item),
        "link": plain(item.link, 1000),
    }


CHANNEL = Channel(
    name="pagerduty",
    title="PagerDuty",
    settings=Settings,
    deliver=deliver,
    is_threaded=True,
    carries=CARRIED,
    module=__name__,
)
