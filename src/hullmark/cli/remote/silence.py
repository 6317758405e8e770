"""`hullmark silence`: of what nobody is to hear for a time."""

from __future__ import annotations

import argparse
from typing import Any

from hullmark.cli.remote.actions import Action, add_actions, add_limit, api_of
from hullmark.cli.rows import add_output

NAME = "silence"
HELP = "hold messages back for a time on the server, list what is held back, end it"
EPILOG = "`hullmark silence ACTION --help` says more of each. docs/how-to/be-told.md shows them at work."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_actions(parser, _ACTIONS)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action].run(arguments)


def _adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--until", metavar="TIME", required=True, help="until when, as 2026-12-31T08:00:00Z")
    parser.add_argument("--from", dest="starts_at", metavar="TIME", help="from when on (default: now)")
    parser.add_argument("--owner", metavar="WHO", required=True, help="who answers for it")
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why")
    parser.add_argument("--kind", metavar="KIND", action="append", help="only this, as fix.*; again for more")
    parser.add_argument(
        "--images", metavar="PATTERN", default="*", help="only these references, with commas between (default: all)"
    )
    parser.add_argument(
        "--subject", metavar="PATTERN", default="*", help="only by causes like CVE-2026-* (default: all)"
    )
    add_output(parser)


def _listing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ended", action="store_true", help="also those that have ended")
    add_limit(parser)
    add_output(parser)


def _ending(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="ID", help="the silence")
    add_output(parser)


def _add(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    wish = {
        "owner": arguments.owner,
        "reason": arguments.reason,
        "ends_at": arguments.until,
        "starts_at": arguments.starts_at,
        "kinds": arguments.kind or [],
        "selector": arguments.images,
        "subject": arguments.subject,
    }
    made = api_of(arguments).json("POST", "/silences", document=wish)
    return show(arguments, made, lambda each: f"silence {each['id']} counts until {each['ends_at']}")


def _list(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_list, time_of

    columns: list[Any] = [
        ("ID", "id"),
        ("FROM", time_of("starts_at")),
        ("UNTIL", time_of("ends_at")),
        ("IMAGES", "selector"),
        ("KINDS", lambda each: ", ".join(each["kinds"]) or "all"),
        ("SUBJECT", "subject"),
        ("OWNER", "owner"),
        ("REASON", "reason"),
    ]
    ended = [("ENDED", time_of("ended_at"))] if arguments.ended else []
    found = api_of(arguments).pages("/silences", {"ended": arguments.ended or None}, arguments.limit)
    return show_list(arguments, found, [*columns, *ended], "no silence")


def _end(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show
    from hullmark.net.api_client import segment

    api_of(arguments).json("DELETE", f"/silences/{segment(arguments.name)}")
    return show(arguments, {"ended": arguments.name}, lambda each: f"silence {each['ended']} ended")


_ACTIONS = {
    "add": Action("hold back messages about something until a moment; they are not sent later", _adding, _add),
    "list": Action("list what is held back", _listing, _list),
    "end": Action("end a silence now", _ending, _end),
}
