"""Every kind of channel. To add one, write a module with CHANNEL and put its name into a line below."""

from __future__ import annotations

from hullmark.model.plugin import plugins
from hullmark.notify.channel import Channel

_CHATS = ("slack", "teams", "mattermost", "discord")
_OTHERS = ("email", "apprise", "anchore", "pagerduty", "opsgenie", "jira", "github")

CHANNELS: dict[str, Channel] = {
    channel.name: channel for channel in plugins("hullmark.notify", ("webhook", *_CHATS, *_OTHERS), "CHANNEL")
}
"""By name."""
