"""`hullmark message`: what a server told people, and whether it arrived."""

from __future__ import annotations

import argparse
from typing import Any

from hullmark.cli.remote.actions import api_of
from hullmark.cli.remote.noun import Noun, acting, at, field, listing, name_field, sending
from hullmark.cli.remote.shown import Column, show_lines, time_of

_ALL, _ONE = "/messages", "/messages/{name}"
_MESSAGE = name_field("the message", "ID", type=int)

_FILTERS = (
    field("--channel", "only of this channel", metavar="NAME", default=""),
    field("--state", "only gathering, waiting, delivered or dead (given up)", metavar="STATE", default=""),
    field("--since", "begun from this moment on", metavar="TIME", default=""),
    field("--before", "begun before this moment", metavar="TIME", default=""),
)


def _about(item: Any) -> str:
    return str(item["cause"]["subject"] or item["cause"]["sentence"]) if item["cause"] else str(item["form"])


_COLUMNS: tuple[Column, ...] = (
    ("ID", "id"),
    ("BEGUN", time_of("opened_at")),
    ("CHANNEL", "channel"),
    ("STATE", "state"),
    ("ITEMS", "items"),
    ("ABOUT", _about),
    ("ATTEMPTS", "attempts"),
    ("REASON", "last_error"),
)


def _show(arguments: argparse.Namespace) -> int:
    return show_lines(arguments, api_of(arguments).get(at(_ONE, arguments)), _format_message)


def _format_message(found: Any) -> list[str]:
    message = found["message"]
    cause = (found["cause"] or {}).get("sentence", "") or message["form"]
    lines = [f"message {message['id']} to {message['channel']}: {message['state']}", cause]
    lines += [f"  {count} {kind}" for kind, count in found["kinds"].items()]
    lines += [f"  {stage.replace('_', ' to ')}: {seconds:.3f} s" for stage, seconds in found["latency"].items()]
    for attempt in found["attempts"]:
        status = f" (status {attempt['status']})" if attempt["status"] else ""
        ended = f"{attempt['outcome']} in {attempt['milliseconds']} ms{status}"
        lines.append(f"{attempt['at'][:19]}Z {ended} {attempt['error']}".rstrip())
    return lines


VERBS = (
    Noun(
        "message",
        "list, show and send again the notifications of the server",
        {
            "list": listing("list messages, the newest first", _ALL, _COLUMNS, "no message", _FILTERS),
            "show": acting("show a message, its attempts, and how long each stage took", (_MESSAGE,), _show),
            "redeliver": sending(
                "send a message again that was given up, or arrived",
                *("POST", f"{_ONE}/redeliver", (_MESSAGE,), "message {id} is sent again"),
            ),
        },
        guide="be-told",
    ),
)
