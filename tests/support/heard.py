"""What people were told by a server that runs: a webhook, a chat and a mailbox, and whether they heard the same."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field, replace
from email.message import EmailMessage
from typing import Any

from tests.support.mailbox import Mailbox
from tests.support.receiver import Received, Receiver

_STAR = "\u2217"
"""Stands for an asterisk in a chat, where that makes letters bold."""


@dataclass(frozen=True)
class Told:
    """A message: its cause's kind and subject, what became of which references, and all of it as the webhook had it."""

    kind: str
    subject: str
    items: frozenset[tuple[str, str]]
    event: dict[str, Any]

    @property
    def references(self) -> set[str]:
        """The references that it tells of."""
        return {reference for reference, _ in self.items if reference}

    @property
    def kinds(self) -> set[str]:
        """What became of them."""
        return {kind for _, kind in self.items}

    @property
    def cause(self) -> dict[str, Any]:
        """The cause as it was sent."""
        cause: dict[str, Any] = self.event["data"]["cause"]
        return cause


@dataclass
class Ears:
    """Who listens to an account. `secret` is what its webhook is signed with; what came before `forget` is not looked at any more."""

    hook: Receiver
    chat: Receiver
    box: Mailbox
    secret: str = ""
    _read: tuple[int, int, int] = field(default=(0, 0, 0))

    def forget(self) -> None:
        """Nothing was heard yet."""
        self._read = (len(self.hook.received), len(self.chat.received), len(self.box.mails))

    def heard(self, names: set[str]) -> list[Told]:
        """What came, in order: the same on all ways, with its cause, the images (of `names`) that it is about, and a fix."""
        first, second, third = self._read
        posts = self.hook.received[first:]
        chats = [json.loads(each.body) for each in self.chat.received[second:]]
        mails = [self.box.read(number) for number in range(third, len(self.box.mails))]
        found = [self._told(post) for post in posts]
        assert [len(chats), len(mails)] == [len(found)] * 2, (found, chats, mails)
        assert len({each.event["id"] for each in found}) == len(found)
        for told, chat, mail in zip(found, chats, mails, strict=True):
            for text in (_shown_in(chat).replace(_STAR, "*"), _plain(mail)):
                assert {name for name in names if name in text} == told.references, (told, text)
                assert told.cause["sentence"] in text
                for fix in {
                    each["fix_version"] for each in told.cause["evidence"] if each["is_gained"] or each["standing"]
                } - {""}:
                    assert fix in text
        return _wholes(found)

    def _told(self, post: Received) -> Told:
        stamp, number = post.headers["webhook-timestamp"], post.headers["webhook-id"]
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = hmac.new(key, f"{number}.{stamp}.".encode() + post.body, hashlib.sha256).digest()
        assert post.headers["webhook-signature"] == f"v1,{base64.b64encode(signed).decode()}"
        data = post.event["data"]
        assert number == post.event["id"] == data["id"]
        assert data["count"] == len(data["items"]) == sum(data["kinds"].values())
        items = frozenset((item["reference"], item["kind"]) for item in data["items"])
        assert len(items) == data["count"], "each image once"
        return Told(data["cause"]["kind"], data["cause"]["subject"], items, post.event)


def _wholes(found: list[Told]) -> list[Told]:
    """One for each cause: what comes later than it is waited for makes another part, which tells of nothing that was told before."""
    causes: dict[str, list[Told]] = {}
    for each in found:
        causes.setdefault(each.cause["key"], []).append(each)
    for parts in causes.values():
        assert [part.event["data"]["part"] for part in parts] == list(range(1, len(parts) + 1))
        assert sum(len(part.items) for part in parts) == len(frozenset().union(*(part.items for part in parts)))
    return [replace(parts[0], items=frozenset().union(*(part.items for part in parts))) for parts in causes.values()]


def _shown_in(value: Any) -> str:
    """All texts of a chat's message."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(map(_shown_in, value.values()))
    return "\n".join(map(_shown_in, value)) if isinstance(value, list) else ""


def _plain(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return f"{mail['Subject']}\n{body.get_content()}"
