"""Nouns with actions: `hullmark image add`, `hullmark key rotate`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from hullmark.cli.help import HelpFormatter, add_example
from hullmark.cli.server_options import add_server_options

if TYPE_CHECKING:
    from hullmark.net.api_client import ApiClient

_DIGITS = 12

OTHER_NAMES = {
    "delete": ("remove", "rm"),
    "end": ("delete", "remove", "rm"),
    "list": ("ls",),
    "show": ("get", "inspect"),
    "add": ("create", "new"),
    "change": ("edit", "update", "set"),
}
"""The words that actions have everywhere, and what else people call them. Those of before are among these."""

Run = Callable[[argparse.Namespace], int]
Add = Callable[[argparse.ArgumentParser], None]


class Action(NamedTuple):
    """A sub-action: its help, what it adds to the command line, what it does. `example`: options that its example shows."""

    help: str
    add: Add
    run: Run
    example: str = ""


def add_actions(parser: argparse.ArgumentParser, actions: Mapping[str, Action]) -> None:
    """The actions of a noun, with the options of the server before and behind their names."""
    add_server_options(parser, with_trust=True)
    subs = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help="what to do")
    for name, action in actions.items():
        add_action(subs, name, action)
    add_other_names(subs)


def add_action(
    subs: argparse._SubParsersAction[argparse.ArgumentParser], name: str, action: Action, *, is_remote: bool = True
) -> None:
    """One action with the options that it shares with its verb; here they do not undo what stands before the action."""
    text = action.help[0].upper() + action.help[1:] + "."
    sub = subs.add_parser(name, help=action.help, description=text, formatter_class=HelpFormatter, allow_abbrev=False)
    action.add(sub)
    if is_remote:
        add_server_options(sub, again=True, with_trust=True)
    sub.add_argument("--config", metavar="FILE", default=argparse.SUPPRESS, help="settings")
    sub.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help="show where an error happened")
    add_example(sub, action.example)
    sub.set_defaults(action=name)


def add_other_names(subs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """What else actions may be called by, where that is not another one: accepted, and not shown."""
    there = dict(subs._name_parser_map)
    for name, others in OTHER_NAMES.items():
        if name in there:
            for other in others:
                subs._name_parser_map.setdefault(other, there[name])


def api_of(arguments: argparse.Namespace) -> ApiClient:
    """The server that is meant, signed in to. What talks to it is loaded now, not for the help."""
    from hullmark.cli.remote.connection import connect

    return connect(arguments)


def add_limit(parser: argparse.ArgumentParser) -> None:
    """How much of a list is wanted."""
    parser.add_argument("--limit", metavar="N", type=_count, help="how many at most (default: all)")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 on")
    return int(text)
