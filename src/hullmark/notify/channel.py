"""What a channel is: settings, and how a notice goes out there, step by step, without touching the network itself.

A channel's `deliver` is a generator: it yields what is to be sent (a Post, a Mail, a Relay), is sent the answer, and ends when the notice
has arrived. It raises Again where the same may work later, Refused where it never will. Whoever drives it does the sending, under the
server's guard, with its timeouts and limits.

To add a channel, write a module with CHANNEL and put it into `channels.CHANNELS`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import msgspec

from hullmark.model.notice import Digest, Item, Notice, TransitionKind

SECRET = {"secret": True}
"""`msgspec.Meta(extra=SECRET)` marks a setting that is encrypted, and never shown again."""


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP request to send. Redirects are not followed. At most `most` bytes of an answer are read; the rest is cut off."""

    url: str
    body: bytes = b""
    headers: Mapping[str, str] = {}
    method: str = "POST"
    most: int = 64 << 10


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail to send, through the server's own relay or the channel's. `thread` makes mails of one cause one conversation."""

    to: tuple[str, ...]
    subject: str
    text: str
    html: str = ""
    message_id: str = ""
    thread: str = ""
    relay: str = ""
    sender: str = ""


UNSAID_HOST = "hullmark.invalid"
"""Placeholder in the ids of mails for the host of a sender that only the server knows."""


class Relay(msgspec.Struct, frozen=True, kw_only=True):
    """A message that `apprise` passes on to the service of a URL."""

    url: str
    title: str
    body: str
    level: Literal["info", "success", "warning", "failure"] = "info"


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer. For mails and relays, status 200 is success. Names of headers are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}


Outgoing = Post | Mail | Relay
Steps = Generator[Outgoing, Reply, str]
"""What is sent, step by step; at the end the name of what was created elsewhere ("": none)."""


class Again(Exception):
    """It did not arrive, but may later. `after`: wait at least this many seconds."""

    def __init__(self, reason: str, *, status: int | None = None, after: float | None = None) -> None:
        """`reason` is shown to people: no secrets in it."""
        super().__init__(reason)
        self.status = status
        self.after = after


class MessageRefused(Exception):
    """The receiver will never take this message, though it may take others."""

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        """`reason` is shown to people: no secrets in it."""
        super().__init__(reason)
        self.status = status


class Thread(msgspec.Struct, frozen=True, kw_only=True):
    """The wanted state of an issue or incident: `remote` is its name there ("": not created yet), `open` the first open problems.

    `marker` is a word that no other thread of any channel has: what was made is found by it where `remote` could not be kept.
    """

    key: str
    marker: str
    title: str
    remote: str
    is_open: bool
    was_open: bool
    open: tuple[Item, ...] = ()
    open_count: int = 0


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """A message to deliver: a notice or a digest, with the title and text that people read, as the channel's templates say.

    `threads` are for channels that keep issues or incidents: all that this notice opens, changes or closes; `keep(key, remote)` is called
    as soon as the name of one is known, and whoever drives the steps writes it down before the next. `evaluation` gives the whole
    verdict with a number (as the API shows it, as `evaluation_before` the one before it on the same image, policy and environment), for
    channels that send it along. `all_items` gives all items of the message, for channels that tell of them one by one (None:
    those that the notice names are all); `reached(id)` is called when one has arrived, so that another attempt may begin behind
    it. `subscribed(type, tag)` says whether Anchore's subscriptions want such a message. `earlier` is what `deliver` answered on
    this channel for the first part of the same cause. `now` is the moment of sending.
    """

    notice: Notice | Digest
    title: str
    text: str
    now: datetime
    threads: tuple[Thread, ...] = ()
    earlier: str = ""
    keep: Callable[[str, str], None] = field(default=lambda key, remote: None)
    evaluation: Callable[[int], Mapping[str, Any] | None] = field(default=lambda number: None)
    evaluation_before: Callable[[int], Mapping[str, Any] | None] = field(default=lambda number: None)
    all_items: Callable[[], Iterable[Item]] | None = None
    reached: Callable[[int], None] = field(default=lambda id: None)
    subscribed: Callable[[str, str], bool] = field(default=lambda type, tag: True)


@dataclass(frozen=True, kw_only=True)
class Channel:
    """A kind of channel. `settings` is a msgspec struct; `deliver` is as the module says.

    An `is_threaded` channel gets threads, an `is_single` one `all_items`, `subscribed` and evaluations: it reports every item by
    itself. `carries` are the kinds of transitions that it can express (None: all): others are left out of its messages. `address` says
    where people can read what it made, by the settings that are not secret and by the name there ("": nowhere); what keeps issues has it.
    """

    name: str
    title: str
    settings: type[msgspec.Struct]
    deliver: Callable[[Delivery, Any], Steps]
    is_threaded: bool = False
    is_single: bool = False
    carries: frozenset[TransitionKind] | None = None
    address: Callable[[Mapping[str, Any], str], str] | None = None
    module: str = ""


def check_reply(reply: Reply, where: str, *, limit: int = 300) -> Reply:
    """The reply if it is a success. Raises Again or Refused, with the receiver's words."""
    if 200 <= reply.status < 300:
        return reply
    answer = " ".join(reply.body[:limit].decode("utf-8", "replace").split())
    reason = f"{where} answered {reply.status}" + (f": {answer}" if answer else "")
    if reply.status in (400, 405, 413, 415, 422):
        raise MessageRefused(reason, status=reply.status)
    raise Again(reason, status=reply.status, after=retry_after(reply))


def retry_after(reply: Reply) -> float | None:
    """The seconds that a receiver asks us to wait, an hour at most; None if it does not say."""
    text = reply.headers.get("retry-after", "").strip()
    return (
        min(float(text), 3600.0) if text.isascii() and text.replace(".", "", 1).isdigit() and len(text) < 12 else None
    )
