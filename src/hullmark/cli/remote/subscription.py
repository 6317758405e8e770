"""`hullmark subscription`: who wants to hear of what, where and when."""

from __future__ import annotations

import argparse
from typing import Any

from hullmark.cli.remote.actions import Action, api_of
from hullmark.cli.remote.noun import Noun, at, listing, name_field, removing, showing
from hullmark.cli.remote.shown import Column, show, show_list, time_of
from hullmark.cli.rows import add_output

_ALL, _ONE, _SUBSCRIPTION = "/subscriptions", "/subscriptions/{name}", name_field("the subscription")
_SEVERITIES = ("unknown", "negligible", "low", "medium", "high", "critical")
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PLAIN = ("severity", "scope", "stopped", "timezone", "digest_at")
_MANY = {"channel": "channels", "kind": "kinds", "environment": "environments"}


def _days(text: str) -> list[int]:
    names = text.lower().split(",")
    if not all(name in _DAYS for name in names):
        raise argparse.ArgumentTypeError(f"{text!r} are not days: write mon,tue,wed,thu,fri,sat,sun, or some of these")
    return sorted({_DAYS.index(name) + 1 for name in names})


def _hours(text: str) -> tuple[str, str]:
    begins, dash, until = text.partition("-")
    if not dash or not begins or not until:
        raise argparse.ArgumentTypeError(f"{text!r} are not hours: write them as 22:00-07:00")
    return begins, until


def _name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the subscription")


def _saying(parser: argparse.ArgumentParser) -> None:
    """What a subscription says. What is left out is as it was, or as it usually is."""
    parser.add_argument("--channel", metavar="NAME", action="append", help="only this one; again for more; '' for all")
    parser.add_argument("--kind", metavar="KIND", action="append", help="as compliance.*; again for more; '' for all")
    parser.add_argument("--images", metavar="PATTERN", help="wildcards on HOST/REPOSITORY:TAG, with commas between")
    parser.add_argument("--environment", metavar="NAME", action="append", help="again for more; '' for all")
    parser.add_argument("--severity", choices=_SEVERITIES, help="at least this; what has no rating passes")
    parser.add_argument(
        "--scope", choices=("watched", "deployed", "all"), help="watched: images that passed once, or run (the usual)"
    )
    parser.add_argument(
        "--stopped",
        choices=("digest", "at-once"),
        help="how to tell of images that run nowhere any more (usual: digest)",
    )
    parser.add_argument("--digest-at", metavar="HH:MM", help="all together, at this time of day")
    parser.add_argument("--digest-days", metavar="DAYS", type=_days, help="on these days, as mon,fri")
    parser.add_argument("--at-once", action="store_true", help="each cause by itself, at once (the usual)")
    parser.add_argument("--timezone", metavar="ZONE", help="whose times these are, as Europe/Berlin (default: UTC)")
    parser.add_argument("--quiet-hours", metavar="HH:MM-HH:MM", type=_hours, help="when messages wait, as 22:00-07:00")
    parser.add_argument("--quiet-days", metavar="DAYS", type=_days, help="on which days quiet hours begin, as sat,sun")
    parser.add_argument("--quiet-unless", choices=_SEVERITIES[1:], help="what weighs so much does not wait")
    parser.add_argument("--no-quiet", action="store_true", help="no quiet hours")
    parser.add_argument("--off", action="store_true", help="switched off")
    add_output(parser)


