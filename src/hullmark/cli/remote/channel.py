"""`hullmark channel`: where a server tells people what changed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from hullmark.cli.remote.actions import Action, add_actions, add_limit, api_of
from hullmark.cli.rows import add_output

NAME = "channel"
HELP = "list, add, change, test and replay the channels through which the server tells people"
EPILOG = "`hullmark channel ACTION --help` says more of each. docs/how-to/be-told.md shows them at work."

_MOST = 200_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_actions(parser, _ACTIONS)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action].run(arguments)


def _listing(parser: argparse.ArgumentParser) -> None:
    add_limit(parser)
    add_output(parser)


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the channel")
    add_output(parser)


def _wishing(parser: argparse.ArgumentParser) -> None:
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
    _wishing(parser)
    parser.add_argument("--off", action="store_true", help="nothing is sent until it is switched on")
    add_output(parser)


def _changing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the channel")
    _wishing(parser)
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


def _replaying(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the channel")
    parser.add_argument("--since", metavar="TIME", required=True, help="what was to be sent from this moment on")
    parser.add_argument("--until", metavar="TIME", help="and before this one")
    parser.add_argument("--delivered", action="store_true", help="also what arrived, not only what was given up")
    add_output(parser)


def _list(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_list, time_of

    columns: list[Any] = [("CHANNEL", "name"), ("KIND", "kind"), ("STATE", "state"), ("WAITING", "waiting")]
    more: list[Any] = [("DEAD", "dead"), ("SINCE", time_of("failing_since")), ("REASON", "last_error")]
    found = api_of(arguments).pages("/channels", most=arguments.limit)
    return show_list(arguments, found, [*columns, *more], "no channel")


def _show(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_fields

    return show_fields(arguments, api_of(arguments).json("GET", _path(arguments)))


def _add(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    wish = {
        "name": arguments.name,
        "kind": arguments.kind,
        "settings": _settings(arguments, {}),
        "templates": _templates(arguments, {}),
        "is_active": not arguments.off,
    }
    made = api_of(arguments).json("POST", "/channels", document=wish)
    return show(arguments, made, _made)


def _made(channel: Any) -> str:
    told = f"channel {channel['name']} added"
    if channel.get("secret"):
        told += f"; it signs with {channel['secret']}, which is not shown again"
    return told


def _change(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    api = api_of(arguments)
    wish: dict[str, Any] = {}
    there = api.json("GET", _path(arguments))
    if arguments.set or arguments.secret or arguments.settings:
        wish["settings"] = _settings(arguments, {} if arguments.settings else there["settings"])
    if arguments.title is not None or arguments.text is not None:
        wish["templates"] = _templates(arguments, there["templates"])
    if arguments.on or arguments.off:
        wish["is_active"] = arguments.on
    kept = api.json("PATCH", _path(arguments), document=wish)
    return show(arguments, kept, lambda each: f"channel {each['name']} changed: {each['state']}")


def _remove(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    api_of(arguments).json("DELETE", _path(arguments))
    return show(arguments, {"removed": arguments.name}, lambda each: f"channel {each['removed']} removed")


def _test(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    sent = api_of(arguments).json("POST", f"{_path(arguments)}/test")
    show(arguments, sent, _sent)
    return 0 if sent["outcome"] == "delivered" else 1


def _sent(sent: Any) -> str:
    status = f" (status {sent['status']})" if sent["status"] else ""
    word = "delivered" if sent["outcome"] == "delivered" else "not delivered"
    return f"{word} in {sent['milliseconds']} ms{status}" + (f": {sent['error']}" if sent["error"] else "")


def _preview(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_lines

    wish: dict[str, Any] = {"message": arguments.message}
    if arguments.title is not None or arguments.text is not None:
        wish["templates"] = _templates(arguments, {})
    seen = api_of(arguments).json("POST", f"{_path(arguments)}/preview", document=wish)
    return show_lines(arguments, seen, _previewed)


def _previewed(seen: Any) -> list[str]:
    lines = [seen["title"], "", seen["text"]]
    for each in seen["sends"]:
        where = f"{each.get('method', '')} {each.get('url', '')}".strip() or ", ".join(each.get("to", []))
        lines += ["", f"--- {each['type']} {where}"]
        lines += [f"{name}: {value}" for name, value in each.get("headers", {}).items()]
        lines += ["", each.get("body", "")]
    return [*lines, "", seen["note"]] if seen["note"] else lines


def _replay(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    wish = {"since": arguments.since, "until": arguments.until, "include_delivered": arguments.delivered}
    told = api_of(arguments).json("POST", f"{_path(arguments)}/replay", document=wish)
    return show(arguments, told, lambda each: f"{each['messages']} messages are sent again")


def _rotate(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    made = api_of(arguments).json("POST", f"{_path(arguments)}/rotate")
    return show(
        arguments,
        made,
        lambda each: f"signs with {each['secret']} now, and with the old one until {each['previous_until'][:19]}Z",
    )


def _path(arguments: argparse.Namespace) -> str:
    from hullmark.net.api_client import segment

    return f"/channels/{segment(arguments.name)}"


def _settings(arguments: argparse.Namespace, there: dict[str, Any]) -> dict[str, Any]:
    """The settings of the file, of `--set` and of `--secret`, over those that are there."""
    import json

    from hullmark.cli.remote.asking import asked
    from hullmark.model.errors import HullmarkError

    found = dict(there)
    if arguments.settings:
        try:
            document = json.loads(_read(arguments.settings))
        except (ValueError, RecursionError) as error:
            raise HullmarkError(f"{arguments.settings} is no JSON: {error}", advice="write an object") from error
        if not isinstance(document, dict):
            raise HullmarkError(f"{arguments.settings} holds no object", advice='write {"url": "https://…"}')
        found |= document
    for name, value in _pairs(arguments.set):
        found[name] = value
    for name in arguments.secret:
        found[name] = asked(name)
    return found


def _pairs(texts: Iterable[str]) -> Iterable[tuple[str, Any]]:
    import json

    from hullmark.model.errors import HullmarkError

    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise HullmarkError(f"{text[:50]!r} is no setting", advice="write KEY=VALUE")
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


_ACTIONS = {
    "list": Action("list the channels, and how they fare", _listing, _list),
    "show": Action("show a channel", _naming, _show),
    "add": Action("add a channel", _adding, _add),
    "change": Action("change a channel's settings or templates, or switch it on or off", _changing, _change),
    "remove": Action("remove a channel with its messages", _naming, _remove),
    "test": Action("send a test through a channel (exit status 1: it did not arrive)", _naming, _test),
    "preview": Action("show what a channel would send", _previewing, _preview),
    "replay": Action("send again what was given up, or all, since a moment", _replaying, _replay),
    "rotate": Action(
        "replace the secret that a channel signs with; the old one counts for another day", _naming, _rotate
    ),
}
