"""`hullmark message`: what a server told people, and whether it arrived."""

from __future__ import annotations

import argparse
from typing import Any

from hullmark.cli.remote.actions import Action, add_actions, add_limit, api_of
from hullmark.cli.rows import add_output

NAME = "message"
HELP = "list the messages that the server sent or is about to send, show them, send them again"
EPILOG = "`hullmark message ACTION --help` says more of each. docs/how-to/be-told.md shows them at work."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_actions(parser, _ACTIONS)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action].run(arguments)


def _listing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--channel", metavar="NAME", default="", help="only of this channel")
    parser.add_argument(
        "--state", metavar="STATE", default="", help="only gathering, waiting, delivered or dead (given up)"
    )
    parser.add_argument("--since", metavar="TIME", default="", help="begun from this moment on")
    parser.add_argument("--before", metavar="TIME", default="", help="begun before this moment")
    add_limit(parser)
    add_output(parser)


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("number", metavar="ID", type=int, help="the message")
    add_output(parser)


def _list(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_list, time_of

    columns: list[Any] = [
        ("ID", "id"),
        ("BEGUN", time_of("opened_at")),
        ("CHANNEL", "channel"),
        ("STATE", "state"),
        ("ITEMS", "items"),
        ("ABOUT", _about),
        ("ATTEMPTS", "attempts"),
        ("REASON", "last_error"),
    ]
    names = ("channel", "state", "since", "before")
    query = {name: getattr(arguments, name) or None for name in names}
    return show_list(arguments, api_of(arguments).pages("/messages", query, arguments.limit), columns, "no message")


def _about(item: Any) -> str:
    return str(item["cause"]["subject"] or item["cause"]["sentence"]) if item["cause"] else str(item["form"])


def _show(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_lines

    found = api_of(arguments).json("GET", f"/messages/{arguments.number}")
    return show_lines(arguments, found, _told)


def _told(found: Any) -> list[str]:
    message = found["message"]
    cause = (found["cause"] or {}).get("sentence", "") or message["form"]
    lines = [f"message {message['id']} to {message['channel']}: {message['state']}", cause]
    lines += [f"  {count} {kind}" for kind, count in found["kinds"].items()]
    lines += [f"  {stage.replace('_', ' to ')}: {seconds:.3f} s" for stage, seconds in found["latency"].items()]
    for each in found["attempts"]:
        status = f" (status {each['status']})" if each["status"] else ""
        lines.append(
            f"{each['at'][:19]}Z {each['outcome']} in {each['milliseconds']} ms{status} {each['error']}".rstrip()
        )
    return lines


def _redeliver(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    sent = api_of(arguments).json("POST", f"/messages/{arguments.number}/redeliver")
    return show(arguments, sent, lambda each: f"message {each['id']} is sent again")


_ACTIONS = {
    "list": Action("list messages, the newest first", _listing, _list),
    "show": Action("show a message, its attempts, and how long each stage took", _naming, _show),
    "redeliver": Action("send a message again that was given up, or arrived", _naming, _redeliver),
}
