"""`hullmark account`: accounts of a server."""

from __future__ import annotations

import argparse
from typing import Any

from hullmark.cli.remote.actions import EPILOG as _EPILOG
from hullmark.cli.remote.actions import Action, add_actions, add_limit, api_of
from hullmark.cli.rows import add_output

NAME = "account"
HELP = "list, add, change and delete accounts on the server"
EPILOG = _EPILOG % NAME


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's own arguments."""
    add_actions(parser, _ACTIONS)


def run(arguments: argparse.Namespace) -> int:
    """Do the action."""
    return _ACTIONS[arguments.action].run(arguments)


def _listing(parser: argparse.ArgumentParser) -> None:
    add_limit(parser)
    add_output(parser)


def _adding(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="lower-case letters, digits, dots, dashes")
    parser.add_argument("--email", metavar="ADDRESS", default="", help="where its admins are reached")
    add_output(parser)


def _naming(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the account")
    add_output(parser)


def _list(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_list, time_of

    columns = [("ACCOUNT", "name"), ("STATE", "state"), ("ROLE", "role"), ("EMAIL", "email")]
    found = api_of(arguments).pages("/accounts", most=arguments.limit)
    return show_list(arguments, found, [*columns, ("CREATED", time_of("created_at"))], "no account")


def _add(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show

    made = api_of(arguments).json("POST", "/accounts", document={"name": arguments.name, "email": arguments.email})
    return show(arguments, made, lambda each: f"account {each['name']} added")


def _show(arguments: argparse.Namespace) -> int:
    from hullmark.cli.remote.shown import show_fields

    return show_fields(arguments, api_of(arguments).get(_path(arguments)))


def _enable(arguments: argparse.Namespace) -> int:
    return _changed(arguments, "PATCH", {"state": "enabled"})


def _disable(arguments: argparse.Namespace) -> int:
    return _changed(arguments, "PATCH", {"state": "disabled"})


def _delete(arguments: argparse.Namespace) -> int:
    return _changed(arguments, "DELETE", None)


def _changed(arguments: argparse.Namespace, method: str, change: dict[str, Any] | None) -> int:
    from hullmark.cli.remote.shown import show

    after = api_of(arguments).json(method, _path(arguments), document=change)
    return show(arguments, after, lambda each: f"account {each['name']} is {each['state']}")


def _path(arguments: argparse.Namespace) -> str:
    from hullmark.net.api_client import segment

    return f"/accounts/{segment(arguments.name)}"


_ACTIONS = {
    "list": Action("list the accounts that you may see", _listing, _list),
    "add": Action("make an account (operators)", _adding, _add),
    "show": Action("show one account", _naming, _show),
    "enable": Action("open a disabled account again (operators)", _naming, _enable),
    "disable": Action("close an account: it answers nobody, and keeps all that it has (operators)", _naming, _disable),
    "delete": Action("delete a disabled account with all that it has (operators)", _naming, _delete),
}
