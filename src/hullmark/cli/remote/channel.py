"""`hullmark channel`: where a server tells people what changed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from hullmark.cli.remote.actions import Action, api_of
from hullmark.cli.remote.noun import Noun, acting, at, field, listing, name_field, removing, sending, showing
from hullmark.cli.remote.shown import show, show_lines, time_of
from hullmark.cli.rows import add_output

_ALL, _ONE, _CHANNEL = "/channels", "/channels/{name}", name_field("the channel")
_MOST = 200_000

_COLUMNS = (
    ("CHANNEL", "name"),
    ("KIND", "kind"),
    ("STATE", "state"),
    ("WAITING", "waiting"),
    ("DEAD", "dead"),
    ("SINCE", time_of("failing_since")),
    ("REASON", "last_error"),
)
_AGAIN = (
    _CHANNEL,
    field("--since", "what was to be sent from this moment on", metavar="TIME", required=True),
    field("--until", "and before this one", metavar="TIME"),
    field(
        "--delivered",
        "also what arrived, not only what was given up",
        sent="include_delivered",
        action="store_true",
    ),
)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="a setting; JSON, or a text (repeatable)"
    )
    parser.add_argument(
        "--secret",
        metavar="KEY",
        action="append",
        default=[],
        help="a setting that is asked for, or read from standard input, a line each (repeatable)",
    )
    parser.add_argument("--settings", metavar="FILE", help="all settings, as a JSON object in a file")
    parser.add_argument("--title", metavar="TEMPLATE", help="a template for titles, or @FILE (empty: the usual words)")
    parser.add_argument("--text", metavar="TEMPLATE", help="a template for texts, or @FILE (empty: the usual words)")


def _adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="how it is to be called")
    parser.add_argument("--kind", metavar="KIND", required=True, help="what it is: `hullmark channels` lists them")
    _add_settings(parser)
    parser.add_argument("--off", action="store_true", help="nothing is sent until it is switched on")
    add_output(parser)


def _changing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the channel")
    _add_settings(parser)
    either = parser.add_mutually_exclusive_group()
    either.add_argument("--on", action="store_true", help="send what waits")
    either.add_argument("--off", action="store_true", help="send nothing; messages wait")
    add_output(parser)


def _previewing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the channel")
    parser.add_argument("--message", metavar="ID", type=int, help="show this message (default: a sample)")
    parser.add_argument("--title", metavar="TEMPLATE", help="as if it had this template for titles, or @FILE")
    parser.add_argument("--text", metavar="TEMPLATE", help="as if it had this template for texts, or @FILE")
    add_output(parser)


def _add(arguments: argparse.Namespace) -> int:
    request = {
        "name": arguments.name,
        "kind": arguments.kind,
        "settings": _settings(arguments, {}),
        "templates": _templates(arguments, {}),
        "is_active": not arguments.off,
    }
    made = api_of(arguments).json("POST", _ALL, document=request)
    return show(arguments, made, _describe_creation)


def _describe_creation(channel: Any) -> str:
    sentence = f"channel {channel['name']} added"
    if channel.get("secret"):
        sentence += f"; it signs with {channel['secret']}, which is not shown again"
    return sentence


def _change(arguments: argparse.Namespace) -> int:
    api = api_of(arguments)
    request: dict[str, Any] = {}
    there = api.json("GET", at(_ONE, arguments))
    if arguments.set or arguments.secret or arguments.settings:
        request["settings"] = _settings(arguments, {} if arguments.settings else there["settings"])
    if arguments.title is not None or arguments.text is not None:
        request["templates"] = _templates(arguments, there["templates"])
    if arguments.on or arguments.off:
        request["is_active"] = arguments.on
    kept = api.json("PATCH", at(_ONE, arguments), document=request)
    return show(arguments, kept, lambda channel: f"channel {channel['name']} changed: {channel['state']}")


def _test(arguments: argparse.Namespace) -> int:
    sent = api_of(arguments).json("POST", at(f"{_ONE}/test", arguments))
    show(arguments, sent, _describe_delivery)
    return 0 if sent["outcome"] == "delivered" else 1


def _describe_rotation(made: Any) -> str:
    return f"signs with {made['secret']} now, and with the old one until {made['previous_until'][:19]}Z"


def _describe_delivery(sent: Any) -> str:
    status = f" (status {sent['status']})" if sent["status"] else ""
    word = "delivered" if sent["outcome"] == "delivered" else "not delivered"
    return f"{word} in {sent['milliseconds']} ms{status}" + (f": {sent['error']}" if sent["error"] else "")


def _preview(arguments: argparse.Namespace) -> int:
    request: dict[str, Any] = {"message": arguments.message}
    if arguments.title is not None or arguments.text is not None:
        request["templates"] = _templates(arguments, {})
    seen = api_of(arguments).json("POST", at(f"{_ONE}/preview", arguments), document=request)
    return show_lines(arguments, seen, _format_preview)


def _format_preview(seen: Any) -> list[str]:
    lines = [seen["title"], "", seen["text"]]
    for message in seen["sends"]:
        where = f"{message.get('method', '')} {message.get('url', '')}".strip() or ", ".join(message.get("to", []))
        lines += ["", f"--- {message['type']} {where}"]
        lines += [f"{name}: {value}" for name, value in message.get("headers", {}).items()]
        lines += ["", message.get("body", "")]
    return [*lines, "", seen["note"]] if seen["note"] else lines


def _settings(arguments: argparse.Namespace, there: dict[str, Any]) -> dict[str, Any]:
    """The settings of the file, of `--set` and of `--secret`, over those that are there."""
    import json

    from hullmark.cli.remote.asking import prompt_value
    from hullmark.model.errors import HullmarkError

    found = dict(there)
    if arguments.settings:
        try:
            document = json.loads(_read(arguments.settings))
        except (ValueError, RecursionError) as error:
            raise HullmarkError(f"{arguments.settings} is not JSON: {error}", advice="write an object") from error
        if not isinstance(document, dict):
            raise HullmarkError(f"{arguments.settings} holds no object", advice='write {"url": "https://…"}')
        found |= document
    for name, value in _pairs(arguments.set):
        found[name] = value
    for name in arguments.secret:
        found[name] = prompt_value(name)
    return found


def _pairs(texts: Iterable[str]) -> Iterable[tuple[str, Any]]:
    import json

    from hullmark.model.errors import HullmarkError

    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise HullmarkError(f"{text[:50]!r} is not a setting", advice="write KEY=VALUE")
        try:
            yield name, json.loads(value)
        except (ValueError, RecursionError):
            yield name, value


def _templates(arguments: argparse.Namespace, there: dict[str, str]) -> dict[str, str]:
    given = {"title": arguments.title, "text": arguments.text}
    return {
        **there,
        **{name: _read(text[1:]) if text.startswith("@") else text for name, text in given.items() if text is not None},
    }


def _read(path: str) -> str:
    from pathlib import Path

    from hullmark.model.errors import HullmarkError

    try:
        with Path(path).open(encoding="utf-8") as file:
            text = file.read(_MOST + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise HullmarkError(f"{path} cannot be read: {error}", advice="check the path") from error
    if len(text) > _MOST:
        raise HullmarkError(f"{path} is longer than {_MOST} characters", advice="make it shorter")
    return text


VERBS = (
    Noun(
        "channel",
        "list, add, change and test the channels of notifications",
        {
            "list": listing("list the channels, and how they fare", _ALL, _COLUMNS, "no channel"),
            "show": showing("show a channel", _ONE, _CHANNEL),
            "add": Action("add a channel", _adding, _add),
            "change": Action("change a channel's settings or templates, or switch it on or off", _changing, _change),
            "delete": removing(
                "remove a channel with its messages", _ONE, _CHANNEL, "removed", "channel {removed} removed"
            ),
            "test": acting("send a test through a channel (exit status 1: it did not arrive)", (_CHANNEL,), _test),
            "preview": Action("show what a channel would send", _previewing, _preview),
            "replay": sending(
                "send again what was given up, or all, since a moment",
                *("POST", f"{_ONE}/replay", _AGAIN, "{messages} messages are sent again"),
            ),
            "rotate": sending(
                "replace the secret that a channel signs with; the old one counts for another day",
                *("POST", f"{_ONE}/rotate", (_CHANNEL,), _describe_rotation),
            ),
        },
        guide="be-told",
    ),
)
