"""Which issues and incidents a message opens, changes or closes, in channels that keep such threads.

A thread is what one subject caused in one channel: it is opened by the first image that a vulnerability (a policy, a tag …) puts
out of compliance, is about all images that it does so to, and is closed when none is left. What the same subject causes later
goes into the same thread, which is opened again. Images of an application have one thread together instead, whatever puts them out of
compliance.

To deliver a message through a channel with `is_threaded`:

1. in a transaction of its own, before the first step: `threads = await threads_of(connection, channel, message_id, link)`, and commit;
2. drive `CHANNEL.deliver(Delivery(threads=threads, keep=keep, …), settings)`, where `keep(key, remote)` appends to a list;
3. after each step, before the next request goes out: for what is in the list, `await keep_remote(connection, channel.id, key, remote)`
   in a transaction that is committed at once.

Sent again, the message is handed the same threads in their present state. Messages of a channel are to be sealed and sent in order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

import msgspec

from hullmark.model.advisory import SEVERITIES
from hullmark.model.limit import Limit
from hullmark.model.notice import Evidence, Item
from hullmark.notify.channel import Thread
from hullmark.server.stories.places.applications import applications_of
from hullmark.server.tables.database import Connection
from hullmark.server.tables.notice import threads
from hullmark.server.tables.notice.threads import NamedThreads, OpenRow, ThreadRow, keep_remote

MOST_IMAGES = Limit(200, "images that a thread names; all are counted", "shortened")
"""The most images that a thread names; it counts them all."""

_MOST_SUBJECT = 300
_FAMILIES = {
    "advisory": "advisory",
    "retraction": "advisory",
    "severity": "advisory",
    "exploitation": "advisory",
    "fix": "advisory",
    "vex": "advisory",
    "image": "tag",
}
"""Kinds of causes that are one as long as they have the same subject; the others are families of their own."""

_TITLES = {
    "advisory": "{} puts images out of compliance",
    "policy": "Policy {} finds images out of compliance",
    "exception": "Without the exception {}, images are out of compliance",
    "tag": "{} points to an image that is out of compliance",
    "lifecycle": "The support of {} ends, images are out of compliance",
    "time": "{}: time has put images out of compliance",
    "data": "{}: images are out of compliance",
    "place": "{}: where images run puts them out of compliance",
    "signatures": "{}: what is signed about it is not enough",
    "application": "Images of the application {} are out of compliance",
}


class OfChannel(Protocol):
    """What has to be known of a channel."""

    @property
    def id(self) -> UUID: ...
    @property
    def account_id(self) -> int: ...


def thread_key(kind: str, subject: str) -> str:
    """The key of the thread that causes of a kind about a subject go into: `advisory:CVE-2026-1`, `policy:NAME`, `tag:HOST/REPO:TAG` …"""
    if len(subject) > _MOST_SUBJECT:
        subject = f"{subject[:_MOST_SUBJECT]}…{hashlib.sha256(subject.encode('utf-8', 'replace')).hexdigest()[:16]}"
    return f"{_FAMILIES.get(kind, kind)}:{subject}"


def marker_of(channel_id: UUID, key: str) -> str:
    """The word that a thread of a channel is found by elsewhere: letters, digits and `-` alone, whatever is in the key."""
    return f"hullmark-{hashlib.sha256(f'{channel_id} {key}'.encode('utf-8', 'replace')).hexdigest()[:24]}"


async def threads_of(
    connection: Connection, channel: OfChannel, message_id: int, link: Callable[[str], str] = lambda digest: ""
) -> tuple[Thread, ...]:
    """The threads that a message opens, changes or closes: computed from all its transitions the first time, as they are now after that.

    `link` leads from an image's digest to it.
    """
    if await threads.count_message(connection, channel.account_id, message_id):
        causes = await threads.causes_of(connection, channel.account_id, message_id)
        images = await threads.images_of(connection, channel.account_id, message_id)
        owners = await applications_of(connection, channel.account_id, images)
        named = NamedThreads(
            of_causes={cause.id: _make_thread_title(cause.kind, cause.subject) for cause in causes},
            of_images={
                image: [_make_thread_title("application", name) for name in names] for image, names in owners.items()
            },
        )
        await threads.apply_message(connection, channel.account_id, channel.id, message_id, named)
    rows = await threads.changed_by(connection, channel.id, message_id)
    keys = [row.key for row in rows if row.open_count]
    listed: dict[str, list[Item]] = {row.key: [] for row in rows}
    for image in await threads.open_images(connection, channel.account_id, channel.id, keys, MOST_IMAGES):
        listed[image.thread].append(_item(image, link))
    return tuple(_thread(channel.id, row, tuple(listed[row.key])) for row in rows)


def _make_thread_title(kind: str, subject: str) -> tuple[str, str]:
    key = thread_key(kind, subject)
    family, _, about = key.partition(":")
    return key, _TITLES.get(family, "{}: images are out of compliance").format(about or family)


def _item(row: OpenRow, link: Callable[[str], str]) -> Item:
    known = msgspec.structs.asdict(row)
    known.pop("thread")
    known["severity"] = SEVERITIES[row.severity]
    known["evidence"] = msgspec.convert(row.evidence, tuple[Evidence, ...])
    return Item(**known, link=link(row.image) if row.image else "")


def _thread(channel_id: UUID, row: ThreadRow, listed: tuple[Item, ...]) -> Thread:
    return Thread(
        key=row.key,
        marker=marker_of(channel_id, row.key),
        title=row.title,
        remote=row.remote,
        is_open=row.state == "open",
        was_open=row.was_open,
        open=listed,
        open_count=row.open_count,
    )


__all__ = ["MOST_IMAGES", "OfChannel", "keep_remote", "marker_of", "thread_key", "threads_of"]