def _adding(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    _saying(parser)


def _changing(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    parser.add_argument("--name", dest="new_name", metavar="NEW", help="another name")
    parser.add_argument("--on", action="store_true", help="switched on")
    _saying(parser)


def _trying(parser: argparse.ArgumentParser) -> None:
    _name(parser)
    parser.add_argument("--last", metavar="N", type=int, default=1000, help="look at so many of the newest transitions")
    add_output(parser)


def _build_fields(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the options say, as the server takes it."""
    fields = {name: getattr(arguments, name) for name in _PLAIN if getattr(arguments, name) is not None}
    for option, field in _MANY.items():
        if (words := getattr(arguments, option)) is not None:
            fields[field] = [word for word in words if word]
    if arguments.images is not None:
        fields["selector"] = arguments.images
    if arguments.digest_days is not None:
        fields["digest_days"] = arguments.digest_days
    if arguments.at_once:
        fields["mode"] = "at-once"
    elif arguments.digest_at is not None or arguments.digest_days is not None:
        fields["mode"] = "digest"
    if arguments.off:
        fields["is_active"] = False
    return fields


def _quiet(arguments: argparse.Namespace, before: dict[str, Any] | None) -> dict[str, Any]:
    """What the options say of quiet hours; what they do not say is as before."""
    if arguments.no_quiet:
        return {"quiet": None}
    changes: dict[str, Any] = {}
    if arguments.quiet_hours is not None:
        changes["from"], changes["until"] = arguments.quiet_hours
    if arguments.quiet_days is not None:
        changes["days"] = arguments.quiet_days
    if arguments.quiet_unless is not None:
        changes["unless_severity"] = arguments.quiet_unless
    return {"quiet": {**(before or {}), **changes}} if changes else {}


def _add(arguments: argparse.Namespace) -> int:
    request = {"name": arguments.name, **_build_fields(arguments), **_quiet(arguments, None)}
    made = api_of(arguments).json("POST", _ALL, document=request)
    return show(arguments, made, lambda subscription: f"subscription {subscription['name']} tells {_how(subscription)}")


def _change(arguments: argparse.Namespace) -> int:
    api, path = api_of(arguments), at(_ONE, arguments)
    request = {**_build_fields(arguments), **({"is_active": True} if arguments.on else {})}
    if arguments.new_name:
        request["name"] = arguments.new_name
    request |= _quiet(arguments, api.get(path)["quiet"])
    made = api.json("PATCH", path, document=request)
    return show(arguments, made, lambda subscription: f"subscription {subscription['name']} tells {_how(subscription)}")


def _how(subscription: dict[str, Any]) -> str:
    if not subscription["is_active"]:
        return "nobody: it is switched off"
    if subscription["mode"] == "at-once":
        return "at once"
    return f"in a digest at {subscription['digest_at']} {subscription['timezone']}"


def _some(field: str) -> Any:
    return lambda subscription: ", ".join(subscription[field]) or "all"


_COLUMNS: tuple[Column, ...] = (
    ("NAME", "name"),
    ("TELLS", _how),
    ("CHANNELS", _some("channels")),
    ("KINDS", _some("kinds")),
    ("IMAGES", "selector"),
    ("SCOPE", "scope"),
    ("SEVERITY", "severity"),
)


def _try(arguments: argparse.Namespace) -> int:
    from hullmark.cli.rows import print_json

    found = api_of(arguments).json("POST", at(f"{_ONE}/dry-run", arguments), document={"last": arguments.last})
    if arguments.output == "json":
        print_json(found)
        return 0
    columns: list[Any] = [("AT", time_of("at")), ("KIND", "kind"), ("REFERENCE", "reference"), ("BY", _cause)]
    none = f"of {found['looked_at']} transitions it would have told none"
    return show_list(arguments, found["items"], columns, none)


def _cause(transition: dict[str, Any]) -> str:
    return str(transition["cause"]["sentence"] or transition["cause"]["subject"])


VERBS = (
    Noun(
        "subscription",
        "choose who is notified of what",
        {
            "list": listing("list who is told of what", _ALL, _COLUMNS, "no subscription"),
            "show": showing("show all that a subscription says", _ONE, _SUBSCRIPTION),
            "add": Action("tell channels of what becomes of some images", _adding, _add),
            "change": Action("have a subscription say something else, or switch it off or on", _changing, _change),
            "try": Action("show what a subscription would have told lately; nothing is sent", _trying, _try),
            "delete": removing(
                "remove a subscription", _ONE, _SUBSCRIPTION, "removed", "subscription {removed} removed"
            ),
        },
        guide="be-told",
    ),
)
