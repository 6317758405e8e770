"""Channel `webhook`: placeholder until written."""

from __future__ import annotations

from typing import Any

import msgspec

from hullmark.notify.channel import Channel, Post, Steps, Wish, judged


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where to."""

    url: str


def deliver(wish: Wish, settings: Any) -> Steps:
    """One request."""
    judged((yield Post(url=settings.url, body=msgspec.json.encode(wish.notice))), settings.url)
    return ""


CHANNEL = Channel(name="webhook", title="Webhook", settings=Settings, deliver=deliver, module=__name__)
