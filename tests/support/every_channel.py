"""A receiver for each kind of channel: settings that lead there, and all that came."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from tests.support.mailbox import Mailbox, mailbox
from tests.support.receivers import Receiver, receiver
from tests.support.trackers import GitHub, Jira, Opsgenie, PagerDuty, Tracker, served

_HOOKS = ("webhook", "slack", "teams", "mattermost", "discord", "anchore", "apprise")


class Receivers(NamedTuple):
    """`settings` of a channel of each kind."""

    settings: Mapping[str, dict[str, Any]]
    hooks: Receiver
    box: Mailbox
    trackers: Mapping[str, Tracker]

    def came(self) -> dict[str, list[bytes]]:
        """The bodies that came, by kind. A mail is given as it is and with its parts decoded."""
        found: dict[str, list[bytes]] = {kind: [] for kind in self.settings}
        for request in self.hooks.requests:
            found[request.path.strip("/").partition("?")[0]].append(request.body)
        for kind, tracker in self.trackers.items():
            found[kind] += [post.body + post.url.encode() for post in tracker.requests]
        for number, mail in enumerate(self.box.mails):
            parts = (part.get_payload(decode=True) for part in self.box.read(number).walk())
            found["email"] += [mail, *(part for part in parts if isinstance(part, bytes))]
        return found


@contextmanager
def every_channel() -> Iterator[Receivers]:
    """All of them on 127.0.0.1. The relay for mails is `smtp://127.0.0.1:PORT` with the port of `box`."""
    trackers: dict[str, Tracker] = {
        "pagerduty": PagerDuty(),
        "opsgenie": Opsgenie(),
        "jira": Jira(),
        "github": GitHub(),
    }
    with ExitStack() as stack:
        hooks = stack.enter_context(receiver((200, {}, b"ok")))
        box = stack.enter_context(mailbox())
        at = {kind: stack.enter_context(served(tracker)) for kind, tracker in trackers.items()}
        settings: dict[str, dict[str, Any]] = {kind: {"url": f"{hooks.url}/{kind}"} for kind in _HOOKS}
        settings["webhook"]["mode"] = "binary"
        settings["apprise"]["url"] = f"json://127.0.0.1:{hooks.port}/apprise"
        settings["email"] = {"to": ["ops@example.org"]}
        settings["pagerduty"] = {"url": at["pagerduty"], "routing_key": "R" * 32}
        settings["opsgenie"] = {"url": at["opsgenie"], "api_key": "K"}
        settings["jira"] = {"url": at["jira"], "project": "SEC", "email": "mail@example.org", "token": "T"}
        settings["github"] = {"url": at["github"], "repository": "o/r", "token": "T"}
        yield Receivers(settings, hooks, box, trackers)
