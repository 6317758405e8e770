"""`hullmark audit`: who changed what in an account."""

from __future__ import annotations

import argparse

from hullmark.cli.remote.actions import EPILOG as _EPILOG
from hullmark.cli.remote.actions import Action, add_actions, add_limit
from hullmark.cli.rows import add_output

NAME = "audit"
HELP = "list who changed what in the account on the server"
EPILOG = _EPILOG % NAME

_FILTERS = ("action", "actor", "resource_type", "resource", "since", "before")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_actions(parser, _ACTIONS)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action].run(arguments)


def _listing(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--of", metavar="ACTION", default="", help="only this, as policy.activate or policy.*")
    parser.add_argument("--actor", metavar="WHO", default="", help="only by this one, as person:anna or key:deploy")
    parser.add_argument("--resource-type", metavar="KIND", default="", help="only of this kind, as image")
    parser.add_argument("--resource", metavar="NAME", default="", help="only of this one")
    parser.add_argument("--since", metavar="TIME", default="", help="from this moment on")
    parser.add_argument("--before", metavar="TIME", default="", help="until before this moment")
    add_limit(parser)
    add_output(parser)


def _list(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.connection import connect
    from hullmark.cli.remote.shown import show_list, time_of

    wanted = {name: getattr(arguments, name) for name in _FILTERS[1:]}
    found = connect(arguments).pages("/audit", {"action": arguments.of, **wanted}, arguments.limit)
    columns = [("WHO", "actor"), ("DID", "action"), ("ON", "resource_type"), ("NAME", "resource"), ("FROM", "address")]
    return show_list(arguments, found, [("AT", time_of("at")), *columns], "nothing was changed")


_ACTIONS = {"list": Action("list changes, the newest first", _listing, _list)}
