"""`hullmark exception`: findings that are accepted for a time."""

from __future__ import annotations

import argparse

from hullmark.cli.remote.actions import EPILOG as _EPILOG
from hullmark.cli.remote.actions import Action, add_actions, add_limit, api_of
from hullmark.cli.rows import add_output

NAME = "exception"
HELP = "accept findings for a time on the server, list what is accepted, end it"
EPILOG = _EPILOG % NAME

_FIELDS = ("rule", "subject", "expires", "owner", "reason", "ticket", "policy", "images")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_actions(parser, _ACTIONS)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action].run(arguments)


def _adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rule", metavar="ID", required=True, help="the rule whose findings are accepted")
    parser.add_argument("--subject", metavar="PATTERN", required=True, help="on what, with * and ? as wildcards")
    parser.add_argument(
        "--expires", metavar="DAY", required=True, help="the last day on which it counts, as 2026-12-31"
    )
    parser.add_argument("--owner", metavar="WHO", required=True, help="who answers for it")
    parser.add_argument("--reason", metavar="TEXT", required=True, help="why")
    parser.add_argument("--ticket", metavar="REF", default="", help="where it was decided")
    parser.add_argument("--policy", metavar="PATTERN", default="*", help="only for this policy (default: all)")
    parser.add_argument("--images", metavar="PATTERN", default="*", help="only for these references (default: all)")
    add_output(parser)


def _listing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ended", action="store_true", help="also those that were ended by hand")
    add_limit(parser)
    add_output(parser)


def _ending(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="ID", help="the exception")
    add_output(parser)


def _add(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    made = api_of(arguments).json("POST", "/exceptions", document={name: getattr(arguments, name) for name in _FIELDS})
    return show(arguments, made, lambda each: f"exception {each['id']} counts until {each['expires']}")


def _list(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_list, time_of

    columns = [("ID", "id"), ("RULE", "rule"), ("SUBJECT", "subject"), ("EXPIRES", "expires"), ("OWNER", "owner")]
    ended = [("ENDED", time_of("ended_at"))] if arguments.ended else []
    found = api_of(arguments).pages("/exceptions", {"ended": arguments.ended or None}, arguments.limit)
    return show_list(arguments, found, [*columns, *ended], "no exception")


def _end(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show
    from hullmark.net.api_client import segment

    api_of(arguments).json("DELETE", f"/exceptions/{segment(arguments.name)}")
    return show(arguments, {"ended": arguments.name}, lambda each: f"exception {each['ended']} ended")


_ACTIONS = {
    "add": Action("accept the findings of a rule on some subjects until a day", _adding, _add),
    "list": Action("list what is accepted", _listing, _list),
    "end": Action("end an exception now: its findings count again", _ending, _end),
}
