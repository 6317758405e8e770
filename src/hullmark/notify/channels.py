"""Every kind of channel. To add one, write a module with CHANNEL and put it here."""

from __future__ import annotations

from hullmark.notify import webhook
from hullmark.notify.channel import Channel

CHANNELS: dict[str, Channel] = {each.name: each for each in (webhook.CHANNEL,)}
"""By name."""
