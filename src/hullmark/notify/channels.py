"""Every kind of channel. To add one, write a module with CHANNEL and list it here."""

from __future__ import annotations

from hullmark.notify import (
    anchore,
    apprise,
    discord,
    email,
    github,
    jira,
    mattermost,
    opsgenie,
    pagerduty,
    slack,
    teams,
    webhook,
)
from hullmark.notify.channel import Channel

CHANNELS: dict[str, Channel] = {
    channel.name: channel
    for channel in (
        webhook.CHANNEL,
        slack.CHANNEL,
        teams.CHANNEL,
        mattermost.CHANNEL,
        discord.CHANNEL,
        email.CHANNEL,
        apprise.CHANNEL,
        anchore.CHANNEL,
        pagerduty.CHANNEL,
        opsgenie.CHANNEL,
        jira.CHANNEL,
        github.CHANNEL,
    )
}
"""By name."""
